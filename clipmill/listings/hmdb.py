"""The official split files of HMDB51: <class>_test_split<fold>.txt with "name.avi 1".

https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/ (testTrainMulti_7030_splits)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clipmill.ledger import Failure
from clipmill.listings import lines
from clipmill.listings.base import Format, Look, Part, Rows
from clipmill.listings.folds import choose_fold, merge_folds
from clipmill.listings.labels import Declared
from clipmill.listings.paths import BadRow
from clipmill.listings.ucf import beside, class_ind
from clipmill.options import ListingOptions
from clipmill.rows import ClipRow
from clipmill.storage import open_storage

_FILE = re.compile(r"(.+)_test_split([1-9])\.txt")
# What the number behind a name means; a clip with 0 is in neither.
_SPLITS = {"1": "train", "2": "test", "0": ""}


class Hmdb(Format):
    """A folder of split files, or some of its files; all folds are read, each clip once."""

    name = "hmdb"
    accepts = "official HMDB51 split files (a folder with brush_hair_test_split1.txt, ..., or such files)"

    def matches(self, look: Look) -> bool:
        """Whether the names are those of the official files."""
        return any(_FILE.fullmatch(name) for name in look.names)

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Find the folds, and the videos where they lie beside the split files."""
        settled = super().settle(options, looks)
        files = _files(settled)
        if options.videos is None:
            beside(settled, files[0][1])
        return choose_fold(settled, (fold for fold, _, _ in files))

    def parts(self, options: ListingOptions) -> list[Part]:
        """One part, since a clip's folds are in different files."""
        return [Part(options.listings[0])]

    def read(self, options: ListingOptions, part: Part) -> Iterator[ClipRow | Failure]:
        """One row per clip, whichever folds it is in."""
        files = _files(options)
        declared = self.classes(options)
        numbers = None if declared is None else dict(declared)
        rows = ((fold, row) for fold, label, path in files for row in _read_file(options, label, path, numbers))
        yield from merge_folds(rows, max(fold for fold, _, _ in files), options.fold)

    def classes(self, options: ListingOptions) -> Declared | None:
        """Those of a classInd.txt beside the files; the official ones come without."""
        return class_ind(_folder_of(options.listings[0]))


def _folder_of(listing: str) -> str:
    folder, _, name = listing.rpartition("/")
    return folder if _FILE.fullmatch(name) else listing


def _files(options: ListingOptions) -> list[tuple[int, str, str]]:
    """(fold, class, path) of every split file."""
    found = []
    for listing in options.listings:
        folder = _folder_of(listing)
        names = open_storage(folder).children()[1] if folder == listing else [listing.rpartition("/")[2]]
        for match in filter(None, map(_FILE.fullmatch, names)):
            found.append((int(match[2]), match[1], f"{folder}/{match[0]}"))
    return sorted(set(found))


def _read_file(
    options: ListingOptions, label: str, path: str, numbers: dict[str, int | None] | None
) -> Iterator[ClipRow | Failure]:
    rows = Rows(options, path)
    for line, raw in lines.read_all(path):
        if raw.strip():
            try:
                yield _row(rows, line, lines.text_of(raw), label, numbers)
            except BadRow as error:
                yield rows.bad(line, error)


def _row(rows: Rows, line: int, text: str, label: str, numbers: dict[str, int | None] | None) -> ClipRow:
    name, _, mark = text.rpartition(" ")
    if not name or mark not in _SPLITS:
        raise BadRow(f"{text!r} is not a name and 0, 1 or 2")
    if numbers is not None and label not in numbers:
        raise BadRow(f"unknown label {label}: it is not in classInd.txt")
    source = rows.root.relative(f"{label}/{name.strip()}")
    class_name, _ = rows.classes.find(label)
    return rows.row(line, source, class_name, numbers[label] if numbers else None, split=_SPLITS[mark])
