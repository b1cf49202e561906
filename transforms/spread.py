"""Dealing rows out to all workers."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
import msgspec


class Spread(beam.PTransform):
    """A Reshuffle of rows, packed on the way: Beam's own pickles what is not a plain value.

    Args:
        kind: the rows' type.
    """

    def __init__(self, kind: type) -> None:
        super().__init__()
        self._kind = kind

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Rows of one type; the same come out."""
        return (
            rows
            | "Pack" >> beam.Map(msgspec.msgpack.encode).with_output_types(bytes)
            | "Deal" >> beam.Reshuffle()
            | "Unpack" >> beam.Map(_Decode(self._kind)).with_output_types(self._kind)
        )


class _Decode:
    def __init__(self, kind: type) -> None:
        self._kind = kind
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(kind)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Decode, (self._kind,)

    def __call__(self, packed: bytes) -> Any:
        return self._decoder.decode(packed)
