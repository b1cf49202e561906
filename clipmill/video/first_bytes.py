"""What a file's first bytes say that libav does not ask: archives of videos, and raw streams that begin in the middle.

libav's probes look for a stream anywhere in the first bytes. So they find one inside of a tar, of a stored zip, or
behind the header of an AVI that zeros have overwritten, and would join all that they find to one clip.
"""

from __future__ import annotations

import re

#: Bytes that `archive_kind` looks at: a tar's first header.
HEAD = 512
#: ZIP: PKWARE's APPNOTE 4.3; RAR: rarlab's technote; gzip: RFC 1952; the others: their own specifications.
_ARCHIVES = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstandard"),
)
#: A start code of MPEG, H.264 or H.265: two zeros or more, and a one.
_START_CODE = re.compile(rb"\0{2,}\x01")
#: Demuxers that take any bytes in which they find start codes.
_RAW = frozenset(("h264", "hevc", "m4v", "mpeg", "mpegvideo", "vvc"))


def archive_kind(head: bytes) -> str:
    """Return which archive begins with these bytes; "" for none.

    Args:
        head: the first `HEAD` bytes of the file, or all of them.
    """
    return next((kind for first, kind in _ARCHIVES if head.startswith(first)), "tar" if _is_tar(head) else "")


def begins_inside(demuxer: str, head: bytes) -> bool:
    """Return whether a demuxer of raw streams skipped bytes of another kind at the start of the file."""
    return demuxer in _RAW and not _START_CODE.match(head)


def _is_tar(head: bytes) -> bool:
    """Return whether the checksum of a tar header is right: POSIX.1-2017, pax, ustar Interchange Format."""
    if len(head) < HEAD or not any(head[:100]):
        return False
    said = re.match(rb" *([0-7]{1,7})[ \0]", head[148:157])
    return said is not None and int(said[1], 8) == sum(head[:148]) + sum(head[156:HEAD]) + 8 * 0x20
