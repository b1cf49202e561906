"""Finding leaks: the pairs of clips that show the same, those between splits first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from clipmill.errors import StorageError
from clipmill.layout import UNUSED, version_path
from clipmill.leaks.compare import Alignments, find_alike
from clipmill.leaks.samples import RATE
from clipmill.leaks.signatures import signatures_of
from clipmill.reader.dataset import Dataset
from clipmill.storage import Storage, open_storage

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
    """

    dataset: str
    version: str
    clips: int
    against: list[str]
    counts: dict[Kind, int]
    pairs: list[Pair]

    @property
    def leaks(self) -> int:
        """How many pairs are leaks: between splits, or with another data set."""
        return sum(self.counts[kind] for kind in LEAKS)


def find_leaks(
    data: Dataset, others: Sequence[Dataset] = (), progress: Callable[[int, int], None] = lambda done, of: None
) -> Found:
    """Find the clips of a data set that show the same as each other or as clips of other data sets.

    Without others, what is found is kept with the data set if that can be written.

    Args:
        data: the data set.
        others: data sets to compare it with.
        progress: called with the clips whose signatures are done, and all of them.

    Raises:
        UsageError: a data set holds images with masks.
        DataError: a clip cannot be read.
    """
    signatures = signatures_of(data, progress)
    pairs = _pairs(find_alike(signatures), data, None)
    for other in others:
        pairs += _pairs(find_alike(signatures, signatures_of(other, progress)), data, other)
    pairs.sort(key=lambda pair: (KINDS.index(pair.kind), -pair.score, pair.first.id, pair.second.id))
    counts = {kind: sum(pair.kind == kind for pair in pairs) for kind in KINDS}
    found = Found(data.name, data.version, signatures.clips, [other.path for other in others], counts, pairs)
    if not others:
        with contextlib.suppress(StorageError):
            open_storage(data.path).put(version_path(data.version, NAME), msgspec.json.encode(found))
    return found


def kept_leaks(storage: Storage, version: str) -> Found | None:
    """Return what `find_leaks` found in a version before, None if it was never called or could not keep it."""
    try:
        return msgspec.json.decode(storage.read(version_path(version, NAME)), type=Found)
    except FileNotFoundError:
        return None


def _pairs(alike: Alignments, data: Dataset, other: Dataset | None) -> list[Pair]:
    first, second = _clips(data, alike.left), _clips(other or data, alike.right)
    return [
        Pair(
            kind="against" if other is not None else _kind(one, two),
            first=one,
            second=two,
            score=round(1 - float(alike.unlike[n]), 3),
            offset=float(alike.shift[n]) / RATE,
            seconds=float(alike.shared[n]) / RATE,
            mirrored=bool(alike.mirrored[n]),
            cropped=bool(alike.left_view[n] != alike.right_view[n]),
        )
        for n, (one, two) in enumerate(zip(first, second, strict=True))
    ]


def _clips(data: Dataset, rows: np.ndarray) -> list[PairedClip]:
    columns = [data.column(name).take(rows).to_pylist() for name in ("clip_id", "split", "label_text")]
    return [
        PairedClip(data.path, row, clip_id, split, label if isinstance(label, str) else ", ".join(label))
        for row, clip_id, split, label in zip(rows.tolist(), *columns, strict=True)
    ]


def _kind(one: PairedClip, two: PairedClip) -> Kind:
    if one.split != two.split and UNUSED not in (one.split, two.split):
        return "splits"
    return "labels" if one.label != two.label else "within"
