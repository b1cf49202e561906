"""Several labels for one clip: in a list, in one cell, or in rows that name the clip again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from sys import intern

import msgspec

from clipmill.errors import ListingError
from clipmill.layout import Label, LabelNumber
from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.listings.class_resolution import Counts, as_number
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

# Signs that stand in no class's name; a comma may.
_BETWEEN = re.compile(r"[|;]")
_BETWEEN_NUMBERS = re.compile(r"\s*[|;,\s]\s*")


def labels_of(options: ListingOptions, cell: str) -> tuple[str, ...]:
    """Return the labels in a cell: parted by --label-separator, else by | and ;, and numbers by commas and blanks too.

    They are not parted where --multi-label is not given, or the separator is "".
    """
    if options.label_separator is not None:
        found = cell.split(options.label_separator) if options.label_separator else [cell]
    elif options.multi_label:
        found = _BETWEEN.split(cell)
        numbers = _BETWEEN_NUMBERS.split(cell)
        if len(numbers) > 1 and all(as_number(one) is not None for one in numbers):
            found = numbers
    else:
        found = [cell]
    return tuple(intern(one.strip()) for one in found if one.strip())


def numbers_of(cell: str) -> tuple[str, ...]:
    """Return the numbers in a cell of a column of numbers, as text."""
    return tuple(one for one in _BETWEEN_NUMBERS.split(cell.strip()) if one)


def as_lists(label: Label | None, number: LabelNumber) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """Return what a row says of its labels as lists of one length: texts ("" for none) and numbers (None for none).

    Raises:
        BadRow: there are not as many numbers as texts.
    """
    labels = label if isinstance(label, tuple) else () if label is None else (label,)
    numbers = number if isinstance(number, tuple) else (number,)
    if all(one is None for one in numbers):
        numbers = ()
    if labels and numbers and len(labels) != len(numbers):
        raise BadRow(f"{len(labels)} labels and {len(numbers)} numbers of labels in one row")
    return labels or ("",) * len(numbers), numbers or (None,) * len(labels)


def check_commas(options: ListingOptions, counts: Counts, declared: Iterable[str]) -> None:
    """Raise where it is unclear whether a comma in a label separates two labels.

    Raises:
        ListingError: it may, and --label-separator does not say.
    """
    if options.multi_label and options.label_separator is None:
        known = frozenset(declared)
        text = next((text for text, *_ in sorted(counts, key=repr) if "," in text and text not in known), None)
        if text is not None:
            raise ListingError(
                f"the label {text[:60]!r} has a comma in it: say whether commas part labels "
                "(--label-separator , or --label-separator '')"
            )


def place(row: ClipRow) -> str:
    """Return what rows have in common that --multi-label makes one clip of: video and time range."""
    return f"{row.video}\x1f{row.start}\x1f{row.end}\x1f{row.frame_range}"


def merge_rows(options: ListingOptions, rows: Iterable[ClipRow]) -> tuple[list[ClipRow], list[Failure]]:
    """Make one row of those of one place, with the labels of all; rows of other splits or groups stay apart.

    Returns:
        The rows that stay, and the others' ledger rows.
    """
    alike: dict[tuple[str, tuple[str, ...], str | None], list[ClipRow]] = {}
    for row in sorted(rows, key=_order):
        # Random splits are drawn later.
        split = "" if options.splits else row.split or "train"
        alike.setdefault((split, row.folds, row.group), []).append(row)
    merged = []
    failures = []
    for first, *others in alike.values():
        pairs = dict.fromkeys(_pairs(first))
        for row in others:
            new = [pair for pair in _pairs(row) if pair not in pairs]
            pairs |= dict.fromkeys(new)
            where = f"{first.listing}:{first.row}" if first.row else first.video
            reason, what = (Reason.MERGED, "its labels went to") if new else (Reason.DUPLICATE, "the same as")
            failures.append(failure_of(row, Stage.READ_LISTING, reason, f"{what} {first.clip_id} ({where})"))
        together = sorted(pairs, key=_pair_order)
        merged.append(
            msgspec.structs.replace(
                first,
                label=tuple(text for text, _ in together),
                label_number=tuple(number for _, number in together),
            )
        )
    return merged, failures


def merge_all(options: ListingOptions, rows: Iterable[ClipRow | Failure]) -> Iterator[ClipRow | Failure]:
    """Iterate over the rows of a listing as --multi-label merges them, without those that went into others."""
    places: dict[str, list[ClipRow]] = {}
    for row in rows:
        if isinstance(row, Failure):
            yield row
        else:
            places.setdefault(place(row), []).append(row)
    for found in places.values():
        yield from merge_rows(options, found)[0]


def _pairs(row: ClipRow) -> list[tuple[str, int | None]]:
    return list(zip(*as_lists(row.label, row.label_number), strict=True))


def _pair_order(pair: tuple[str, int | None]) -> tuple[str, int]:
    return pair[0], -1 if pair[1] is None else pair[1]


def _order(row: ClipRow) -> tuple[object, ...]:
    """Return a sort key by which the order of a listing makes no difference."""
    return row.clip_id, sorted(map(_pair_order, _pairs(row))), sorted(row.extra.items()), row.listing, row.row
