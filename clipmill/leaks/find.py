"""Finding leaks: the pairs of clips that show the same, those between splits first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np

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
    among = _found(data, [], signatures.clips, _pairs(find_alike(signatures), data, None))
    with contextlib.suppress(StorageError):
        keep_leaks(open_storage(data.path), among)
    pairs = [_pairs(find_alike(signatures, signatures_of(other, progress)), data, other) for other in others]
    return _found(data, others, signatures.clips, [*among.pairs, *chain(*pairs)])


def _found(data: Dataset, others: Sequence[Dataset], clips: int, pairs: list[Pair]) -> Found:
    pairs = sorted(pairs, key=lambda pair: (KINDS.index(pair.kind), -pair.score, pair.first.id, pair.second.id))
    counts = {kind: sum(pair.kind == kind for pair in pairs) for kind in KINDS}
    return Found(data.name, data.version, clips, [other.path for other in others], counts, pairs)


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
