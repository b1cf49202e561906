"""The coder of rows between stages: msgspec arrays. StructCoder is the only place that packs rows."""

from __future__ import annotations

from typing import Any

import msgspec
from apache_beam import coders

from clipmill import ledger, messages
from clipmill.export.base import ExportFile
from clipmill.listings import label_table
from clipmill.shards import plan


class StructCoder(coders.Coder):
    """Packs one type of frozen msgspec Struct or NamedTuple; deterministic, so rows can be keys."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)

    def __reduce__(self) -> tuple[Any, ...]:
        return StructCoder, (self._kind,)

    def encode(self, value: Any) -> bytes:
        """Pack a row."""
        return self._encoder.encode(value)

    def decode(self, encoded: bytes | memoryview) -> Any:
        """Unpack a row."""
        return self._decoder.decode(encoded)

    def is_deterministic(self) -> bool:
        """Return True: equal rows have equal bytes."""
        return True

    def to_type_hint(self) -> type:
        """Return the type of the rows."""
        return self._kind

    @classmethod
    def from_type_hint(cls, typehint: type, registry: Any) -> StructCoder:
        """Return the coder of a type."""
        return cls(typehint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StructCoder) and other._kind is self._kind

    def __hash__(self) -> int:
        return hash(self._kind)


ROWS = (
    messages.ClipRow,
    messages.SourceRows,
    messages.ResolvedClip,
    messages.ClipTask,
    messages.SpanDone,
    messages.Clip,
    plan.Outline,
    messages.ShardPlan,
    messages.ShardWritten,
    messages.Verdict,
    label_table.LabelTable,
    ledger.Failure,
    ExportFile,
)


def register() -> None:
    """Register the coder of every row type with Beam, which otherwise pickles them."""
    for kind in ROWS:
        coders.registry.register_coder(kind, StructCoder)
