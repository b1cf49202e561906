"""The official split files of HMDB51: <class>_test_split<fold>.txt with "name.avi 1" in each line.

https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/ (test_train_splits.rar)
"""

from __future__ import annotations

import re

from clipmill.listings.base import Look, RowParser
from clipmill.listings.official_splits import OfficialLists, declared_number
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow

# What the number behind a name means; a clip with 0 is in neither.
_LINE = re.compile(r"[^/]+ [012]")
_SPLITS = {"1": "train", "2": "test", "0": ""}


class Hmdb(OfficialLists):
    """One file for each class and fold; the class's videos are in a folder of its name."""

    name = "hmdb"
    accepts = "HMDB51's split files (brush_hair_test_split1.txt, ...)"
    file = re.compile(r"(?P<word>.+)_test_split(?P<fold>[1-9])\.txt")

    def matches(self, look: Look) -> bool:
        """Return whether the files have the official names, and lines of a name without folders and 0, 1 or 2."""
        return super().matches(look) and all(_LINE.fullmatch(line.strip()) for line in look.head)

    def row(self, rows: RowParser, line: int, text: str, word: str, numbers: dict[str, int] | None) -> ClipRow:
        """Return the clip of a line; its name may hold any character but a slash."""
        name, _, mark = text.rpartition(" ")
        if not name or mark not in _SPLITS:
            raise BadRow(f"{text!r} is not a name and 0, 1 or 2")
        source = rows.root.relative(f"{word}/{name.strip()}")
        return rows.row(line, source, word, declared_number(word, None, numbers), split=_SPLITS[mark])
