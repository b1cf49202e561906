"""Kinetics annotations: CSV with a column youtube_id, and the many ways in which its files are named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from clipmill.listings.base import Look
from clipmill.listings.columns import KINETICS, TableRows, frame_range, id_by_frames, time_range
from clipmill.listings.csv_tables import Csv, header
from clipmill.listings.paths import BadRow, is_name
from clipmill.listings.splits import split_name
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import open_storage

_ID = re.compile(r"[0-9A-Za-z_-]+")
_SUFFIXES = (".mp4", ".mkv", ".webm")
_SPLIT_WORDS = {"train": ("train", "training"), "val": ("val", "validate", "validation"), "test": ("test", "testing")}
_SPLIT_FOLDERS = ("{}", "videos_{}", "{}_videos")


class Kinetics(Csv):
    """Rows name a YouTube id and seconds, or frames; the file is found by trying the names that downloaders use.

    A row's source is its clip id, id_000001_000011: rows with other times are other files. Rows with ranges of frames
    are of one file, the whole video's.
    """

    name = "kinetics"
    accepts = "Kinetics CSV (a column youtube_id)"
    aliases = KINETICS

    def matches(self, look: Look) -> bool:
        """Return whether there is a column of ids and none of paths."""
        return super().matches(look) and header(look.head[0], chosen=look.columns) is None

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the listings, and forget which folders an earlier run found."""
        _folders.cache_clear()
        _exists.cache_clear()
        return super().settle(options, looks)

    def clips(self, table: TableRows, line: int, values: list[str]) -> list[ClipRow]:
        """Return the one clip of a row."""
        return [self.clip(table, line, values)]

    def clip(self, table: TableRows, line: int, values: list[str]) -> ClipRow:
        """Return the clip of a row."""
        youtube, text, number, split, start_text, end_text, duration, _, _, *frames = table.cells(values)
        if not _ID.fullmatch(youtube):
            raise BadRow(f"{youtube!r} is not a YouTube id")
        start, end = time_range(start_text, end_text, duration)
        label, own = table.labels(text, number, {})
        numbers = None if start_text or end_text else frame_range(*frames)
        name = youtube
        if start is not None and end is not None:
            name = f"{youtube}_{round(start):06d}_{round(end):06d}"
        return table.rows.row(
            line,
            name,
            label,
            own,
            clip_id=id_by_frames(name, numbers) if numbers else name,
            split=split_name(split),
            group=youtube,
            start=start,
            end=end,
            extra=table.extra(values),
            frame_range=numbers,
        )

    def candidates(self, options: ListingOptions, row: ClipRow, start: str) -> Iterator[str]:
        """Iterate over id_times and id with .mp4, .mkv and .webm, in folders of the split or class, and in none."""
        assert options.videos is not None, "resolve the options first"
        for folder in _folders(f"{options.videos}/{start}".rstrip("/"), row.split, _class_names(row)):
            for name in _names(row):
                for suffix in _SUFFIXES:
                    yield folder + name + suffix

    def names(self, row: ClipRow) -> list[str]:
        """Return the names by id and times, and by id."""
        return _names(row)


def _class_names(row: ClipRow) -> tuple[str, ...]:
    return row.label if isinstance(row.label, tuple) else (row.label or "",)


def _names(row: ClipRow) -> list[str]:
    youtube = row.group or row.video
    names = [row.video]
    if row.start is not None and row.end is not None:  # some downloaders cut fractions off
        names.append(f"{youtube}_{int(row.start):06d}_{int(row.end):06d}")
    return list(dict.fromkeys([*names, youtube]))


@lru_cache(maxsize=1 << 14)
def _folders(root: str, split: str, labels: tuple[str, ...]) -> tuple[str, ...]:
    """List the folders that may hold a clip of these classes, each with its "/"; the split's first, the root last."""
    words = sorted(_SPLIT_WORDS, key=lambda name: name != split)
    splits = [pattern.format(word) for name in words for word in _SPLIT_WORDS[name] for pattern in _SPLIT_FOLDERS]
    tops = [f"{folder}/" for folder in splits if _exists(root, folder)] + [""]
    named = [spelled for label in labels if is_name(label) for spelled in (label, label.replace(" ", "_"))]
    spelled = list(dict.fromkeys(named))
    found = []
    for top in tops:
        found += [f"{top}{folder}/" for folder in spelled if _exists(root, top + folder)] + [top]
    return tuple(found)


@lru_cache(maxsize=1 << 14)
def _exists(root: str, folder: str) -> bool:
    """Return whether a folder, or what a link leads to, holds anything; cached, since every row asks."""
    return any(open_storage(root).children(folder))
