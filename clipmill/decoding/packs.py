"""Packs: the fragments of many small images in one file.

    fragments, one after the other | index (msgpack) | index's CRC-32C | index's length | magic

A file of its own for each would take longer to make than the image takes to decode, and on an object store a request.
The index has a `SpanDone` for each fragment. By these a rerun finds the clips of the packs that a killed run left,
whichever images stand together in its own jobs. A pack goes when the version that its clips are in is published.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from itertools import chain

import msgspec

from clipmill.decoding.fragments import read_sealed, sealed
from clipmill.messages import ClipTask, Piece, SpanDone
from clipmill.storage import Storage
from clipmill.storage.base import Writer
from clipmill.storage.concurrent import each

#: A folder beside those of the other fragments, so that what looks after leftovers finds all.
PACKS = "work/fragments/packs"
_MAGIC = b"clippack"
_index_decoder = msgspec.msgpack.Decoder(list[SpanDone])


class Pack:
    """Writes fragments to one file.

    Attributes:
        path: of the pack.
    """

    def __init__(self, file: Writer, path: str) -> None:
        self._file = file
        self._size = 0
        self.path = path

    def add(self, fragment: bytes) -> Piece:
        """Append a fragment; returns where it is."""
        self._file.write(fragment)
        self._size += len(fragment)
        return Piece(self.path, offset=self._size - len(fragment), length=len(fragment))

    def finish(self, done: Sequence[SpanDone]) -> None:
        """Write the index of the fragments, by which a rerun finds them."""
        self._file.write(sealed(msgspec.msgpack.encode(done), _MAGIC))


@contextlib.contextmanager
def new_pack(storage: Storage, tasks: Sequence[ClipTask]) -> Iterator[Pack]:
    """Give the writer of a pack, which appears when its `finish` was called and the block ends.

    Its name is made of the clips' keys, so a retried job writes the same bytes to the same name.
    """
    name = hashlib.sha256("".join(task.clip_key for task in tasks).encode()).hexdigest()[:32]
    path = f"{PACKS}/{name}"
    # Not durable, like other fragments.
    with storage.writer(path, durable=False) as file:
        yield Pack(file, path)


def packed_spans(storage: Storage) -> Iterator[tuple[str, SpanDone]]:
    """Iterate over (clip key, where its frames are) for every clip in a pack that a run left."""

    def of_pack(path: str) -> list[SpanDone]:
        # Another run published meanwhile, or another release wrote it.
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            packed = read_sealed(storage, path, _MAGIC)
            return [] if packed is None else _index_decoder.decode(packed)
        return []

    found = each(storage, of_pack, (path for path, _ in storage.list(PACKS)))
    yield from ((span.clip_key, span) for span in chain.from_iterable(found))
