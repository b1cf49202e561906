"""Tables of clips: which column is what, and one row's cells turned into a clip."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clipmill.layout import CLIP_COLUMNS
from clipmill.listings.base import RowParser
from clipmill.listings.label_rules import as_number, is_nothing
from clipmill.listings.paths import BadRow, without_suffix
from clipmill.listings.splits import split_name
from clipmill.messages import ClipRow

Aliases = Mapping[str, tuple[str, ...]]

_SHARED: Aliases = {
    "label": ("label", "class", "class_name", "classname", "label_name", "label_text", "category", "action"),
    "number": ("label_id", "label_index", "label_number", "class_id", "class_index", "class_number"),
    "split": ("split", "subset", "set", "partition"),
    "start": ("start", "time_start", "start_time", "start_sec", "start_seconds", "t_start", "begin"),
    "end": ("end", "time_end", "end_time", "end_sec", "end_seconds", "t_end"),
}
#: Names of the columns of a generic table, in lower case, "_" for other signs; earlier ones go first.
GENERIC: Aliases = {
    **_SHARED,
    "path": (
        *("path", "file", "filename", "filepath", "file_name", "file_path", "video", "video_path", "videopath"),
        *("video_file", "video_filename", "video_name", "source", "clip", "clip_path"),
    ),
    "group": ("group", "group_id"),
    "id": ("id", "clip_id", "uid"),
}
#: Names of the columns of a Kinetics table.
KINETICS: Aliases = {**_SHARED, "path": ("youtube_id", "ytid", "yt_id", "youtubeid")}

_ROLES = ("path", "label", "number", "split", "start", "end", "group", "id")
_RESERVED = frozenset(name for name, _ in CLIP_COLUMNS)


@dataclass(frozen=True)
class Columns:
    """Where the columns of a table are.

    Attributes:
        names: as the header has them.
        place: number of the column for "path", "label", "split", ...; only those that there are.
        extra: (number, name) of the listing's own further columns.
    """

    names: tuple[str, ...]
    place: dict[str, int]
    extra: tuple[tuple[int, str], ...]


def columns(names: Sequence[str], aliases: Aliases = GENERIC) -> Columns:
    """Find out which column is what.

    Further columns keep their names; one that clips.parquet has itself is called
    "listing_frames" and the like, one without a name "column_3".
    """
    plain = [name.strip().casefold().replace(" ", "_").replace("-", "_") for name in names]
    place = {}
    for role, spellings in aliases.items():
        found = next((spelling for spelling in spellings if spelling in plain), None)
        if found is not None:
            place[role] = plain.index(found)
    used = set(place.values())
    extra = []
    for number, name in enumerate(names):
        if number not in used:
            own = name.strip() or f"column_{number + 1}"
            extra.append((number, f"listing_{own}" if own in _RESERVED else own))
    return Columns(tuple(names), place, tuple(extra))


class TableRows:
    """Turns cells of a table with known columns into rows.

    Attributes:
        rows: of the listing.
        columns: which cell is what.
    """

    def __init__(self, rows: RowParser, found: Columns) -> None:
        self.rows = rows
        self.columns = found
        self._extra = found.extra
        self._places = [found.place.get(role, -1) for role in _ROLES]

    def cells(self, values: Sequence[str]) -> list[str]:
        """The cells for path, label, number, split, start, end, group and id; "" where there is none."""
        return [values[place].strip() if place >= 0 else "" for place in self._places]

    def path(self, values: Sequence[str]) -> str:
        """The cell for the path, as it stands there."""
        return self.cells(values)[0]

    def extra(self, values: Sequence[str]) -> dict[str, str]:
        """The further columns."""
        return {name: values[place] for place, name in self._extra}

    def clip(self, line: int, values: Sequence[str]) -> ClipRow:
        """One row of a generic table.

        Raises:
            BadRow: says which cell is wrong.
        """
        path, text, number, split, start_text, end_text, group, clip_id = self.cells(values)
        source = self.rows.root.relative(path)
        label, own = text or None, label_number(number)
        split = split_name(split)
        if not start_text and not end_text:
            return self.rows.row(
                line, source, label, own, clip_id=clip_id, split=split, group=group, extra=self.extra(values)
            )
        start, end = time_range(start_text, end_text)
        return self.rows.row(
            line,
            source,
            label,
            own,
            clip_id=clip_id or f"{without_suffix(source)}_{_milliseconds(start)}_{_milliseconds(end)}",
            split=split,
            group=group,
            start=start,
            end=end,
            extra=self.extra(values),
        )


def label_number(text: str) -> int | None:
    """The number in a column of label numbers, None where it says that there is none.

    Raises:
        BadRow: it holds something else.
    """
    number = as_number(text)
    if number is None and not is_nothing(text):
        raise BadRow(f"the label's number is {text!r}, not a whole number")
    return number


def time_range(start: str, end: str) -> tuple[float | None, float | None]:
    """Start and end in seconds; an empty cell is an open end.

    Raises:
        BadRow: not a range that a video could have.
    """
    first, last = _seconds("start", start), _seconds("end", end)
    if last is not None and last <= (first or 0.0):
        raise BadRow(f"bad time range: end {end} s is not after start {start or 0} s")
    return first, last


def _seconds(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise BadRow(f"bad time range: {name} is {text!r}, not a number of seconds from 0")
    return value


def _milliseconds(seconds: float | None) -> str:
    return "open" if seconds is None else str(round(seconds * 1000))
