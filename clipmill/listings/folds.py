"""Official folds: several lists that name the same clips become one row a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from clipmill.errors import UsageError
from clipmill.ledger import Failure, Reason, failure_of
from clipmill.options import ListingOptions
from clipmill.rows import ClipRow


def choose_fold(options: ListingOptions, present: Iterable[int]) -> ListingOptions:
    """Check --fold against the folds that the listing has; a listing of one fold needs no --fold.

    Raises:
        UsageError: the listing does not have that fold.
    """
    folds = sorted(set(present))
    if options.fold in folds:
        return options
    if options.fold == 1 and len(folds) == 1:
        return msgspec.structs.replace(options, fold=folds[0])
    raise UsageError(f"--fold {options.fold}: this listing has fold {', '.join(map(str, folds))}")


def merge_folds(rows: Iterable[tuple[int, ClipRow | Failure]], folds: int, fold: int) -> Iterator[ClipRow | Failure]:
    """One row per clip with its split in each fold.

    Args:
        rows: (fold, row with its split in that fold or ""), one per clip and fold.
        folds: how many there are.
        fold: the one whose line a merged row points to, if the clip is in it.

    Yields:
        The merged rows, and a ledger row for each bad one and for each that names a clip again in the same fold.
    """
    clips: dict[str, dict[int, ClipRow]] = {}
    for number, row in rows:
        if isinstance(row, Failure):
            yield row
            continue
        first = clips.setdefault(row.clip_id, {}).setdefault(number, row)
        if first is not row:
            yield _again(row, first, number)
    for found in clips.values():
        row = found.get(fold) or found[min(found)]
        numbers = [each.label_number for each in found.values() if each.label_number is not None]
        yield msgspec.structs.replace(
            row,
            split="",
            label_number=numbers[0] if numbers else None,
            folds=tuple(found[number].split if number in found else "" for number in range(1, folds + 1)),
        )


def _again(row: ClipRow, first: ClipRow, fold: int) -> Failure:
    where = f"{first.listing}:{first.row}"
    if row.split == first.split:
        return failure_of(row, "ReadListing", Reason.DUPLICATE, f"the same clip as {where}")
    message = f"the clip is in {row.split or 'no split'} and in {first.split or 'no split'} of fold {fold} ({where})"
    return failure_of(row, "ReadListing", Reason.BAD_ROW, message)
