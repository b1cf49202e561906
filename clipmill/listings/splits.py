"""Names of splits, and the random split by group."""

from __future__ import annotations

import posixpath
import re

from clipmill.keys import unit
from clipmill.layout import split_order
from clipmill.listings.paths import BadRow
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

#: Split of the clips that the chosen official fold does not use.
UNUSED = "unused"

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
    """A split as records and file names spell it: "Validation" gives "val", "val-unseen" gives "val_unseen"; "" stays.

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
    """The split that a folder of this name stands for, "" if none."""
    return _KNOWN.get(name.casefold(), "")


def split_of_file(path: str) -> str:
    """The split that a file name tells: train.csv, val_list.txt, kinetics-400_val.csv; "" if none or several."""
    found = {_KNOWN[word] for word in _IN_NAME.findall(posixpath.basename(path).casefold())}
    return found.pop() if len(found) == 1 else ""


def assign_split(options: ListingOptions, row: ClipRow) -> str:
    """The split of a clip's record.

    A random split depends on the seed and the clip's group alone, or its source where it
    has none, or its id with --split-by clip: so it stays when other clips come or go, and
    neither a group nor a source ever parts. Without one it is the
    chosen fold's split, the row's, or train. Clips that a fold does not use are in
    `UNUSED`, never in train: HMDB51 leaves clips out that share a film with test clips.
    """
    if options.splits:
        who = row.clip_id if options.split_by == "clip" else row.group or row.video
        chance = unit("split", options.seed, who) * sum(options.splits.values())
        names = sorted(options.splits, key=split_order)
        for name in names:
            chance -= options.splits[name]
            if chance < 0:
                return name
        return names[-1]
    if row.folds:
        return row.folds[options.fold - 1] or UNUSED
    return row.split or "train"
