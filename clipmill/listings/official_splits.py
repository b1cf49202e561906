"""Official lists in several folds: files that name the same clips become one row a clip."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

import msgspec

from clipmill.errors import ListingError, UsageError
from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser
from clipmill.listings.class_resolution import Declaration
from clipmill.listings.label_files import Declared, read_labels
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import open_storage

CLASS_IND = "classInd.txt"


class OfficialLists(Format):
    """A folder of lists, or some of its files. All folds are read, and give one row per clip.

    Attributes:
        file: what the lists are called, with groups `fold` and `word` (a split, or a class).
    """

    names_decide = True
    has_folds = True
    file: re.Pattern[str]

    def row(self, rows: RowParser, line: int, text: str, word: str, numbers: dict[str, int] | None) -> ClipRow:
        """Return the clip of one line, with its split in the list's fold ("" for none).

        Args:
            rows: makes rows of this list.
            line: its number.
            text: the line.
            word: from the list's name.
            numbers: of classInd.txt, if there is one.

        Raises:
            BadRow: says what is wrong.
        """
        raise NotImplementedError

    def matches(self, look: Look) -> bool:
        """Return whether the files have the names of the official lists."""
        return any(self.file.fullmatch(name) for name in look.names)

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the fold, and that videos lie beside the lists if --videos does not say where they are."""
        settled = super().settle(options, looks)
        lists = self._lists(settled)
        classes = self._declared(settled)
        if options.videos is None:
            _, word, path = lists[0]
            rows = self._read_list(settled, path, word, classes)
            first = next((row for row in rows if isinstance(row, ClipRow)), None)
            if first is not None:
                _beside(settled, posixpath.dirname(first.video))
        return choose_fold(settled, {fold for fold, _, _ in lists})

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return one slice, since a clip's folds are in different files."""
        return [ListingSlice(options.listings[0])]

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one per clip, whichever folds it is in."""
        lists = self._lists(options)
        classes = self._declared(options)
        rows = ((fold, row) for fold, word, path in lists for row in self._read_list(options, path, word, classes))
        yield from merge_folds(rows, max(fold for fold, _, _ in lists), options.fold)

    def classes(self, options: ListingOptions) -> Declaration | None:
        """Return the classes of the classInd.txt beside the lists, None if there is none."""
        folder = self._folder_of(options.listings[0])
        if open_storage(folder).stat(CLASS_IND) is None:
            return None
        return Declaration(read_labels(f"{folder}/{CLASS_IND}"), CLASS_IND, checked=False)

    def _declared(self, options: ListingOptions) -> Declared | None:
        found = self.classes(options)
        return None if found is None else found.classes

    def _folder_of(self, listing: str) -> str:
        folder, _, name = listing.rpartition("/")
        return folder if self.file.fullmatch(name) else listing

    def _lists(self, options: ListingOptions) -> list[tuple[int, str, str]]:
        """Return (fold, word, path) of every list."""
        found = set()
        for listing in options.listings:
            folder = self._folder_of(listing)
            names = open_storage(folder).children()[1] if folder == listing else [listing.rpartition("/")[2]]
            for match in filter(None, map(self.file.fullmatch, names)):
                found.add((int(match["fold"]), match["word"], f"{folder}/{match[0]}"))
        return sorted(found)

    def _read_list(
        self, options: ListingOptions, path: str, word: str, classes: Declared | None
    ) -> Iterator[ClipRow | Failure]:
        rows = RowParser(options, path)
        numbers = None if classes is None else dict(classes)
        for line, raw in text_lines.read_all(path):
            if raw.strip():
                try:
                    yield self.row(rows, line, text_lines.text_of(raw), word, numbers)
                except BadRow as error:
                    yield rows.bad(line, error)


def declared_number(label: str, number: int | None, numbers: dict[str, int] | None) -> int | None:
    """Return a class's number by classInd.txt, or the row's where there is no such file.

    Raises:
        BadRow: the class is not there, or has another number than in the row.
    """
    if numbers is None:
        return number
    if label not in numbers:
        raise BadRow(f"unknown label {label}: it is not in {CLASS_IND}")
    if number not in (None, numbers[label]):
        raise BadRow(f"the label is {number}, but {label} is {numbers[label]} in {CLASS_IND}")
    return numbers[label]


def choose_fold(options: ListingOptions, present: set[int]) -> ListingOptions:
    """Check --fold against the folds that the listing has; a listing of one fold needs no --fold.

    Raises:
        UsageError: the listing does not have that fold.
    """
    if options.fold in present:
        return options
    if options.fold == 1 and len(present) == 1:
        return msgspec.structs.replace(options, fold=min(present))
    raise UsageError(f"--fold {options.fold}: this listing has fold {', '.join(map(str, sorted(present)))}")


def merge_folds(rows: Iterable[tuple[int, ClipRow | Failure]], folds: int, fold: int) -> Iterator[ClipRow | Failure]:
    """Merge rows into one per clip, with its split in each fold.

    Args:
        rows: (fold, row with its split in that fold or ""), one per clip and fold.
        folds: how many there are.
        fold: the one whose line a merged row points to, if the clip is in it.

    Yields:
        A ledger row for each bad row and for each that names a clip again in the same fold; then the merged rows.
    """
    clips: dict[str, dict[int, ClipRow]] = {}
    for number, row in rows:
        if isinstance(row, Failure):
            yield row
            continue
        found = clips.setdefault(row.clip_id, {})
        first = found.setdefault(number, row)
        if first is not row:
            if row.split < first.split:  # test before train, whichever line comes first
                found[number], row, first = row, first, row
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
        return failure_of(row, Stage.READ_LISTING, Reason.DUPLICATE, f"the same clip as {where}")
    message = f"the clip is in {row.split or 'no split'} and in {first.split or 'no split'} of fold {fold} ({where})"
    return failure_of(row, Stage.READ_LISTING, Reason.BAD_ROW, message)


def _beside(options: ListingOptions, class_folder: str) -> None:
    assert options.videos is not None
    if not any(True for _ in open_storage(options.videos).list(class_folder)):
        raise ListingError(
            f"{options.listings[0]}: there is no folder {class_folder} with videos beside these lists: "
            "say where it is with --videos ROOT"
        )
