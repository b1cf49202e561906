"""Tables of clips: which column is what, and one row's cells turned into a clip."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clipmill.layout import CLIP_COLUMNS, Label, LabelNumber
from clipmill.listings.base import RowParser
from clipmill.listings.class_resolution import as_number, is_nothing
from clipmill.listings.label_lists import labels_of, numbers_of
from clipmill.listings.paths import BadRow, without_suffix
from clipmill.listings.splits import split_name
from clipmill.messages import ClipRow
from clipmill.options import COLUMN_ROLES

Aliases = Mapping[str, tuple[str, ...]]
#: By role, what a row has as a list.
Lists = Mapping[str, tuple[str, ...]]

_NO_LISTS: Lists = {}

_SHARED: Aliases = {
    "label": (
        *("label", "labels", "class", "class_name", "classname", "label_name", "label_text", "category", "action"),
        *("action_label", "activity", "verb", "tag", "tags", "target", "cls", "y"),
    ),
    "number": (
        "label_id",
        "label_index",
        "label_number",
        "class_id",
        "class_index",
        "class_number",
        "labelid",
        "label_ids",
    ),
    "split": ("split", "subset", "set", "partition"),
    "start": (
        *("start", "time_start", "start_time", "start_sec", "start_secs", "start_seconds", "start_timestamp"),
        *("t_start", "begin", "begin_time", "from", "onset", "t0"),
    ),
    "end": (
        *("end", "time_end", "end_time", "end_sec", "end_secs", "end_seconds", "end_timestamp", "stop", "stop_time"),
        *("stop_timestamp", "t_end", "to", "offset", "t1"),
    ),
    "duration": ("duration", "duration_sec", "duration_seconds", "length_seconds"),
    "start_frame": ("start_frame", "frame_start", "startframe", "begin_frame", "from_frame"),
    "end_frame": ("end_frame", "stop_frame", "frame_end", "frame_stop", "endframe", "stopframe", "to_frame"),
}
#: Names of the columns of a generic table, compared by letters and digits alone; earlier ones go first.
GENERIC: Aliases = {
    **_SHARED,
    "path": (
        *("path", "file", "filename", "filepath", "file_name", "file_path", "video", "video_path", "videopath"),
        *("video_file", "video_filename", "video_name", "source", "clip", "clip_path", "clip_name", "video_id"),
        *("clip_id", "vid_name"),
    ),
    "group": ("group", "group_id"),
    "id": ("id", "clip_id", "uid"),
}
#: Names of the columns of a Kinetics table.
KINETICS: Aliases = {**_SHARED, "path": ("youtube_id", "ytid", "yt_id", "youtubeid")}

_FRAMES = ("start_frame", "end_frame")
# What a name has of a time, a frame's number or a label: one of these words.
_TIMES = frozenset(("start", "end", "begin", "stop", "onset", "offset", "timestamp", "timestamps"))
_LABELS = frozenset(
    (
        *("label", "labels", "class", "classes", "cls", "category", "categories", "action", "actions", "activity"),
        *("activities", "verb", "verbs", "noun", "nouns", "tag", "tags", "target", "targets", "gesture", "emotion"),
        *("gloss", "annotation", "annotations"),
    )
)
# Beside "frame" in names that are none of a frame's number.
_OF_FRAMES = frozenset(
    ("num", "n", "nb", "no", "total", "count", "rate", "width", "height", "size", "step", "path", "dir", "folder")
)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)", re.ASCII)
_SECONDS = re.compile(r"\+?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
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


def columns(names: Sequence[str], aliases: Aliases = GENERIC, chosen: Mapping[str, str] | None = None) -> Columns:
    """Find out which column is what.

    Args:
        names: of the columns.
        aliases: the names that each role may have.
        chosen: the name of a role's column (--columns), "" for none.

    Further columns keep their names; one that clips.parquet has itself is called
    "listing_frames" and the like, one without a name "column_3".
    """
    plain = [_plain(name) for name in names]
    chosen = chosen or {}
    place = {role: names.index(name) for role, name in chosen.items() if name in names}
    for role, spellings in aliases.items():
        known = [] if role in chosen else map(_plain, spellings)
        free = (plain.index(name) for name in known if name in plain)
        found = next((number for number in free if number not in place.values()), None)
        if found is not None:
            place[role] = found
    if "start" not in place or "end" in place:
        place.pop("duration", None)  # of the whole video
    if "start" in place or "end" in place:
        # Tables of some data sets have both; seconds hold for any copy of a video.
        place = {role: at for role, at in place.items() if role in chosen or role not in _FRAMES}
    used = set(place.values())
    extra = []
    for number, name in enumerate(names):
        if number not in used:
            own = name.strip() or f"column_{number + 1}"
            extra.append((number, f"listing_{own}" if own in _RESERVED else own))
    return Columns(tuple(names), place, tuple(extra))


def _plain(name: str) -> str:
    """Return letters and digits alone, in lower case: Start Time, start-time and startTime are one name."""
    return re.sub(r"[\W_]+", "", name.casefold())


def is_header(line: str) -> bool:
    """Return whether a line is a table's header: several cells, all of them words."""
    cells = [cell.strip() for cell in re.split(r"[,;\t]", line)]
    return len(cells) > 1 and all(cell and not re.search(r"[./\\\d]", cell) for cell in cells)


