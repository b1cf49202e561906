"""Finding where a container's structure breaks: it is a chain of parts, each of which says where the next begins.

After a break, demuxers skip to the next part that they know, without an error, so the chain is
walked here. AVI (RIFF chunks), MP4 and MOV (boxes, ISO/IEC 14496-12), Matroska and WebM
(EBML elements, RFC 9559), FLV (tags, Adobe's specification 10.1, annex E.4), Ogg (pages,
RFC 3533), MPEG transport streams (packets, ISO/IEC 13818-1, 2.4.3.2) and program streams (packs
of packets, 2.5.3.3) have such a chain; other formats are not checked.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import IO

#: A run of zeros of this length, a disk block, is not video data: an interrupted download leaves such runs.
HOLE = 512
_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
_EBML = 0x1A45DFA3
_SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xA3, 0xA0, 0xA1
#: Bytes of a block's track, time and flags; a block of no more is a frame that was dropped.
_BLOCK_HEAD = 4
_ANYWHERE = {0xEC, 0xBF}  # Void, CRC-32
# SeekHead, Info, Tracks, Cluster, Cues, Attachments, Chapters, Tags.
_LEVEL_1 = {0x114D9B74, 0x1549A966, 0x1654AE6B, _CLUSTER, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367}
# Timestamp, SimpleBlock, BlockGroup, Position, PrevSize, EncryptedBlock, SilentTracks.
_IN_CLUSTER = {0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0xAF, 0x5854}
_BOXES = frozenset(
    b"ftyp moov mdat free skip wide uuid pnot styp sidx moof mfra udta meta emsg prft pdin ssix PICT junk".split()
)
_CHUNKS = frozenset(b"JUNK idx1 LIST RIFF".split())


def broken_at(file: IO[bytes], size: int) -> int | None:
    """Return the first byte where a part of the chain should begin and none does; None where the chain is whole.

    Args:
        file: seekable; its position afterwards is anywhere.
        size: of the file in bytes. A last part that reaches past it breaks nothing.
    """
    file.seek(0)
    head = file.read(12)
    walk: Callable[[IO[bytes], int], Iterator[int]] | None = None
    if head[:4] == b"RIFF" and head[8:] == b"AVI ":
        walk = _riff
    elif head[:4] == b"\x1a\x45\xdf\xa3":
        walk = _matroska
    elif head[:3] == b"FLV":
        walk = _flv
    elif head[:4] == b"OggS":
        walk = _ogg
    elif head[4:8] in _BOXES:
        walk = _boxes
    elif head[0] == 0x47:
        walk = _transport
    elif head[:4] == b"\0\0\1\xba":
        walk = _program
    return next(walk(file, size), None) if walk else None


def zeros(file: IO[bytes], size: int) -> int:
    """Count the bytes in blocks of `HOLE` bytes that are all zeros."""
    file.seek(0)
    blank = bytes(HOLE)
    total = 0
    while block := file.read(1 << 20):
        if blank in block:
            total += sum(block[at : at + HOLE] == blank for at in range(0, len(block), HOLE)) * HOLE
    return min(total, size)


def _riff(file: IO[bytes], size: int) -> Iterator[int]:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(12)
        name, length = struct.unpack("<4sI", head[:8])
        kind = head[8:12]
        stream = name[:2].isdigit() or name[:2] == b"ix"
        if name in (b"RIFF", b"LIST") and (kind in (b"AVI ", b"AVIX", b"movi", b"rec ") or not length):
            at += 12
        elif name in _CHUNKS or stream:
            at += 8 + length + length % 2
        else:
            # Some writers count a chunk's pad byte, or leave it out.
            file.seek(max(0, at - 1))
            near = file.read(10)
            if near[:2].isdigit() or near[:4] in _CHUNKS:
                at -= 1
            elif near[2:4].isdigit() or near[2:6] in _CHUNKS:
                at += 1
            else:
                yield at
                return


def _boxes(file: IO[bytes], size: int) -> Iterator[int]:
    at = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length, name = struct.unpack(">I4s", head[:8])
        if name not in _BOXES and not (name.isalnum() and length >= 8):
            yield at
            return
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack(">Q", head[8:])
        if length < 8:  # 0: to the end of the file
            return
        at += length


def _matroska(file: IO[bytes], size: int) -> Iterator[int]:
    return (at for at, name, _, _ in _elements(file, size) if not name)


def _elements(file: IO[bytes], size: int) -> Iterator[tuple[int, int, int, int]]:
    """Iterate over the elements down to those in clusters, up to a break.

    Yields:
        Place, id (0 for the break), bytes of id and length, length (0 of those that are gone into).
    """
    at = 0
    end = size
    known = {_EBML, _SEGMENT}
    while at + 2 <= size:
        file.seek(at)
        name, length, taken = _element(file.read(12))
        if name not in known | _ANYWHERE:
            yield at, 0, 0, 0
            return
        if name == _SEGMENT and length is not None:
            end = at + taken + length
        if name in (_SEGMENT, _CLUSTER):
            known, length = _LEVEL_1 | (_IN_CLUSTER if name == _CLUSTER else set()), 0
        elif name in _LEVEL_1:
            known = _LEVEL_1
        if length is not None and at < end <= size < at + taken + length:
            yield at, 0, 0, 0
            return
        yield at, name, taken, length or 0
        if length is None:
            return
        at += taken + length


def blocks(file: IO[bytes], size: int, position: int) -> int:
    """Count the blocks of one track of a Matroska file that are not empty, up to a break.

    Args:
        file: seekable; its position afterwards is anywhere.
        size: of the file in bytes.
        position: of what is in one of these blocks: it begins with the track's number.
    """
    file.seek(max(0, position))
    track = file.read(1)
    found = 0
    for at, name, taken, length in _elements(file, size):
        if name in (_SIMPLE_BLOCK, _BLOCK_GROUP):
            file.seek(at + taken)
            head = file.read(16)
            if name == _BLOCK_GROUP:
                inner, inside, taken = _element(head)
                head, length = head[taken:], (inside or 0 if inner == _BLOCK else 0)
            found += length > _BLOCK_HEAD and head[:1] == track >= b"\x80"
    return found


def _element(head: bytes) -> tuple[int, int | None, int]:
    """Return an EBML element's id, its length (None for unknown), and the bytes that both take; id 0 for none."""
    if not head or head[0] < 0x10:
        return 0, 0, 1
    wide = 9 - head[0].bit_length()
    rest = head[wide:]
    if not rest or not rest[0]:
        return 0, 0, 1
    extra = 9 - rest[0].bit_length()
    value = int.from_bytes(rest[:extra], "big") & ((1 << 7 * extra) - 1)
    name = int.from_bytes(head[:wide], "big")
    return name, None if value == (1 << 7 * extra) - 1 else value, wide + extra


