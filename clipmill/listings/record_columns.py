"""Further columns that go into records (--record-columns): that the listing has them, and what their cells hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from clipmill.errors import ListingError
from clipmill.ledger import Failure
from clipmill.listings.base import RowParser
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.records.column_types import cell, read_columns

#: Rows in which a column is looked for: in JSON Lines not every row has it.
_LOOKED_AT = 1000


def check_there(options: ListingOptions, slices: Iterable[Iterator[ClipRow | Failure]]) -> None:
    """Check that first rows of the listing have the columns that go into records.

    Raises:
        ListingError: none of them has one.
    """
    rows = [row for row in islice((row for piece in slices for row in piece), _LOOKED_AT) if isinstance(row, ClipRow)]
    there = {name for row in rows for name in row.extra}
    for name in read_columns(options.record_columns):
        if rows and name not in there:
            has = f"it has {', '.join(sorted(there))}" if there else "it has none"
            raise ListingError(f"--record-columns {name}: {options.listings[0]} has no such further column; {has}")


def record_check(options: ListingOptions) -> Callable[[ClipRow | Failure], ClipRow | Failure]:
    """Return what replaces a row by a bad row where a cell is not of its column's type."""
    columns = {name: kind for name, kind in read_columns(options.record_columns).items() if kind != "text"}

    def check(row: ClipRow | Failure) -> ClipRow | Failure:
        if isinstance(row, Failure):
            return row
        for name, kind in columns.items():
            try:
                cell(kind, row.extra.get(name))
            except ValueError as error:
                parser = RowParser(options, row.listing, row.split)
                return parser.bad(row.row, f"column {name}: {error} (--record-columns {name}={kind})", row.video)
        return row

    return check
