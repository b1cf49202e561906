"""Fragments: the encoded frames of one span of one clip, between decoder and shard.

    frames, one after the other | footer (msgpack) | footer's CRC-32C | footer's length | magic

The name is the clip's key and the span, so a retried or duplicated decoder writes
the same bytes to the same name, and a rerun finds what is done. A clip that cannot
be decoded leaves a fragment without frames that records why. The fragments of small
images lie in packs (`clipmill.decoding.packs`).
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Iterator, Sequence

import google_crc32c
import msgspec

from clipmill.errors import StorageError
from clipmill.messages import Piece
from clipmill.storage import Storage
from clipmill.storage.base import Writer

_TAIL = struct.Struct("<II8s")
_MAGIC = b"clipfrag"
#: Bytes that are checksummed and written at once: few enough to stay in the processor's cache.
_FLUSH = 128 << 10
#: Bytes at a file's end that are read to find what it ends with.
_GUESS = 64 << 10
#: A fragment without frames is smaller.
_FAILURE_BYTES = 4096


class Footer(msgspec.Struct, frozen=True, array_like=True):
    """All of a fragment but its pixels.

    Attributes:
        sizes: bytes of each frame.
        timestamps: microseconds from the clip's start, one per frame.
        frame_index: number of each frame in decoding order within the clip.
        digests: the SHA-256 of each frame, 32 bytes each.
        crc32c: of all frames' bytes.
        width, height: stored size in pixels.
        fps: as stored.
        bad_packets: refused by the decoder and skipped.
        failure: (reason, message) where the clip cannot be decoded, else None.
    """

    sizes: list[int]
    timestamps: list[int]
    frame_index: list[int]
    digests: bytes
    crc32c: int
    width: int
    height: int
    fps: float
    bad_packets: int
    failure: tuple[str, str] | None = None


_footer_decoder = msgspec.msgpack.Decoder(Footer)


def fragment_path(clip_key: str, span: int, of: int) -> str:
    """Return the path of a span's fragment."""
    return f"work/fragments/{clip_key[:2]}/{clip_key}-{span}-{of}"


@contextlib.contextmanager
def new_fragment(storage: Storage, path: str) -> Iterator[FragmentWriter]:
    """Give the writer of a fragment, which appears when the writer's `finish` was called and the block ends."""
    # Not durable: a fragment that a power cut damaged fails its checks and is made again.
    with storage.writer(path, durable=False) as file:
        yield FragmentWriter(file)


class FragmentWriter:
    """Writes the frames of one fragment to a file as they come, and then its footer."""

    def __init__(self, file: Writer) -> None:
        self._file = file
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._crc = google_crc32c.Checksum()
        self.sizes: list[int] = []
        self._digests: list[bytes] = []
        self.nbytes = 0

    def add(self, frame: bytes) -> None:
        """Append one encoded frame."""
        self.sizes.append(len(frame))
        self._digests.append(hashlib.sha256(frame).digest())
        self.nbytes += len(frame)
        self._pending.append(frame)
        self._pending_bytes += len(frame)
        if self._pending_bytes >= _FLUSH:
            self._flush()

    def finish(
        self,
        timestamps: list[int],
        frame_index: list[int],
        size: tuple[int, int],
        fps: float,
        bad_packets: int,
        failure: tuple[str, str] | None = None,
    ) -> Footer:
        """Write the footer, and return it."""
        self._flush()
        footer = Footer(
            sizes=self.sizes,
            timestamps=timestamps,
            frame_index=frame_index,
            digests=b"".join(self._digests),
            crc32c=int.from_bytes(self._crc.digest(), "big"),
            width=size[0],
            height=size[1],
            fps=fps,
            bad_packets=bad_packets,
            failure=failure,
        )
        self._file.write(sealed(msgspec.msgpack.encode(footer), _MAGIC))
        return footer

    def _flush(self) -> None:
        chunk = b"".join(self._pending)
        self._crc.update(chunk)
        self._file.write(chunk)
        self._pending.clear()
        self._pending_bytes = 0


def sealed(packed: bytes, magic: bytes) -> bytes:
    """Return what a file ends with, followed by its CRC-32C, its length and eight bytes that tell the kind of file."""
    return packed + _TAIL.pack(google_crc32c.value(packed), len(packed), magic)


