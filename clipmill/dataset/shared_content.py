"""Clips of a version that show the same frames: in two splits, or under two labels.

Two clips share frames where their files have the same bytes and the parts taken of them overlap, or where all their
stored frames are the same, as of one video in two containers. Parts of one file that only touch share nothing.
For labels only clips that show the same from the first frame to the last count: in a long video one action may well
begin before another has ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow.parquet as pq

from clipmill.dataset.clip_table import open_table
from clipmill.layout import CLIPS, UNUSED, read_manifest, version_path
from clipmill.storage import Storage

_BATCH = 8192
_COLUMNS = ["split", "label_index", "fingerprint", "digest", "start", "end", "trimmed"]


class Pair(msgspec.Struct, frozen=True):
    """Two clips that share frames.

    Attributes:
        clips, splits, labels: of the one and the other; a label is "" for no label, several are one text.
    """

    clips: tuple[str, str]
    splits: tuple[str, str]
    labels: tuple[str, str]


class Shared(msgspec.Struct, frozen=True):
    """Clips that share frames with another one.

    Attributes:
        clips: how many there are beside the first of each content.
        pairs: each of those with one other; not all, if that was asked.
    """

    clips: int = 0
    pairs: list[Pair] = []


class SharedContent(msgspec.Struct, frozen=True):
    """What a version holds twice.

    Attributes:
        in_two_splits: clips that share a frame with one of another split. Clips of no split do not count.
        under_two_labels: clips with the same frames as one of another class, or of other classes.
    """

    in_two_splits: Shared = Shared()
    under_two_labels: Shared = Shared()


class _Rows(NamedTuple):
    """The clip table as (clips,) arrays, 40 bytes a clip; `splits` and `labels` are below 0 where there is none."""

    files: np.ndarray
    frames: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    splits: np.ndarray
    labels: np.ndarray


def find_shared_content(storage: Storage, version: str, most: int | None = None) -> SharedContent:
    """Find clips of a version that share frames with one of another split or class.

    Memory: some 100 bytes a clip, and the pairs.

    Args:
        most: name no more pairs of a kind than this; None names all.
    """
    segmented = bool(read_manifest(storage, version).options.get("segment_seconds"))
    with storage.fetch(version_path(version, CLIPS)) as file:
        table = open_table(file)
        if not table.metadata.num_rows:
            return SharedContent()
        rows = _read(table, segmented)
        leaks = dict(_sharing(rows.files, rows.starts, rows.ends, rows.splits))
        everything = np.zeros(len(rows.frames)), np.ones(len(rows.frames))
        # The same content under two names is found both ways, and is one pair.
        leaks |= {row: other for row, other in _sharing(rows.frames, *everything, rows.splits) if row not in leaks}
        relabelled = dict(_sharing(rows.frames, *everything, rows.labels))
        found = [sorted(pairs.items())[:most] for pairs in (leaks, relabelled)]
        named = _named(table, {row for pairs in found for pair in pairs for row in pair})
    shown = [[_pair(named[row], named[other]) for row, other in pairs] for pairs in found]
    return SharedContent(Shared(len(leaks), shown[0]), Shared(len(relabelled), shown[1]))


def _read(table: pq.ParquetFile, segmented: bool) -> _Rows:
    kinds = (np.uint64, np.uint64, np.float64, np.float64, np.int32, np.int32)
    rows = _Rows(*(np.empty(table.metadata.num_rows, kind) for kind in kinds))
    there = [name for name in _COLUMNS if name in table.schema_arrow.names]
    splits: dict[str, int] = {UNUSED: -1}
    lists: dict[tuple[int, ...], int] = {(): -1}
    first = 0
    for batch in table.iter_batches(_BATCH, columns=there):
        column = {name: batch.column(name).to_pylist() for name in there}
        # A file that is cut to its row's range is taken whole; a segment's range is in the file.
        whole = [None] * len(batch) if segmented or "trimmed" not in column else column["trimmed"]
        at = slice(first, first + len(batch))
        rows.files[at] = _hashed(column["fingerprint"])
        rows.frames[at] = _hashed(column["digest"])
        rows.starts[at] = [
            -np.inf if start is None or all_ else start for start, all_ in zip(column["start"], whole, strict=True)
        ]
        rows.ends[at] = [np.inf if end is None or all_ else end for end, all_ in zip(column["end"], whole, strict=True)]
        rows.splits[at] = [splits.setdefault(name, len(splits)) for name in column["split"]]
        rows.labels[at] = [_number(label, lists) for label in column["label_index"]]
        first += len(batch)
    return rows


def _number(label: int | list[int], lists: dict[tuple[int, ...], int]) -> int:
    """Return a label's index; of a list of labels, a number of its own."""
    return label if isinstance(label, int) else lists.setdefault(tuple(label), len(lists))


def _hashed(texts: Sequence[str]) -> np.ndarray:
    """Return 64 bits for each text, (texts,) uint64: of a billion clips two differ in them but for one chance in 40."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, np.uint64)


def _sharing(
    contents: np.ndarray, starts: np.ndarray, ends: np.ndarray, kinds: np.ndarray
) -> Iterator[tuple[int, int]]:
    """Pair each clip with one of another kind that has the same content, begins no later, and ends after its start.

    Args:
        kinds: of the clips; those below 0 have none, and are in no pair.

    Yields:
        (row, row of the other).
    """
    order = np.lexsort((starts, contents))
    same = contents[order[1:]] == contents[order[:-1]]
    order = order[np.append(same, False) | np.append(False, same)]
    content = None
    latest: dict[int, tuple[float, int]] = {}  # of each kind, the clip that ends last
    for at in range(0, len(order), _BATCH):
        batch = order[at : at + _BATCH]
        columns = (batch, contents[batch], starts[batch], ends[batch], kinds[batch])
        for row, this, start, end, kind in zip(*(column.tolist() for column in columns), strict=True):
            if this != content:
                content, latest = this, {}
            if kind < 0:
                continue
            other = next((row for known, (until, row) in latest.items() if known != kind and until > start), None)
            if other is not None:
                yield row, other
            if kind not in latest or latest[kind][0] < end:
                latest[kind] = end, row


def _named(table: pq.ParquetFile, rows: set[int]) -> dict[int, tuple[str, str, str | list[str]]]:
    """Return the id, split and label, or labels, of some rows of a table."""
    found: dict[int, tuple[str, str, str | list[str]]] = {}
    if not rows:
        return found
    first = 0
    for batch in table.iter_batches(_BATCH, columns=["clip_id", "split", "label_text"]):
        wanted = [row for row in range(first, first + len(batch)) if row in rows]
        columns = (batch.column(name).take([row - first for row in wanted]).to_pylist() for name in batch.schema.names)
        found |= dict(zip(wanted, zip(*columns, strict=True), strict=True)) if wanted else {}
        first += len(batch)
    return found


def _pair(one: tuple[str, str, str | list[str]], other: tuple[str, str, str | list[str]]) -> Pair:
    return Pair((one[0], other[0]), (one[1], other[1]), (_spelled(one[2]), _spelled(other[2])))


def _spelled(label: str | list[str]) -> str:
    return label if isinstance(label, str) else ", ".join(label)
