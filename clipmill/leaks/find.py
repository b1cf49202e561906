"""Finding leaks: the pairs of clips that show the same, those between splits first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from clipmill.errors import StorageError
from clipmill.layout import UNUSED
from clipmill.leaks.found import KINDS, Found, Kind, Pair, PairedClip, keep_leaks
from clipmill.leaks.signatures import signatures_of
from clipmill.reader.dataset import Dataset
from clipmill.signatures.compare import Alignments, find_alike
from clipmill.signatures.moments import RATE
from clipmill.storage import open_storage


def find_leaks(
    data: Dataset, others: Sequence[Dataset] = (), progress: Callable[[int, int], None] = lambda done, of: None
) -> Found:
    """Find the clips of a data set that show the same as each other or as clips of other data sets.

    What is found among its own clips is kept with the data set if that can be written.

    Args:
        data: the data set.
        others: data sets to compare it with.
        progress: called with the clips whose signatures are done, and all of them.

    Raises:
        UsageError: a data set holds images with masks.
        DataError: a clip cannot be read.
    """
    signatures = signatures_of(data, progress)
    among = find_alike(signatures)
    found = _found(data, [], among.crowded, _pairs(among.alike, data, None))
    with contextlib.suppress(StorageError):
        keep_leaks(open_storage(data.path), found)
    if not others:
        return found
    compared = [find_alike(signatures, signatures_of(other, progress)) for other in others]
    pairs = [_pairs(one.alike, data, other) for one, other in zip(compared, others, strict=True)]
    crowded = np.logical_or.reduce([among.crowded, *(one.crowded for one in compared)])
    return _found(data, others, crowded, [*found.pairs, *chain(*pairs)])


def _found(data: Dataset, others: Sequence[Dataset], crowded: npt.NDArray[np.bool_], pairs: list[Pair]) -> Found:
    pairs = sorted(pairs, key=lambda pair: (KINDS.index(pair.kind), -pair.score, pair.first.id, pair.second.id))
    return Found(
        dataset=data.name,
        version=data.version,
        clips=len(crowded),
        against=[other.path for other in others],
        counts={kind: sum(pair.kind == kind for pair in pairs) for kind in KINDS},
        pairs=pairs,
        crowded=int(crowded.sum()),
    )


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
