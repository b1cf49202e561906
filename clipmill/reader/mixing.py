"""Mixing several data sets, each with a share of the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from clipmill.errors import UsageError
from clipmill.reader.access.frame_ranges import FrameReader
from clipmill.reader.clip_table import ClipTable, LabelLists, of_counts, of_pairs
from clipmill.reader.clipset import ClipSet

#: Fields of a table that are no arrays, so that they are joined in ways of their own.
_APART = ("ids", "shards", "label_lists", "coming")


def mix(members: Mapping[str, tuple[ClipSet, float]]) -> ClipSet:
    """Mix clips of several data sets: `mix({"k400": (kinetics["train"], 3), "ucf": (ucf["train"], 1)})`.

    An epoch holds as many clips as all members together (or `clips_per_epoch`), three
    quarters of them from the first member and a quarter from the second; those of a member
    that is too small come several times, with other random draws. Batches say in
    `dataset` which member a clip is of, as a number. Classes of the same name become one. Where clips of one member
    have lists of labels, `label` is multi-hot for all.

    Args:
        members: clips and share of each member, by a name; shares need not add up to 1.

    Raises:
        UsageError: there is no member, one has no clips, or a share is not positive.

    >>> mixed = clipmill.mix({"ours": (clips, 3), "others": (clipmill.open(path)["val"], 1)})
    >>> len(mixed.batches(FirstFrames(2), batch_size=8, shuffle=True))
    5
    """
    if not members or len(members) > 255:
        raise UsageError("mix: give 1 to 255 members")
    for name, (clips, share) in members.items():
        if not len(clips) or not share > 0:
            raise UsageError(f"mix: {name} has {len(clips)} clips and share {share}")
        if len(clips.members) > 1:
            raise UsageError(f"mix: {name} is a mix itself")
        if clips.table.coming is not None:
            raise UsageError(f"mix: {name} is a listing that is being built; publish() it first")
    total = sum(share for _, share in members.values())
    labels = list(dict.fromkeys(label for clips, _ in members.values() for label in clips.labels))
    several = any(clips.classes is not None for clips, _ in members.values())
    tables = [
        _relabelled(clips, number, {label: n for n, label in enumerate(labels)}, several)
        for number, (clips, _) in enumerate(members.values())
    ]
    return ClipSet(
        [clips.members[0]._replace(name=name, share=share / total) for name, (clips, share) in members.items()],
        _joined(tables),
        np.arange(sum(len(clips) for clips, _ in members.values()), dtype=np.int32),
        labels,
    )


def _relabelled(clips: ClipSet, number: int, numbers: dict[str, int], several: bool) -> ClipTable:
    """Return the table of these clips alone, with the mix's labels; as lists where another member has lists."""
    table, rows = clips.table, clips.rows
    to_new = np.array([*(numbers[label] for label in clips.labels), -1], np.int32)  # -1, unlabelled, stays
    lists = None
    if several:
        places, old = table.pairs(rows)
        lists = of_pairs(places[old >= 0], to_new[old[old >= 0]].astype(np.int64), len(rows))
    return ClipTable(
        ids=table.ids.take(pa.array(rows)),
        label=to_new[table.label[rows]],
        label_source=table.label_source[rows],
        frames=table.frames[rows],
        width=table.width[rows],
        height=table.height[rows],
        seconds=table.seconds[rows],
        shard=table.shard[rows],
        offset=table.offset[rows],
        length=table.length[rows],
        frames_at=table.frames_at[rows],
        shards=table.shards,
        dataset=np.full(len(rows), number, np.uint8),
        label_lists=lists,
    )


def _joined(tables: list[ClipTable]) -> ClipTable:
    shards: list[tuple[str, FrameReader]] = []
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ClipTable._fields if name not in _APART}
    for table in tables:
        for name, pieces in columns.items():
            pieces.append(getattr(table, name))
        columns["shard"][-1] = table.shard + np.int32(len(shards))
        shards += table.shards
    ids = pa.chunked_array([chunk for table in tables for chunk in table.ids.chunks])
    arrays: dict[str, Any] = {name: np.concatenate(pieces) for name, pieces in columns.items()}
    joined = ClipTable(ids=ids, shards=shards, **arrays)
    lists = [table.label_lists for table in tables if table.label_lists is not None]
    return joined._replace(label_lists=_joined_lists(lists)) if lists else joined


def _joined_lists(lists: list[LabelLists]) -> LabelLists:
    counts = np.concatenate([np.diff(one.starts) for one in lists])
    return of_counts(np.concatenate([one.values for one in lists]), counts)
