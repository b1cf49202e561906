"""Lists without a header, "path number ..." in each line, as mmaction2, SlowFast, PaddleVideo and UniFormer write them.

https://mmaction2.readthedocs.io/en/latest/user_guides/prepare_dataset.html (video annotation); FineGym's gym99 and
gym288, https://sdolivia.github.io/FineGym, have names of clips for paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clipmill.errors import ListingError
from clipmill.ledger import Failure
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser, rows_of_lines
from clipmill.listings.columns import is_header
from clipmill.listings.paths import BadRow, is_source
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

# A path, then a space, tab or comma, then a number: the path may hold spaces and commas itself.
_LINE = re.compile(r"(.*[^\s,])(?:\s+|\s*,\s*)(-1|\d{1,9})", re.ASCII)
# FineGym names its clips without a suffix: a YouTube id, the times of the event, and those of the element in it.
_FINEGYM = re.compile(r"[\w-]{11}(?:_[EA]_\d+_\d+){2}", re.ASCII)


class NumberedList(Format):
    """A text file with a path and the number of its class, or the numbers of its classes, in each line."""

    name = "list"
    accepts = 'lists of "path number" without a header'

    def matches(self, look: Look) -> bool:
        """Return whether one of the first lines is a video's path and a number."""
        if not look.is_file or is_header(look.head[0]):
            return False
        lines = [line.strip() for line in look.head if len(line) <= text_lines.TEXT_BYTES]
        paths = [_path(match[1]) for match in map(_LINE.fullmatch, lines) if match]
        return any(is_source(path) or _FINEGYM.fullmatch(path) for path in paths)

    def has_lists(self, options: ListingOptions) -> bool:
        """Return whether a line has several numbers behind the path.

        Raises:
            ListingError: two numbers behind every path may be those of frames and of a class.
        """
        return any([_has_lists(path) for path in options.listings])

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one for each line that is neither blank nor a comment."""
        return rows_of_lines(options, slice_, lambda rows, line, text: [_row(rows, line, text)])


def _path(text: str) -> str:
    """Return a line without all the numbers at its end."""
    while match := _LINE.fullmatch(text):
        text = match[1]
    return text


def _parts(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a line's path and the numbers behind it: all where a video's name stands before them, else the last."""
    numbers: tuple[str, ...] = ()
    path = text
    while not (numbers and is_source(path)) and (match := _LINE.fullmatch(path)):
        path, numbers = match[1], (match[2], *numbers)
    if len(numbers) > 1 and not is_source(path):
        last = _LINE.fullmatch(text)
        assert last is not None
        return last[1], (last[2],)
    return path, numbers


def _has_lists(listing: str) -> bool:
    lines = several = two = falling = 0
    for _, raw in text_lines.read_all(listing):
        # Most lines have one number, and need not be taken apart.
        words = raw.replace(b",", b" ").rsplit(None, 2)
        several_numbers = len(words) == 3 and words[1].lstrip(b"-").isdigit() and len(raw) <= text_lines.TEXT_BYTES
        if several_numbers and not text_lines.is_comment(raw):
            numbers = _parts(raw.decode(errors="replace").strip())[1]
            several += len(numbers) > 1
            two += len(numbers) == 2
            falling += len(numbers) == 2 and int(numbers[0]) > int(numbers[1]) >= 0
        lines += bool(words) and not text_lines.is_comment(raw)
    if several and two == lines and 10 * falling >= 9 * lines:
        raise ListingError(
            f"{listing}: two numbers behind every path, and the first one is the larger, as of a clip's frames and its "
            "class: leave the first one out, or say --multi-label if both are labels"
        )
    return several > 0


def _row(rows: RowParser, line: int, text: str) -> ClipRow:
    path, numbers = _parts(text)
    if not numbers:
        raise BadRow(f"{text!r} is not a path and a number")
    source = rows.root.relative(path)
    return rows.row(line, source, numbers if rows.options.label_lists else numbers[-1], None)
