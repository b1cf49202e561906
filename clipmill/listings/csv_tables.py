"""CSV and TSV with a header: one clip a row, columns named as in `clipmill.listings.columns`."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from clipmill.errors import ListingError
from clipmill.ledger import Failure
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser
from clipmill.listings.columns import GENERIC, Aliases, Columns, TableRows, columns, taken_as, wrong_columns
from clipmill.listings.paths import BadRow
from clipmill.listings.splits import split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

_DELIMITERS = (",", "\t", ";")


def header(
    first_line: str, aliases: Aliases = GENERIC, chosen: Mapping[str, str] | None = None
) -> tuple[str, Columns] | None:
    """Return the delimiter and the columns of a header line, or None if it names no path, or is JSON."""
    if first_line.lstrip().startswith(("{", "[")):
        return None
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader([first_line], delimiter=delimiter), [])
        except csv.Error:  # a lone CR in it
            return None
        found = columns(cells, aliases, chosen)
        if "path" in found.place:
            return delimiter, found
    return None


class Csv(Format):
    """A generic table."""

    name = "csv"
    accepts = "CSV or TSV with a header line (a column path, file or video)"
    aliases: Aliases = GENERIC

    def matches(self, look: Look) -> bool:
        """Return whether the first line names a column of paths."""
        return look.is_file and header(look.head[0], self.aliases, look.columns) is not None

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the header as well."""
        options = super().settle(options, looks)
        for look in looks:
            found = header(look.head[0], self.aliases, options.columns)
            names = [name for _, name in found[1].extra] if found else []
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise ListingError(f"{look.path}:1: two columns are called {twice}")
            wrong = wrong_columns(look.path, found[1], options.columns) if found else ""
            if wrong:
                raise ListingError(wrong)
        return options

    def taken_as(self, options: ListingOptions) -> str:
        """Describe what the columns of the first listing were taken as."""
        found = header(text_lines.head(options.listings[0])[0], self.aliases, options.columns)
        return taken_as(found[1]) if found else ""

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return the slices; a file with quotes is one slice, since a line may end inside a cell."""
        return [ListingSlice(path, *cut) for path in options.listings for cut in text_lines.cuts(path, unless=b'"')]

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the data rows. The header may come again: joining two tables makes such a file."""
        found = header(text_lines.head(slice_.listing)[0], self.aliases, options.columns)
        if found is None:
            raise ListingError(f"{slice_.listing}: this is not {self.accepts} any more")
        delimiter, named = found
        rows = RowParser(options, slice_.listing, split_of_file(slice_.listing))
        table = TableRows(rows, named)
        records = split_records(text_lines.read(slice_.listing, slice_.start, slice_.end, slice_.row), delimiter, named)
        if slice_.row == 1:
            next(records, None)  # the header
        for line, values, problem in records:
            if not problem and _is_header(values, named):
                continue
            try:
                if problem:
                    raise BadRow(problem)
                yield from self.clips(table, line, values)
            except BadRow as error:
                yield rows.bad(line, error, "" if problem else table.path(values))

    def clips(self, table: TableRows, line: int, values: list[str]) -> list[ClipRow]:
        """Return the clips of one row; raise `BadRow` if it is wrong."""
        return [table.clip(line, values)]


def _is_header(values: list[str], named: Columns) -> bool:
    """Return whether a row repeats the header; where files were joined, a byte order mark may stand before it."""
    return values[0].removeprefix("\ufeff") == named.names[0] and values[1:] == list(named.names[1:])


class _Lines:
    """Numbered lines, some of which can be put back."""

    def __init__(self, numbered: Iterable[tuple[int, bytes]]) -> None:
        self._numbered = iter(numbered)
        self._again: deque[tuple[int, bytes]] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> tuple[int, bytes]:
        return self._again.popleft() if self._again else next(self._numbered)

    def put_back(self, taken: list[tuple[int, bytes]]) -> None:
        self._again.extendleft(reversed(taken))


def split_records(
    numbered: Iterable[tuple[int, bytes]], delimiter: str, named: Columns
) -> Iterator[tuple[int, list[str], str]]:
    """Split lines that are no comments into cells.

    A quoted cell may hold delimiters, and line ends where it is one of the listing's own
    further columns. If such a record turns out wrong, only its first line is: one stray
    quote must not swallow the rows that follow.

    Args:
        numbered: lines as `text_lines.read` gives them.
        delimiter: between cells.
        named: the columns.

    Yields:
        Number of the record's first line, its cells, and what is wrong with it ("" if nothing).
    """
    source = _Lines(numbered)
    for row, raw in source:
        if text_lines.is_comment(raw):
            continue
        cells: list[str] = []
        problem = ""
        taken: list[tuple[int, bytes]] = []
        try:
            if b'"' not in raw:
                text = raw.decode()
                if not text or text.isspace():
                    continue
                cells = text.split(delimiter)
            else:
                cells = next(csv.reader(_record(raw, source, taken), delimiter=delimiter, strict=True))
        except UnicodeDecodeError:
            problem = "the row is not UTF-8"
        except csv.Error as error:
            problem = f"quotes that do not match ({error})"
        if not problem and len(cells) != len(named.names):
            problem = f"{len(cells)} cells where the header has {len(named.names)}"
        if not problem and taken:
            broken = next((place for place in named.place.values() if "\n" in cells[place]), None)
            if broken is not None:
                problem = f"a line break in the column {named.names[broken]}: look for a stray quote"
        if problem and taken:
            source.put_back(taken)
        yield row, cells, problem


def _record(first: bytes, source: _Lines, taken: list[tuple[int, bytes]]) -> Iterator[str]:
    yield first.decode() + "\n"
    for numbered in source:
        taken.append(numbered)
        yield numbered[1].decode() + "\n"