def read_sealed(storage: Storage, path: str, magic: bytes) -> bytes | None:
    """Read what `sealed` ends a file with; None if there is no such file, or it is damaged."""
    stat = storage.stat(path)
    if stat is None:
        return None
    end = storage.read(path, max(0, stat.size - _GUESS), stat.size)
    length = _sealed_length(end, magic, stat.size)
    if length > len(end):
        end = storage.read(path, stat.size - length, stat.size)
    return _unsealed(end, magic)


def read_footer(storage: Storage, path: str) -> Footer | None:
    """Read the footer of a fragment; None if there is no such fragment, or it is damaged."""
    return _footer(read_sealed(storage, path, _MAGIC))


def _footer(packed: bytes | None) -> Footer | None:
    """Return the footer; None where there is none, or it is that of another release."""
    with contextlib.suppress(msgspec.DecodeError):
        return None if packed is None else _footer_decoder.decode(packed)
    return None


def remembered_failure(storage: Storage, path: str) -> tuple[str, str] | None:
    """Read the (reason, message) of a fragment that records a failure; None for all others."""
    stat = storage.stat(path)
    if stat is None or stat.size > _FAILURE_BYTES:
        return None
    footer = read_footer(storage, path)
    return None if footer is None else footer.failure


def _sealed_length(end: bytes, magic: bytes, size: int) -> int:
    """Return how many bytes are sealed, tail included, by the end of a file of `size` bytes; 0 if it is of no such."""
    if len(end) < _TAIL.size:
        return 0
    _, length, found = _TAIL.unpack(end[-_TAIL.size :])
    length += _TAIL.size
    return length if found == magic and length <= size else 0


def _unsealed(end: bytes, magic: bytes) -> bytes | None:
    length = _sealed_length(end, magic, len(end))
    packed = end[len(end) - length : -_TAIL.size]
    return packed if length and google_crc32c.value(packed) == _TAIL.unpack(end[-_TAIL.size :])[0] else None


def read_fragment(storage: Storage, piece: Piece) -> tuple[Footer, list[memoryview]]:
    """Read a whole fragment: its footer and its frames.

    Raises:
        FileNotFoundError: there is none.
        StorageError: its bytes are not those that were written.
    """
    data = storage.read(piece.path, piece.offset, piece.offset + piece.length if piece.length else None)
    footer = _footer(_unsealed(data, _MAGIC))
    if footer is not None:
        frames = memoryview(data)[: sum(footer.sizes)]
        if _crc32c(frames) == footer.crc32c:
            return footer, cut(frames, footer.sizes)
    # Deleted, or every rerun would find it again.
    storage.delete(piece.path)
    raise StorageError(f"{storage.root}/{piece.path}: damaged fragment, now deleted; run the build again")


def _crc32c(data: memoryview) -> int:
    crc = google_crc32c.Checksum()
    for start in range(0, len(data), _FLUSH):
        crc.update(bytes(data[start : start + _FLUSH]))
    return int.from_bytes(crc.digest(), "big")


def cut(frames: memoryview, sizes: Sequence[int]) -> list[memoryview]:
    """Cut consecutive frames apart."""
    out = []
    at = 0
    for size in sizes:
        out.append(frames[at : at + size])
        at += size
    return out


def clip_digest(digests: Sequence[bytes]) -> str:
    """Return the SHA-256 over the SHA-256 of each frame, hex: the same however the clip was cut into spans.

    Args:
        digests: the `Footer.digests` of the clip's spans, in order.
    """
    return hashlib.sha256(b"".join(digests)).hexdigest()


def seconds_shown(timestamps: Sequence[int], fps: float) -> float:
    """Return how many seconds frames are shown that begin at these microseconds, the last as long as the one before.

    Args:
        fps: gives the time of a frame that is the only one.
    """
    if len(timestamps) < 2:
        return len(timestamps) / fps
    return (2 * timestamps[-1] - timestamps[-2]) / 1_000_000


def joined(storage: Storage, pieces: list[Piece]) -> tuple[str, float]:
    """Return digest and duration, in seconds, of a clip that was decoded in several spans, from their footers."""
    footers = [read_footer(storage, piece.path) for piece in pieces]
    missing = [piece.path for piece, footer in zip(pieces, footers, strict=True) if footer is None]
    if missing:
        raise StorageError(f"{storage.root}/{missing[0]}: a fragment of this run is gone; build again")
    known = [footer for footer in footers if footer is not None]
    times = [time for footer in known for time in footer.timestamps]
    return clip_digest([footer.digests for footer in known]), seconds_shown(times, known[0].fps)
