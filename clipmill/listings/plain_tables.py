"""Tables without a header that data sets come with: Moments in Time, and times of UCF-Crime's and THUMOS14's events.

    clapping/flickr-0-8-1.mp4,clapping,3,0                  path, label, annotators who agree and who do not
    Abuse028_x264.mp4  Abuse  165  240  -1  -1              path, label, first and last frame of two events; -1 for none
    video_validation_0000266  72.8 76.4                     in BaseballPitch_val.txt: path, start and end in seconds

http://moments.csail.mit.edu (trainingSet.csv, validationSet.csv), https://www.crcv.ucf.edu/projects/real-world
(Temporal_Anomaly_Annotation_for_Testing_Videos.txt), https://www.crcv.ucf.edu/THUMOS14 (a file for each class)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from clipmill.layout import UNUSED
from clipmill.ledger import Failure
from clipmill.listings.base import Format, ListingSlice, Look, RowParser, rows_of_lines
from clipmill.listings.columns import id_by_frames, id_by_times, time_range
from clipmill.listings.paths import BadRow, is_source, without_suffix
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions


class PlainTable(Format):
    """A text file in which each line has the same cells.

    Attributes:
        line: what a line is; its first group is the path, its second the label.
    """

    line: re.Pattern[str]

    def matches(self, look: Look) -> bool:
        """Return whether each of the first lines has these cells, the first of them a video."""
        found = [self.line.fullmatch(line.strip()) for line in look.head]
        return look.is_file and all(match and is_source(match[1]) for match in found)

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows."""
        return rows_of_lines(options, slice_, self._of_line)

    def _of_line(self, rows: RowParser, line: int, text: str) -> list[ClipRow]:
        match = self.line.fullmatch(text)
        if match is None:
            raise BadRow(f"{text[:60]!r} has not the cells of the other rows")
        return self.clips(rows, line, match)

    def clips(self, rows: RowParser, number: int, match: re.Match[str]) -> list[ClipRow]:
        """Return the clips of one line; raise `BadRow` if it is wrong."""
        raise NotImplementedError


class Moments(PlainTable):
    """Moments in Time; how many agreed stays with the clip."""

    name = "moments"
    accepts = "Moments in Time (path,label,agree,disagree)"
    line = re.compile(r"([^,]+),([^,]+),(\d+),(\d+)", re.ASCII)

    def clips(self, rows: RowParser, number: int, match: re.Match[str]) -> list[ClipRow]:
        """Return the one clip of a line."""
        path, label, agree, disagree = match.groups()
        extra = {"agree": agree, "disagree": disagree}
        return [rows.row(number, rows.root.relative(path), label.strip(), None, extra=extra)]


class UcfCrime(PlainTable):
    """UCF-Crime: a clip for each event, and one of all of a video without any."""

    name = "ucf-crime"
    accepts = "UCF-Crime's temporal annotations (path, label, frames of two events)"
    line = re.compile(r"(\S+)\s+([^\W\d]\w*)((?:\s+-?\d{1,9}){4})", re.ASCII)

    def clips(self, rows: RowParser, number: int, match: re.Match[str]) -> list[ClipRow]:
        """Return a clip for each event of a line, the last frame included; numbers begin at 1."""
        path = rows.root.relative(match[1])
        edges = list(map(int, match[3].split()))
        found = []
        for first, last in (edges[:2], edges[2:]):
            if (first, last) == (-1, -1):
                continue
            if not 0 < first <= last:
                raise BadRow(f"an event from frame {first} to {last}: frames are counted from 1")
            part = (first - 1, last)
            name = id_by_frames(without_suffix(path), part)
            found.append(rows.row(number, path, match[2], None, clip_id=name, frame_range=part))
        return found or [rows.row(number, path, match[2], None)]


class Thumos(PlainTable):
    """THUMOS14: a file for each class, named after it. What is Ambiguous has no label and the split unused."""

    name = "thumos"
    accepts = "THUMOS14's temporal annotations (Diving_val.txt: path start end)"
    line = re.compile(r"(video_\w+)\s+([\d.]+)\s+([\d.]+)", re.ASCII)
    file = re.compile(r"(\w+)_(?:val|test)\.txt", re.ASCII)

    def matches(self, look: Look) -> bool:
        """Return whether the file is named after a class, and its first line is a video with two times."""
        named = look.is_file and self.file.fullmatch(posixpath.basename(look.path))
        return bool(named) and self.line.fullmatch(look.head[0].strip()) is not None

    def clips(self, rows: RowParser, number: int, match: re.Match[str]) -> list[ClipRow]:
        """Return the clip of one line."""
        path = rows.root.relative(match[1])
        start, end = time_range(match[2], match[3])
        label = posixpath.basename(rows.listing).rpartition("_")[0]
        ambiguous = label == "Ambiguous"
        return [
            rows.row(
                number,
                path,
                None if ambiguous else label,
                None,
                clip_id=id_by_times(path, start, end),
                split=UNUSED if ambiguous else "",
                start=start,
                end=end,
            )
        ]
