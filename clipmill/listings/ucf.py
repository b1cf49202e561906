"""The official lists of UCF101 and UCF50: classInd.txt, trainlist01.txt, testlist01.txt, ...

http://crcv.ucf.edu/data/UCF101/UCF101TrainTestSplits-RecognitionTask.zip
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from clipmill.errors import ListingError
from clipmill.ledger import Failure
from clipmill.listings import lines
from clipmill.listings.base import Format, Look, Part, Rows
from clipmill.listings.folds import choose_fold, merge_folds
from clipmill.listings.labels import Declared, read_labels
from clipmill.listings.paths import BadRow
from clipmill.options import ListingOptions
from clipmill.rows import ClipRow
from clipmill.storage import open_storage

CLASS_IND = "classInd.txt"

_LIST = re.compile(r"(train|val|test)list0*([1-9]\d?)\.txt", re.IGNORECASE)
_NAME = re.compile(r"(v_)(.+)(_g\d+)(_c\d+)")
_LINE = re.compile(r"(.*\S)\s+(\d{1,9})", re.ASCII)
# The lists spell the files' class in another way than the class itself.
_OTHER_SPELLING = {"HandstandPushups": "HandStandPushups"}


def ucf_name(label: str, stem: str) -> tuple[str, str] | None:
    """A UCF name with the class as its folder spells it, and its group.

    Returns:
        ("v_HandstandPushups_g01_c02", "v_HandstandPushups_g01") for "v_HandStandPushups_g01_c02"
        in HandstandPushups; None for other names.
    """
    match = _NAME.fullmatch(stem)
    if not match:
        return None
    spelled = label if match[2].casefold() == label.casefold() else match[2]
    group = match[1] + spelled + match[3]
    return group + match[4], group


class Ucf(Format):
    """A folder of official lists, or some of its files; all folds are read, each clip once."""

    name = "ucf"
    accepts = f"official UCF lists (a folder with trainlist01.txt, testlist01.txt, ... and {CLASS_IND}, or such files)"

    def matches(self, look: Look) -> bool:
        """Whether the names are those of the official lists."""
        return any(_LIST.fullmatch(name) for name in look.names)

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Find the folds, and the videos where they lie beside the lists."""
        settled = super().settle(options, looks)
        lists = _lists(settled)
        settled = choose_fold(settled, (fold for fold, _, _ in lists))
        rows = _read_list(settled, *lists[0][1:], classes=self.classes(settled))
        first = next((row for row in rows if isinstance(row, ClipRow)), None)
        if options.videos is None and first:
            beside(settled, posixpath.dirname(first.source))
        return settled

    def parts(self, options: ListingOptions) -> list[Part]:
        """One part, since a clip's folds are in different files."""
        return [Part(options.listings[0])]

    def read(self, options: ListingOptions, part: Part) -> Iterator[ClipRow | Failure]:
        """One row per clip, whichever folds it is in."""
        lists = _lists(options)
        classes = self.classes(options)
        rows = ((fold, row) for fold, split, path in lists for row in _read_list(options, split, path, classes))
        yield from merge_folds(rows, max(fold for fold, _, _ in lists), options.fold)

    def candidates(self, options: ListingOptions, row: ClipRow) -> Iterator[str]:
        """As the class is spelled, and as the lists spell the files of HandstandPushups."""
        yield row.source
        label = posixpath.basename(posixpath.dirname(row.source))
        if label in _OTHER_SPELLING:
            folder, name = posixpath.split(row.source)
            yield posixpath.join(folder, name.replace(label, _OTHER_SPELLING[label]))
            yield row.source.replace(label, _OTHER_SPELLING[label])

    def classes(self, options: ListingOptions) -> Declared | None:
        """Those of classInd.txt beside the lists."""
        return class_ind(_folder_of(options.listings[0]))


def class_ind(folder: str) -> Declared | None:
    """The classes of a folder's classInd.txt, None if there is none."""
    if open_storage(folder).stat(CLASS_IND) is None:
        return None
    return read_labels(f"{folder}/{CLASS_IND}")


def beside(options: ListingOptions, class_folder: str) -> None:
    """Check that the videos of official lists, which often are elsewhere, lie beside them.

    Raises:
        ListingError: they do not.
    """
    if not any(True for _ in open_storage(options.videos or "").list(class_folder)):
        raise ListingError(
            f"{options.listings[0]}: there are no videos in {options.videos}/{class_folder}: "
            f"say where the folder {class_folder or 'of videos'} is with --videos ROOT"
        )


def _folder_of(listing: str) -> str:
    folder, _, name = listing.rpartition("/")
    return folder if _LIST.fullmatch(name) else listing


def _lists(options: ListingOptions) -> list[tuple[int, str, str]]:
    """(fold, split, path) of every list."""
    found = []
    for listing in options.listings:
        folder = _folder_of(listing)
        names = open_storage(folder).children()[1] if folder == listing else [listing.rpartition("/")[2]]
        for match in filter(None, map(_LIST.fullmatch, names)):
            found.append((int(match[2]), match[1].lower(), f"{folder}/{match[0]}"))
    return sorted(set(found))


def _read_list(options: ListingOptions, split: str, path: str, classes: Declared | None) -> Iterator[ClipRow | Failure]:
    rows = Rows(options, path)
    numbers = None if classes is None else dict(classes)
    for line, raw in lines.read_all(path):
        if raw.strip():
            try:
                yield _row(rows, line, lines.text_of(raw), split, numbers)
            except BadRow as error:
                yield rows.bad(line, error, split=split)


def _row(rows: Rows, line: int, text: str, split: str, numbers: dict[str, int | None] | None) -> ClipRow:
    match = _LINE.fullmatch(text)
    source = rows.root.relative(match[1] if match else text)
    number = int(match[2]) if match else None
    folder, name = posixpath.split(source)
    label = posixpath.basename(folder)
    if not label:
        raise BadRow(f"the path {source} has no folder that would name its class")
    if numbers is not None:
        if label not in numbers:
            raise BadRow(f"unknown label {label}: it is not in {CLASS_IND}")
        if number not in (None, numbers[label]):
            raise BadRow(f"the label is {number}, but {label} is {numbers[label]} in {CLASS_IND}")
        number = numbers[label]
    class_name, _ = rows.classes.find(label)
    stem, suffix = posixpath.splitext(name)
    spelled, group = ucf_name(label, stem) or (stem, None)
    return rows.row(line, f"{folder}/{spelled}{suffix}", class_name, number, split=split, group=group)
