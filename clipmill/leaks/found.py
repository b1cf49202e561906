"""What was found of clips that show the same, as it is kept beside the clip table and printed.

OUT/versions/<name>/leaks.json
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from clipmill.layout import version_path
from clipmill.storage import Storage

NAME = "leaks.json"

#: With a clip of another data set; between two splits; under two labels in one split; in one split under one label.
Kind: TypeAlias = Literal["against", "splits", "labels", "within"]
#: In the order of a report.
KINDS: tuple[Kind, ...] = ("against", "splits", "labels", "within")
#: Kinds by which a test set is no test of what was trained.
LEAKS: tuple[Kind, ...] = ("against", "splits")


class PairedClip(msgspec.Struct, frozen=True):
    """One clip of a pair: its row in the clip table of a data set, and what that says."""

    dataset: str
    row: int
    id: str
    split: str
    label: str


class Pair(msgspec.Struct, frozen=True):
    """Two clips that show the same.

    Attributes:
        kind: of the pair.
        first, second: the clips.
        score: share of the bits of their codes that agree: 1 for the same frames.
        offset: seconds of the first clip before the second one begins; negative where the second one begins first.
        seconds: that both show.
        mirrored: whether one is the mirror image of the other.
        cropped: whether one shows the middle of the other.
    """

    kind: Kind
    first: PairedClip
    second: PairedClip
    score: float
    offset: float
    seconds: float
    mirrored: bool
    cropped: bool


class Found(msgspec.Struct, frozen=True):
    """What was found in a version of a data set.

    Attributes:
        dataset, version: names.
        clips: how many were compared.
        against: the other data sets.
        counts: pairs of each kind.
        pairs: all, in the order of `KINDS`, the most alike first.
        crowded: clips that were compared with some only of those that share a sample with them, since too many do.
    """

    dataset: str
    version: str
    clips: int
    against: list[str]
    counts: dict[Kind, int]
    pairs: list[Pair]
    crowded: int = 0

    @property
    def leaks(self) -> int:
        """How many pairs are leaks: between splits, or with another data set."""
        return sum(self.counts[kind] for kind in LEAKS)


def keep_leaks(storage: Storage, found: Found) -> None:
    """Keep what was found with its version, in place of what was found before.

    Raises:
        StorageError: the data set cannot be written.
    """
    storage.put(version_path(found.version, NAME), msgspec.json.encode(found))


def kept_leaks(storage: Storage, version: str) -> Found | None:
    """Read what was found in a version; None where nobody looked, or it could not be kept."""
    try:
        return msgspec.json.decode(storage.read(version_path(version, NAME)), type=Found)
    except FileNotFoundError:
        return None
