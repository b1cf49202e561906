"""How many bytes a file says it has, by its outermost container structure.

A file cut short by a broken download often decodes without any error. RIFF
chunks (AVI), ISO base media boxes (MP4, MOV; ISO/IEC 14496-12) and the EBML
segment (Matroska, WebM; RFC 9559) all say how far they reach. MPEG transport and program streams
(ISO/IEC 13818-1) and FLV (Adobe's specification 10.1, annex E.4) consist of parts of a known size,
of which the last is whole.
"""

from __future__ import annotations

import struct
from typing import IO

_EBML = b"\x1a\x45\xdf\xa3"
_SEGMENT = b"\x18\x53\x80\x67"
#: A longer header of Matroska is none: it holds a few numbers.
_EBML_HEADER = 1 << 20
_PACKET = 188
_PACK = b"\0\0\1\xba"
#: A program stream's last pack is in its last bytes.
_TAIL = 1 << 16
# Only boxes at the top level of a file: anything else means that an earlier box's length is wrong.
_TOP_BOXES = frozenset(
    b"ftyp moov mdat free skip wide uuid pnot styp sidx moof mfra udta meta emsg prft pdin ssix".split()
)
_INDEXES = (b"moov", b"moof", b"meta")


def declared_size(file: IO[bytes], size: int) -> int | None:
    """Return the bytes that the container claims, or None where it does not say.

    Args:
        file: seekable; its position afterwards is anywhere.
        size: of the file in bytes.
    """
    file.seek(0)
    head = file.read(16)
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"):
        return _riff(file, size)
    if head[:4] == _EBML:
        return _matroska(file)
    if head[4:8] in _TOP_BOXES:
        return _boxes(file, size)
    if head[:3] == b"FLV":
        return _flv(file, size)
    if head[:1] == b"\x47":
        return _transport(file, size)
    if head[:4] == _PACK:
        return _program(file, size)
    return None


def _flv(file: IO[bytes], size: int) -> int | None:
    file.seek(5)
    at = int.from_bytes(file.read(4), "big") + 4
    while at + 11 <= size:
        file.seek(at)
        head = file.read(11)
        if head[0] & 0x1F not in (8, 9, 18):
            return None
        at += 11 + int.from_bytes(head[1:4], "big")
        if at > size:
            return at
        at += 4  # the size of the tag, again
    return None if at == size else size + 1


def _transport(file: IO[bytes], size: int) -> int | None:
    file.seek(_PACKET)
    # Else they have time codes or parity between them.
    return -(-size // _PACKET) * _PACKET if file.read(1) == b"\x47" else None


def _program(file: IO[bytes], size: int) -> int | None:
    """Return where the last packet of a program stream ends."""
    file.seek(max(0, size - _TAIL))
    start = file.tell()
    tail = file.read(_TAIL)
    at = tail.rfind(_PACK)
    if at < 0 or at + 14 > len(tail):
        return None if at < 0 else size + 1
    # MPEG-2's packs have stuffing, by the last three bits; MPEG-1's are shorter.
    at += 14 + (tail[at + 13] & 7) if tail[at + 4] >> 6 == 1 else 12
    while at + 6 <= len(tail) and tail[at : at + 3] == b"\0\0\1" and tail[at + 3] > 0xBA:
        at += 6 + int.from_bytes(tail[at + 4 : at + 6], "big")
    return start + at if at > len(tail) else None


def _riff(file: IO[bytes], size: int) -> int | None:
    end = 0
    while end + 12 <= size:
        file.seek(end)
        name, length = struct.unpack("<4sI", file.read(8))
        # Recorders that were stopped leave a size of 0 behind.
        if name != b"RIFF" or not length:
            break
        end += 8 + length + length % 2
    # Some writers leave out the last pad byte, others count a chunk's own header.
    return min(end, size) if end <= size + 8 else end


def _boxes(file: IO[bytes], size: int) -> int | None:
    end = 0
    seen = set()
    while end + 8 <= size:
        file.seek(end)
        head = file.read(16)
        length, name = struct.unpack(">I4s", head[:8])
        seen.add(name)
        if name not in _TOP_BOXES:
            return None
        if length == 0:  # to the end of the file
            end = size
            break
        if length == 1:
            if len(head) < 16:
                return size + 1
            (length,) = struct.unpack(">Q", head[8:16])
        if length < 8:
            return None
        end += length
    # Media without an index of any kind: it was to follow.
    return max(end, size + 1) if b"mdat" in seen and seen.isdisjoint(_INDEXES) else end


def _matroska(file: IO[bytes]) -> int | None:
    file.seek(4)
    header = _vint(file)
    if header is None or header > _EBML_HEADER:
        return None
    file.seek(header, 1)
    if file.read(4) != _SEGMENT:
        return None
    length = _vint(file)
    return None if length is None else file.tell() + length


def _vint(file: IO[bytes]) -> int | None:
    """Read an EBML variable-length size; None for "unknown"."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    extra = 8 - first[0].bit_length()
    value = first[0] & ((1 << (7 - extra)) - 1)
    for byte in file.read(extra):
        value = value << 8 | byte
    return None if value == (1 << 7 * (extra + 1)) - 1 else value