def wrong_columns(where: str, found: Columns, chosen: Mapping[str, str]) -> str:
    """Describe the first wrong column: one that is absent, or one that looks like a time or a label but is unused."""
    for role, name in chosen.items():
        if name and name not in found.names:
            return f"--columns {role}={name}: {where} has no such column; it has {', '.join(found.names)}"
    for roles, looks in ((("start", "end", *_FRAMES), _is_time), (("label", "number"), _is_label)):
        if not any(role in found.place or role in chosen for role in roles):
            for _, name in found.extra:
                if looks(_words(name)):
                    role = "start_frame" if roles[0] == "start" and _is_frame(_words(name)) else roles[0]
                    advice = f"say --columns {role}={name}, as path=, label=, start=, end=, start_frame= or end_frame="
                    kind = "label" if role == "label" else "time"
                    return (
                        f"{where}: the column {name} looks like a {kind}, and no column is read as one: {advice}; "
                        f"or --columns {role}= to keep it as a further column"
                    )
    return ""


def _words(name: str) -> frozenset[str]:
    return frozenset(re.split(r"[\W_]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).casefold()))


def _is_time(words: frozenset[str]) -> bool:
    return bool(words & _TIMES) or words == {"time"} or (_is_frame(words) and not words & _OF_FRAMES)


def _is_frame(words: frozenset[str]) -> bool:
    return "frame" in words and not words & {"timestamp", "timestamps", "time", "sec", "seconds", "ms"}


def _is_label(words: frozenset[str]) -> bool:
    return bool(words & _LABELS)


def taken_as(found: Columns) -> str:
    """Describe what each column was taken as; "" where the names say it."""
    taken = {role: found.names[place].strip() for role, place in found.place.items()}
    carried = [name for _, name in found.extra]
    if not carried and all(role == name for role, name in taken.items()):
        return ""
    words = ", ".join(role if role == name else f"{role} = {name}" for role, name in taken.items())
    return f"columns: {words}" + (f"; carried along: {', '.join(carried)}" if carried else "")


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
        self._places = [found.place.get(role, -1) for role in COLUMN_ROLES]

    def cells(self, values: Sequence[str]) -> list[str]:
        """Return the cells for `COLUMN_ROLES`, in that order; "" for none."""
        return [values[place].strip() if place >= 0 else "" for place in self._places]

    def path(self, values: Sequence[str]) -> str:
        """Return the cell for the path, unchanged."""
        return self.cells(values)[0]

    def extra(self, values: Sequence[str]) -> dict[str, str]:
        """Return the cells of the further columns, by name."""
        return {name: values[place] for place, name in self._extra}

    def labels(self, text: str, number: str, lists: Lists) -> tuple[Label | None, LabelNumber]:
        """Return what the cells, or lists, of the columns for the label and its number hold.

        Raises:
            BadRow: a number is none.
        """
        if not self.rows.options.label_lists:
            return text or None, label_number(number)
        labels = lists.get("label", labels_of(self.rows.options, text))
        return labels, tuple(map(label_number, lists.get("number", numbers_of(number))))

    def clip(self, line: int, values: Sequence[str], lists: Lists = _NO_LISTS) -> ClipRow:
        """Return the clip of one row of a generic table.

        Args:
            line: its number.
            values: its cells.
            lists: by role, "label" or "number", what a row has as a list.

        Raises:
            BadRow: says which cell is wrong.
        """
        path, text, number, split, start_text, end_text, duration, group, clip_id, *frames = self.cells(values)
        source = self.rows.root.relative(path)
        label, own = self.labels(text, number, lists)
        split = split_name(split)
        if not start_text and not end_text:
            numbers = frame_range(*frames)
            if numbers and not clip_id:
                clip_id = id_by_frames(without_suffix(source), numbers)
            return self.rows.row(
                line,
                source,
                label,
                own,
                clip_id=clip_id,
                split=split,
                group=group,
                extra=self.extra(values),
                frame_range=numbers,
            )
        start, end = time_range(start_text, end_text, duration)
        return self.rows.row(
            line,
            source,
            label,
            own,
            clip_id=clip_id or id_by_times(without_suffix(source), start, end),
            split=split,
            group=group,
            start=start,
            end=end,
            extra=self.extra(values),
        )


def label_number(text: str) -> int | None:
    """Return the number in a column of label numbers, None where the cell marks "no label".

    Raises:
        BadRow: it holds something else.
    """
    number = as_number(text)
    if number is None and not is_nothing(text):
        raise BadRow(f"the label's number is {text!r}, not a whole number")
    return number


def time_range(start: str, end: str, duration: str = "") -> tuple[float | None, float | None]:
    """Return start and end in seconds; an empty cell is an open end.

    Args:
        start, end: seconds, or a clock's HH:MM:SS.mmm or MM:SS.
        duration: seconds from start to end, where there is no end.

    Raises:
        BadRow: not a range that a video could have.
    """
    first, last = _seconds("start", start), _seconds("end", end)
    if duration and not end:
        lasts = _seconds("duration", duration)
        last = None if lasts is None else (first or 0.0) + lasts
        end = f"{last:g}"
    if last is not None and last <= (first or 0.0):
        raise BadRow(f"bad time range: end {end} s is not after start {start or 0} s")
    return first, last


def frame_range(first: str, end: str) -> tuple[int | None, int | None] | None:
    """Return a range of frame numbers, half open, an empty cell for an open end; None where both are empty.

    Raises:
        BadRow: not a range that a video could have.
    """
    if not first and not end:
        return None
    numbers = []
    for text in (first, end):
        number = as_number(text) if text else None
        if text and (number is None or number < 0):
            raise BadRow(f"bad range of frames: {text!r} is not a whole number from 0")
        numbers.append(number)
    if numbers[1] is not None and numbers[1] <= (numbers[0] or 0):
        raise BadRow(f"bad range of frames: end {numbers[1]} is not after {numbers[0] or 0}")
    return numbers[0], numbers[1]


def id_by_frames(video: str, numbers: tuple[int | None, int | None]) -> str:
    """Return the id of a clip that is a range of frames of a video: x_f10_f20, x_f10_fopen."""
    first, end = ("open" if number is None else str(number) for number in numbers)
    return f"{video}_f{first}_f{end}"


def id_by_times(video: str, start: float | None, end: float | None) -> str:
    """Return the id of a clip that is a range of seconds of a video, in milliseconds: x_1250_2500, x_1250_open."""
    return f"{video}_{_milliseconds(start)}_{_milliseconds(end)}"


def _seconds(name: str, text: str) -> float | None:
    if not text:
        return None
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))
    value = float(text) if _SECONDS.fullmatch(text) else math.nan
    if not value < math.inf:
        raise BadRow(f"bad time range: {name} is {text!r}, not a number of seconds from 0")
    return value


def _milliseconds(seconds: float | None) -> str:
    return "open" if seconds is None else str(round(seconds * 1000))
