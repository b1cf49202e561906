"""Lists without a header, "path number" in each line, as mmaction2, SlowFast, PaddleVideo and UniFormer write them.

https://mmaction2.readthedocs.io/en/latest/user_guides/prepare_dataset.html (video annotation)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clipmill.ledger import Failure
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser
from clipmill.listings.columns import is_header
from clipmill.listings.paths import BadRow, is_video
from clipmill.listings.splits import split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

# A path, then a space, tab or comma, then a number: the path may hold spaces and commas itself.
_LINE = re.compile(r"(.*[^\s,])(?:\s+|\s*,\s*)(-1|\d{1,9})", re.ASCII)


_COMMENT = re.compile(rb"\s*#(?:\s|$)")


class NumberedList(Format):
    """A text file with a path and the number of its class in each line."""

    name = "list"
    accepts = 'lists of "path number" without a header'

    def matches(self, look: Look) -> bool:
        """Return whether one of the first lines is a video's path and a number."""
        if not look.is_file or is_header(look.head[0]):
            return False
        found = [_LINE.fullmatch(line.strip()) for line in look.head]
        return any(match and is_video(_path(match[1])) for match in found)

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one for each line that is neither blank nor a comment."""
        rows = RowParser(options, slice_.listing, split_of_file(slice_.listing))
        for line, raw in text_lines.read(slice_.listing, slice_.start, slice_.end, slice_.row):
            if raw.strip() and not _COMMENT.match(raw):
                try:
                    yield _row(rows, line, text_lines.text_of(raw))
                except BadRow as error:
                    yield rows.bad(line, error)


def _path(text: str) -> str:
    """Return a line without all the numbers at its end."""
    while match := _LINE.fullmatch(text):
        text = match[1]
    return text


def _row(rows: RowParser, line: int, text: str) -> ClipRow:
    match = _LINE.fullmatch(text)
    if not match:
        raise BadRow(f"{text!r} is not a path and a number")
    before = _LINE.fullmatch(match[1])
    if before and is_video(before[1]):
        raise BadRow(f"{text!r} has several numbers after the path; a clip has one label")
    source = rows.root.relative(match[1])
    return rows.row(line, source, match[2], None)
