"""JSON Lines: one object a line, with the keys of `clipmill.listings.columns`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from sys import intern
from typing import Any

import msgspec

from clipmill.errors import ListingError
from clipmill.ledger import Failure
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser, look_at
from clipmill.listings.columns import GENERIC, Columns, TableRows, columns, taken_as, wrong_columns
from clipmill.listings.paths import BadRow
from clipmill.listings.splits import split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

# Most listings have one set of keys; one with new keys in every row must not fill the memory.
_KEY_SETS = 100
#: Roles of columns that may hold a list.
LIST_ROLES = ("label", "number")


class Jsonl(Format):
    """A table whose rows are JSON objects; each may have keys of its own."""

    name = "jsonl"
    accepts = "JSON Lines (a key path, file or video)"

    def matches(self, look: Look) -> bool:
        """Return whether the first line is an object that names a path."""
        if not look.is_file or not look.head[0].lstrip().startswith("{"):
            return False
        try:
            return "path" in _keys(look).place
        except BadRow:
            return False

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the keys of the first lines as well."""
        options = super().settle(options, looks)
        for look in looks:
            if wrong := wrong_columns(look.path, _keys(look), look.columns):
                raise ListingError(wrong)
        return options

    def taken_as(self, options: ListingOptions) -> str:
        """Describe what the keys of the first line were taken as."""
        return taken_as(_keys(look_at(options.listings[0], options.columns)))

    def has_lists(self, options: ListingOptions) -> bool:
        """Return whether a line has a list for its label, or for its number."""
        names = {name for role in LIST_ROLES for name in (*GENERIC[role], options.columns.get(role, ""))}
        keys = "|".join(map(re.escape, sorted(filter(None, names))))
        likely = re.compile(rf'"\s*(?:{keys.replace("_", "[ _-]?")})\s*"\s*:\s*\['.encode(), re.IGNORECASE)
        for path in options.listings:
            for _, raw in text_lines.read_all(path):
                if likely.search(raw):
                    with contextlib.suppress(BadRow):
                        found = _object(raw)
                        if object_lists(found, columns(tuple(found), chosen=options.columns)):
                            return True
        return False

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one for each line that is neither blank nor a comment."""
        rows = RowParser(options, slice_.listing, split_of_file(slice_.listing))
        objects = ObjectRows(rows)
        for line, raw in text_lines.read(slice_.listing, slice_.start, slice_.end, slice_.row):
            if not raw.strip() or text_lines.is_comment(raw):
                continue
            try:
                found = _object(raw)
            except BadRow as error:
                yield rows.bad(line, error)
                continue
            yield objects.row(line, found)


class ObjectRows:
    """Turns objects, each with keys of its own, into rows of one listing."""

    def __init__(self, rows: RowParser) -> None:
        self._rows = rows
        self._tables: dict[tuple[str, ...], TableRows] = {}

    def row(self, number: int, found: dict[str, Any]) -> ClipRow | Failure:
        """Return the clip of an object, or what is wrong with it.

        Args:
            number: of its line or entry in the listing.
        """
        options = self._rows.options
        table = self._table(tuple(found))
        values = [_text(value) for value in found.values()]
        try:
            lists = object_lists(found, table.columns) if options.label_lists else {}
            _check_plain(found, table.columns, lists)
            return table.clip(number, values, lists)
        except BadRow as error:
            return self._rows.bad(number, error, table.path(values))

    def _table(self, keys: tuple[str, ...]) -> TableRows:
        table = self._tables.get(keys)
        if table is None:
            if len(self._tables) == _KEY_SETS:
                self._tables.clear()
            found = columns(keys, chosen=self._rows.options.columns)
            table = self._tables[keys] = TableRows(self._rows, found)
        return table


def _keys(look: Look) -> Columns:
    """Return the columns of the first line."""
    return columns(list(_object(look.head[0].encode())), chosen=look.columns)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRow(f"not a JSON object: {error}") from None


def object_lists(found: dict[str, Any], named: Columns) -> dict[str, tuple[str, ...]]:
    """Return by role the labels and their numbers that a row has as a list of texts or numbers."""
    lists = {}
    for role in LIST_ROLES:
        value = found[named.names[named.place[role]]] if role in named.place else None
        if isinstance(value, list) and not any(isinstance(one, (list, dict)) for one in value):
            lists[role] = tuple(intern(_text(one).strip()) for one in value)
    return lists


def _check_plain(found: dict[str, Any], named: Columns, lists: Collection[str]) -> None:
    for key in (named.names[place] for role, place in named.place.items() if role not in lists):
        if isinstance(found[key], (list, dict)):
            raise BadRow(f"{key} is {_text(found[key])[:60]}, where one text or number is expected")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()
