"""Listings that are text files: their first lines, line-aligned slices, and lines with their numbers."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from clipmill.errors import ListingError
from clipmill.listings.paths import BadRow
from clipmill.storage import Storage, split_path

#: Bytes of a listing that one slice has, about; a smaller listing is one slice.
SLICE_BYTES = 8 << 20
#: Bytes that are read at a time.
BLOCK_BYTES = 1 << 20
#: A longer line is no row of a listing.
LINE_BYTES = 16 << 20
#: The most of a line that is a path and a few words.
TEXT_BYTES = 16 << 10
#: What a Parquet file begins with.
PARQUET = "PAR1"

_HEAD_BYTES = 64 << 10
_HEAD_LINES = 5
_COMMENT = re.compile(rb"\s*#(?:\s|$)")


def head(path: str) -> list[str]:
    """Read the first few lines that are neither blank nor comments, without line ends.

    Bytes that are not UTF-8 are replaced. Of a JSON document in one long line it is the beginning; of a Parquet file
    `PARQUET` alone.

    Raises:
        ListingError: the file is empty, or not text that can be read.
    """
    storage, name = split_path(path)
    size = _size(storage, name, path)
    data = storage.read(name, 0, min(size, _HEAD_BYTES))
    if data.startswith(PARQUET.encode()):
        return [PARQUET]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ListingError(f"{path}: a UTF-16 file; save it as UTF-8")
    if b"\0" in data:
        raise ListingError(f"{path}: not a text file, so not a listing")
    # A file of lone CRs may have one LF at its end.
    if b"\r" in data.strip().partition(b"\n")[0].rstrip(b"\r"):
        raise ListingError(f"{path}: its lines end in a lone CR; save it with LF or CRLF line ends")
    whole = data if size <= _HEAD_BYTES else data.rpartition(b"\n")[0]
    if not whole and data.removeprefix(codecs.BOM_UTF8).lstrip()[:1] in (b"{", b"["):
        whole = data
    found = [line.strip(b"\r") for line in whole.removeprefix(codecs.BOM_UTF8).split(b"\n") if line.strip()]
    found = [line for line in found if not is_comment(line)] or found
    if not found:
        raise ListingError(f"{path}: an empty file, or its first line is far too long for a listing")
    return [line.decode(errors="replace") for line in found[:_HEAD_LINES]]


def cuts(path: str, unless: bytes = b"") -> list[tuple[int, int, int]]:
    """Find where to cut a file into slices of about `SLICE_BYTES`, each of whole lines.

    Args:
        path: of the file.
        unless: a file that holds these bytes is not cut.

    Returns:
        (start, end, number of the first line) of each slice.
    """
    storage, name = split_path(path)
    size = _size(storage, name, path)
    if size <= SLICE_BYTES:
        return [(0, size, 1)]
    found = []
    start, row, counted = 0, 1, 0
    for at in range(0, size, BLOCK_BYTES):
        block = _read(storage, name, at, min(at + BLOCK_BYTES, size))
        if unless and unless in block:
            return [(0, size, 1)]
        place = 0
        while True:
            wanted = max(start + SLICE_BYTES - 1 - at, place)
            newline = block.find(b"\n", wanted) + 1
            counted += block.count(b"\n", place, newline or len(block))
            if not newline:
                break
            place = newline
            found.append((start, at + place, row))
            start, row = at + place, counted + 1
    if start < size:
        found.append((start, size, row))
    return found


def read(path: str, start: int, end: int, row: int) -> Iterator[tuple[int, bytes]]:
    """Read the lines of a slice with their numbers, without line ends; blank lines too.

    Raises:
        ListingError: a line is too long, or the file changed since it was cut.
    """
    storage, name = split_path(path)
    rest = b""
    for at in range(start, end, BLOCK_BYTES):
        block = _read(storage, name, at, min(at + BLOCK_BYTES, end))
        if at == 0:
            block = block.removeprefix(codecs.BOM_UTF8)
        found = (rest + block).split(b"\n")
        rest = found.pop()
        if len(rest) > LINE_BYTES:
            raise ListingError(f"{path}:{row + len(found)}: a line of more than {LINE_BYTES >> 20} MB")
        for line in found:
            yield row, line.removesuffix(b"\r")
            row += 1
    if rest:
        yield row, rest.removesuffix(b"\r")


def is_comment(line: bytes) -> bool:
    """Return whether a line is a comment: "#" with a blank behind it, or alone; #1.mp4 may be a file."""
    return bool(_COMMENT.match(line))


def read_all(path: str) -> Iterator[tuple[int, bytes]]:
    """Read the lines of a whole file with their numbers."""
    storage, name = split_path(path)
    return read(path, 0, _size(storage, name, path), 1)


def text_of(raw: bytes) -> str:
    """Decode a line, without spaces around it.

    Raises:
        BadRow: it is not UTF-8, or longer than a path and a few words are.
    """
    if len(raw) > TEXT_BYTES:
        raise BadRow(f"a line of {len(raw):,} bytes, which begins with {raw[:40].decode(errors='replace')!r}")
    try:
        return raw.decode().strip()
    except UnicodeDecodeError:
        raise BadRow("the row is not UTF-8") from None


def _size(storage: Storage, name: str, path: str) -> int:
    stat = storage.stat(name)
    if stat is None:
        raise ListingError(f"{path}: there is no such file")
    return stat.size


def _read(storage: Storage, name: str, start: int, end: int) -> bytes:
    data = storage.read(name, start, end)
    if len(data) != end - start:
        raise ListingError(f"{storage.root}/{name}: the listing changed while it was read")
    return data
