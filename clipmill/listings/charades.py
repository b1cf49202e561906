"""Charades: a CSV with a row a video, whose actions stand in one cell with their times.

    46GP8,...,"c092 11.90 21.20;c147 0.00 12.60",24.83

https://prior.allenai.org/projects/charades (Charades_v1_train.csv; Charades_v1_classes.txt names c092)
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache

from clipmill.listings.base import Look
from clipmill.listings.class_resolution import Declaration
from clipmill.listings.columns import Aliases, TableRows, time_range
from clipmill.listings.csv_tables import Csv
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import open_storage

_ACTION = re.compile(r"c(\d{3}) (\S+) (\S+)", re.ASCII)
_CLASS = re.compile(r"c(\d{3}) (\S.*)", re.ASCII)
_CLASSES = re.compile(r"Charades_\w+_classes\.txt")
_ALIASES: Aliases = {"path": ("id",), "label": ("actions",)}
_COLUMNS = frozenset(("id", "actions", "scene", "script"))


class Charades(Csv):
    """A clip for each action, or with --multi-label one for each video with all its actions."""

    name = "charades"
    accepts = "Charades' CSV (id, scene, script, actions, ...)"
    aliases = _ALIASES

    def matches(self, look: Look) -> bool:
        """Return whether the header is that of Charades."""
        return look.is_file and set(look.head[0].strip().split(",")) >= _COLUMNS

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the listings, and forget the classes that an earlier run read."""
        _classes.cache_clear()
        return super().settle(options, looks)

    def clips(self, table: TableRows, line: int, values: list[str]) -> list[ClipRow]:
        """Return a clip for each action of a row; of all of the video where it has none."""
        video = table.rows.root.relative(table.path(values))
        named = dict(_classes(posixpath.dirname(table.rows.listing)))
        cells = dict(zip(table.columns.names, values, strict=True))
        extra = table.extra(values)
        actions = [_action(text, named) for text in cells["actions"].split(";") if text.strip()]
        if table.rows.options.multi_label or not actions:
            numbers = {number: label for label, number, _, _ in actions}
            labels = tuple(numbers.values()) or None
            return [table.rows.row(line, video, labels, tuple(numbers) or None, extra=extra)]
        return [
            table.rows.row(
                line,
                video,
                label,
                number,
                clip_id=f"{video}_c{number:03d}_{start * 1000:.0f}_{end * 1000:.0f}",
                start=start,
                end=end,
                extra=extra,
            )
            for label, number, start, end in dict.fromkeys(actions)
        ]

    def classes(self, options: ListingOptions) -> Declaration | None:
        """Return the classes of the Charades_v1_classes.txt beside the listing, None if there is none."""
        names = [(name, int(code[1:])) for code, name in _classes(posixpath.dirname(options.listings[0]))]
        return Declaration(names, "Charades' classes", checked=False) if names else None


def _action(text: str, named: dict[str, str]) -> tuple[str, int, float, float]:
    match = _ACTION.fullmatch(text.strip())
    if match is None:
        raise BadRow(f"the action {text[:60]!r} is not a class such as c092 and two times")
    start, end = time_range(match[2], match[3])
    assert start is not None and end is not None
    code = f"c{match[1]}"
    return named.get(code, code), int(match[1]), start, end


@lru_cache(maxsize=4)
def _classes(folder: str) -> tuple[tuple[str, str], ...]:
    """Read the code and name of each class in the file beside the listing; none where there is no such file."""
    storage = open_storage(folder)
    name = next(filter(_CLASSES.fullmatch, storage.children()[1]), None)
    if name is None:
        return ()
    lines = storage.read(name).decode(errors="replace").splitlines()
    found = filter(None, (_CLASS.fullmatch(line.strip()) for line in lines))
    return tuple((f"c{match[1]}", match[2]) for match in found)
