"""Names of splits, and random splits inside every class."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from clipmill.layout import UNUSED, split_order
from clipmill.listings.label_lists import as_lists
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.strata import Cuts, cut_classes

_KNOWN = {
    "train": "train",
    "training": "train",
    "val": "val",
    "validate": "val",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
_IN_NAME = re.compile(rf"(?<![a-z])({'|'.join(sorted(_KNOWN, key=len, reverse=True))})(?:list|split|set)?(?![a-z])")


def split_name(text: str) -> str:
    """Return a split as records and file names spell it: "Validation" as "val", "val-unseen" as "val_unseen", "" as "".

    Raises:
        BadRow: nothing is left of the name.
    """
    if text in ("train", "val", "test", ""):
        return text
    name = _KNOWN.get(text.strip().casefold()) or re.sub(r"[^0-9A-Za-z]+", "_", text.strip())
    if text.strip() and not name.strip("_"):
        raise BadRow(f"the split {text!r} has neither letters nor digits")
    return name


def known_split(name: str) -> str:
    """Return the split that a folder of this name stands for, "" if none."""
    return _KNOWN.get(name.casefold(), "")


def split_of_file(path: str) -> str:
    """Return the split in a file's name: train.csv, val_list.txt, kinetics-400_val.csv; "" if none or several."""
    found = {_KNOWN[word] for word in _IN_NAME.findall(posixpath.basename(path).casefold())}
    return found.pop() if len(found) == 1 else ""


def assign_split(options: ListingOptions, row: ClipRow, cuts: Cuts | None = None) -> str:
    """Return the split of a clip's record.

    That is the random split's, where there is one; else the chosen fold's, the row's, or
    train. Clips that a fold does not use are in `UNUSED`, never in train: HMDB51 leaves
    clips out that share a film with test clips.

    Args:
        cuts: of the random split.
    """
    if cuts is not None:
        return drawn_splits(options)[cuts.split_of(*strata(options, row)[0])]
    if row.folds:
        return row.folds[options.fold - 1] or UNUSED
    return row.split or "train"


def strata(options: ListingOptions, row: ClipRow) -> list[tuple[str, str]]:
    """Return the class, or each, within which a random split keeps its shares, with the unit that it never divides.

    The unit is the row's group, or its video where it has none; with --split-by clip, the clip.
    With --split-by similar these are the splits until all clips have signatures (`similar_splits`).
    """
    key = row.clip_id if options.split_by == "clip" else row.group or row.video
    if isinstance(row.label, tuple):
        pairs = zip(*as_lists(row.label, row.label_number), strict=True)
        return [(text or str(number), key) for text, number in pairs] or [("", key)]
    label = row.label if row.label is not None else "" if row.label_number is None else str(row.label_number)
    return [(label, key)]


def draw_splits(options: ListingOptions, counted: Iterable[tuple[str, str, int]]) -> Cuts | None:
    """Return the random split that the options ask for; None if they ask for none.

    Args:
        counted: (class, group, clips) of all rows, as `strata` gives them.
    """
    if not options.splits:
        return None
    shares = [options.splits[name] for name in drawn_splits(options)]
    return cut_classes(counted, shares, f"split\x1f{options.seed}", several=options.label_lists)


def lacking(options: ListingOptions, cuts: Cuts | None) -> dict[str, list[str]]:
    """Return for each split the classes that a random split gives it no clip of, since they have too few groups."""
    names = drawn_splits(options)
    return {} if cuts is None else {names[split]: labels for split, labels in cuts.lacking.items()}


def drawn_splits(options: ListingOptions) -> list[str]:
    """Return the names of the random split's splits, in order."""
    return sorted((name for name, share in options.splits.items() if share), key=split_order)
