"""HACS Clips: a CSV classname,youtube_id,subset,start,end,label, where the label is 1 or -1.

A clip with -1 does not show the class. https://github.com/hangzhaomit/HACS-dataset (HACS_clips_v1.1.1.csv)
"""

from __future__ import annotations

import msgspec

from clipmill.layout import UNUSED
from clipmill.listings.base import Look
from clipmill.listings.columns import KINETICS, Aliases, TableRows
from clipmill.listings.csv_tables import header
from clipmill.listings.kinetics import Kinetics
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow

_ALIASES: Aliases = {**KINETICS, "label": ("classname",)}
_SIGNS = ("1", "-1")


class Hacs(Kinetics):
    """Rows as Kinetics has them; those that do not show their class have no label and the split unused."""

    name = "hacs"
    accepts = "HACS Clips (classname, youtube_id, subset, start, end, label)"
    aliases = _ALIASES

    def matches(self, look: Look) -> bool:
        """Return whether there is a class by name beside the label."""
        found = header(look.head[0], self.aliases, look.columns) if super().matches(look) else None
        return found is not None and "label" in found[1].place and "label" in found[1].names

    def clip(self, table: TableRows, line: int, values: list[str]) -> ClipRow:
        """Return the clip of a row."""
        row = super().clip(table, line, values)
        sign = values[table.columns.names.index("label")].strip()
        if sign not in _SIGNS:
            raise BadRow(f"the label is {sign[:60]!r}, where 1 or -1 says whether the clip shows its class")
        return row if sign == "1" else msgspec.structs.replace(row, label=None, split=UNUSED)
