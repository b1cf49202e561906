"""AVA and AVA-Kinetics: a row for each box of a person around a time, without a header.

    -5KQ66BBWC4,0902,0.077,0.151,0.283,0.811,80,1       video, seconds, x1, y1, x2, y2, action, person

The rows of one time are one clip, of the 3 seconds around it, as its annotators saw them, with all their actions as
labels. The boxes are in its column `boxes`, as JSON. A time without boxes has empty cells.
https://research.google.com/ava/download.html (ava_train_v2.2.csv; Gu et al., CVPR 2018, section 3.1)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby

from clipmill.ledger import Failure
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser
from clipmill.listings.paths import BadRow
from clipmill.listings.splits import split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

#: Seconds before and after its time that a clip has.
HALF = 1.5
# Corners are shares of the width and height; AVA-Kinetics has no person, and some of its corners lie just outside.
_CORNER = r"-?[01](?:\.\d+)?"
_LINE = re.compile(
    rf"([\w-]+),(\d+(?:\.\d+)?),(?:({_CORNER},{_CORNER},{_CORNER},{_CORNER},(\d+)(?:,\d+)?)|,,,,?,?)", re.ASCII
)


class Ava(Format):
    """A clip for each video and time, whose rows follow each other."""

    name = "ava"
    accepts = "AVA's tables of boxes"

    def matches(self, look: Look) -> bool:
        """Return whether the first line is a box."""
        return look.is_file and bool(_LINE.fullmatch(look.head[0].strip()))

    def has_lists(self, options: ListingOptions) -> bool:
        """Return True: a clip has the actions of all its boxes."""
        return True

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return one slice for each file, since a cut could part the rows of one clip."""
        return [ListingSlice(path, *cut) for path in options.listings for cut in text_lines.cuts(path, unless=b",")]

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the clips, and the rows that are no boxes."""
        rows = RowParser(options, slice_.listing, split_of_file(slice_.listing))
        lines = text_lines.read(slice_.listing, slice_.start, slice_.end, slice_.row)
        for key, group in groupby((pair for pair in lines if pair[1].strip()), _key):
            boxes = []
            for number, raw in group:
                match = _LINE.fullmatch(raw.decode(errors="replace").strip())
                if match is None:
                    yield rows.bad(number, f"{raw[:60].decode(errors='replace')!r} is no box of AVA", key[0])
                else:
                    boxes.append((number, match))
            if boxes:
                try:
                    yield _clip(rows, boxes)
                except BadRow as error:
                    yield rows.bad(boxes[0][0], error)


def _key(numbered: tuple[int, bytes]) -> tuple[str, str]:
    """Return the video and the time of a line."""
    video, _, rest = numbered[1].decode(errors="replace").strip().partition(",")
    return video, rest.partition(",")[0]


def _clip(rows: RowParser, boxes: list[tuple[int, re.Match[str]]]) -> ClipRow:
    number, first = boxes[0]
    video, time = first[1], float(first[2])
    there = [match for _, match in boxes if match[3]]
    return rows.row(
        number,
        rows.root.relative(video),
        tuple(dict.fromkeys(match[4] for match in there)),
        None,
        clip_id=f"{video}_{first[2]}",
        start=max(0.0, time - HALF),
        end=time + HALF,
        extra={"key_time": first[2], "boxes": "[" + ", ".join(f"[{match[3]}]" for match in there) + "]"},
    )
