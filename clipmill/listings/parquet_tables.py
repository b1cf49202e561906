"""Parquet as a table, with the columns of `clipmill.listings.columns`, such as Hugging Face's metadata.parquet.

Columns of bytes, and those with columns inside, are passed over: videos inside of Parquet are no files to decode.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from clipmill.errors import ListingError
from clipmill.ledger import Failure
from clipmill.listings.base import Format, ListingSlice, Look, RowParser
from clipmill.listings.columns import columns, taken_as, wrong_columns
from clipmill.listings.jsonl import LIST_ROLES, ObjectRows
from clipmill.listings.splits import split_of_file
from clipmill.listings.text_lines import PARQUET
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import split_path

#: Rows that are held in memory at a time.
_BATCH = 4096


class Parquet(Format):
    """A table of row groups; a row's number counts from 1."""

    name = "parquet"
    accepts = "Parquet (a column path, file or video)"

    def matches(self, look: Look) -> bool:
        """Return whether it is a Parquet file with a column of paths."""
        if not look.is_file or look.head[0] != PARQUET:
            return False
        with _opened(look.path) as file:
            return "path" in columns(_names(file), chosen=look.columns).place

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the columns as well."""
        options = super().settle(options, looks)
        for look in looks:
            with _opened(look.path) as file:
                if wrong := wrong_columns(look.path, columns(_names(file), chosen=look.columns), look.columns):
                    raise ListingError(wrong)
        return options

    def taken_as(self, options: ListingOptions) -> str:
        """Describe what the columns of the first listing were taken as."""
        with _opened(options.listings[0]) as file:
            return taken_as(columns(_names(file), chosen=options.columns))

    def has_lists(self, options: ListingOptions) -> bool:
        """Return whether the column of labels, or that of their numbers, holds lists."""
        return any(_has_lists(path, options) for path in options.listings)

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return a slice for each row group."""
        found = []
        for path in options.listings:
            with _opened(path) as file:
                row = 1
                for group in range(file.num_row_groups):
                    found.append(ListingSlice(path, group, group + 1, row))
                    row += file.metadata.row_group(group).num_rows
        return found

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows of a row group."""
        objects = ObjectRows(RowParser(options, slice_.listing, split_of_file(slice_.listing)))
        with _opened(slice_.listing) as file:
            row = slice_.row
            for batch in file.iter_batches(_BATCH, row_groups=[slice_.start], columns=_names(file)):
                for found in batch.to_pylist():
                    yield objects.row(row, found)
                    row += 1


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    """Open a Parquet file.

    Raises:
        ListingError: it is gone, cut short, or damaged.
    """
    # Takes a tenth of a second, and few listings are Parquet.
    from pyarrow import ArrowException, parquet

    storage, name = split_path(path)
    try:
        with storage.fetch(name) as file, parquet.ParquetFile(file) as table:
            yield table
    except FileNotFoundError:
        raise ListingError(f"{path}: there is no such file") from None
    except (ArrowException, OSError) as error:
        what = next(iter(str(error).splitlines()), type(error).__name__)
        raise ListingError(f"{path}: not a whole Parquet file ({what})") from None


def _names(file: Any) -> list[str]:
    """Return the names of the columns that hold texts, numbers, times, or lists of these."""
    return [field.name for field in file.schema_arrow if _is_plain(_inside(field.type))]


def _inside(kind: Any) -> Any:
    """Return the type of a list's values, or a type itself."""
    return kind.value_type if _is_list(kind) else kind


def _is_list(kind: Any) -> bool:
    return str(kind).startswith(("list<", "large_list<"))


def _is_plain(kind: Any) -> bool:
    return not kind.num_fields and "binary" not in str(kind)


def _has_lists(path: str, options: ListingOptions) -> bool:
    with _opened(path) as file:
        found = columns(_names(file), chosen=options.columns)
        names = [found.names[found.place[role]] for role in LIST_ROLES if role in found.place]
        return any(_is_list(file.schema_arrow.field(name).type) for name in names)
