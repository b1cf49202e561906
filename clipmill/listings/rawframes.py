"""Lists of folders of frames, as MMAction2, UniFormer and VideoMAE write them: folder, number of frames, label.

    imgs/x 156 140          a folder, its frames, its label
    imgs/x 2 5 127          from which frame on (the offset) before the number of frames
    imgs/x 5 1 3            several labels

Three numbers in every line are offset, frames and label, unless --multi-label says that two are labels.
https://mmaction2.readthedocs.io/en/latest/user_guides/prepare_dataset.html (rawframe annotation)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from clipmill.ledger import Failure
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser, rows_of_lines
from clipmill.listings.columns import id_by_frames, is_header
from clipmill.listings.not_a_listing import AUDIO_SUFFIXES
from clipmill.listings.paths import BadRow, is_source
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

_WORD = re.compile(r"[^\s,]+")
_NUMBER = re.compile(r"-1|\d{1,9}", re.ASCII)
# A corner of a box, or a time: such rows are AVA's.
_FRACTION = re.compile(r"-?\d*\.\d+", re.ASCII)
_WITH_OFFSET = 3


class RawFrames(Format):
    """A folder of numbered images and two or more numbers in each line."""

    name = "rawframes"
    accepts = 'lists of "folder frames label" (rawframes)'

    def matches(self, look: Look) -> bool:
        """Return whether each of the first lines is a folder and two or more numbers."""
        return look.is_file and not is_header(look.head[0]) and all(map(_is_row, look.head))

    def has_lists(self, options: ListingOptions) -> bool:
        """Return whether some rows have several labels: where not all have the same two or three numbers."""
        counts = set()
        for path in options.listings:
            for _, raw in text_lines.read_all(path):
                if not text_lines.is_comment(raw):
                    _, numbers = _parts(raw[: text_lines.TEXT_BYTES].decode(errors="replace"))
                    counts.add(len(numbers))
        counts -= {0, 1}
        return len(counts) > 1 or max(counts, default=0) > _WITH_OFFSET

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one for each line that is neither blank nor a comment."""
        return rows_of_lines(options, slice_, lambda rows, line, text: [_row(rows, line, text)])


def _is_row(line: str) -> bool:
    path, numbers = _parts(line)
    words = _WORD.findall(path)
    return len(numbers) > 1 and not any(map(_is_other, words))


def _is_other(word: str) -> bool:
    """Return whether a word is of a list of another kind: a file's name, or a fraction."""
    is_audio = posixpath.splitext(word)[1].lower() in AUDIO_SUFFIXES
    return is_source(word) or is_audio or bool(_FRACTION.fullmatch(word))


def _parts(text: str) -> tuple[str, list[str]]:
    """Return the path, which may hold spaces and commas itself, and all the numbers behind it."""
    words = list(_WORD.finditer(text))
    last = len(words)
    while last > 1 and _NUMBER.fullmatch(words[last - 1][0]):
        last -= 1
    return text[: words[last - 1].end()].strip() if words else "", [word[0] for word in words[last:]]


def _row(rows: RowParser, line: int, text: str) -> ClipRow:
    path, numbers = _parts(text)
    if len(numbers) < 2:
        raise BadRow(f"{text[:60]!r} is not a folder, a number of frames and a label")
    folder = rows.root.relative(path.rstrip("/\\"))
    if rows.options.label_lists:
        frames, *labels = numbers
        _positive(frames)
        return rows.row(line, folder, tuple(labels), None, extra={"listing_frames": frames})
    *offset, frames, label = numbers  # has_lists said that there are two or three
    count = _positive(frames)
    extra = {"listing_frames": frames}
    if not offset:
        return rows.row(line, folder, label, None, extra=extra)
    first = int(offset[0])
    if first < 0:
        raise BadRow(f"the offset is {first}, not a number of frames from 0")
    part = (first, first + count)
    return rows.row(line, folder, label, None, clip_id=id_by_frames(folder, part), extra=extra, frame_range=part)


def _positive(frames: str) -> int:
    if int(frames) < 1:
        raise BadRow(f"the number of frames is {frames}")
    return int(frames)