def _flv(file: IO[bytes], size: int) -> Iterator[int]:
    file.seek(5)
    at = int.from_bytes(file.read(4), "big") + 4
    while at + 11 <= size:
        file.seek(at)
        head = file.read(11)
        if head[0] & 0x1F not in (8, 9, 18) or head[8:11] != b"\0\0\0":
            yield at
            return
        at += 11 + int.from_bytes(head[1:4], "big") + 4


def _ogg(file: IO[bytes], size: int) -> Iterator[int]:
    at = 0
    while at + 27 <= size:
        file.seek(at)
        head = file.read(27)
        if head[:4] != b"OggS":
            yield at
            return
        at += 27 + head[26] + sum(file.read(head[26]))


def _transport(file: IO[bytes], size: int) -> Iterator[int]:
    file.seek(188)
    if file.read(1) != b"\x47":  # with time codes or parity between them
        return
    file.seek(0)
    at = 0
    while block := file.read(188 << 10):
        for first in range(0, len(block), 188):
            if block[first] != 0x47:
                yield at + first
                return
        at += len(block)


def _program(file: IO[bytes], size: int) -> Iterator[int]:
    at = 0
    while at + 14 <= size:
        file.seek(at)
        head = file.read(14)
        if head[:3] != b"\0\0\1" or head[3] < 0xB9:
            yield at
            return
        if head[3] == 0xB9:  # the end
            return
        if head[3] != 0xBA:
            at += 6 + int.from_bytes(head[4:6], "big")
        else:
            # MPEG-2's packs have stuffing, by the last three bits; MPEG-1's are shorter.
            at += 14 + (head[13] & 7) if head[4] >> 6 == 1 else 12
