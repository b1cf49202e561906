"""Reading clips that are still made: what planning must know of them first, and going over to what is published."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import numpy as np
import pyarrow.compute as pc

from clipmill.errors import DataError, UsageError
from clipmill.reader.clips import Clips
from clipmill.reader.loading.recipe import Recipe
from clipmill.reader.options import ReaderOptions

log = logging.getLogger("clipmill.reader")


def with_lengths(clips: Clips, options: ReaderOptions, weights: Any) -> tuple[Clips, Any]:
    """Return clips of a listing as planning needs them, and the weights in their order.

    A shuffled epoch of windows of one length is planned from clip ids alone. All others need the clips' lengths, so
    these are found out first; the clips then come in the order of the published set, without those that have none.

    Raises:
        UsageError: the reader goes through shards, which are not there yet; or no clip is left.
    """
    coming = clips.table.coming
    if coming is None:
        return clips, weights
    if options.path == "streaming" or not isinstance(options.shuffle, bool):
        raise UsageError(
            'path="streaming" and shuffle="shards" read shards, which are not there before the data set is published: '
            "leave them out, or build first"
        )
    why = _why_lengths(options)
    if not why:
        return clips, weights
    # A warning, as it may take hours, and another plan of the epoch would not wait.
    log.warning("the first batch waits for the lengths of all clips (%s), which %s needs", f"{len(clips):,}", why)
    coming.learn(clips.rows.tolist())
    order = _published_order(clips)
    if not len(order):
        raise _none_left(clips)
    if failed := len(clips) - len(order):
        log.warning("%s of them cannot be made, and are left out; the ledger says why, once published", f"{failed:,}")
    if weights is not None and not isinstance(weights, str) and len(weights) == len(clips):
        weights = np.asarray(weights)[order]
    return Clips(clips.members, clips.table, clips.rows[order], clips.labels), weights


def _why_lengths(options: ReaderOptions) -> str:
    """Return in words what needs the clips' lengths before a batch is planned, "" where nothing does."""
    sampler = options.sampler
    if not options.shuffle:
        return "shuffle=False (the order by length)"
    if options.sorts:
        return "sorting by length"
    if sampler.policy in ("drop", "error"):
        return f"short={sampler.policy!r}"
    if sampler.length is None and not isinstance(options.lengths, int):
        return f"{sampler!r}, whose windows have no fixed length,"
    return ""


def _published_order(clips: Clips) -> Any:
    """Return the places of the clips that have a length, by split, length and id; rows stand in the order of ids."""
    frames = clips.table.frames[clips.rows]
    split = clips.members[0].dataset.columns.read(["split"])["split"].take(clips.rows)
    codes = pc.rank(split, tiebreaker="dense").to_numpy()
    order = np.lexsort((clips.rows, frames, codes))
    return order[frames[order] > 0]


def published(clips: Clips, weights: Any, version: str | None) -> tuple[Clips, Any] | None:
    """Return clips of a listing as the version has them that was published of it, and the weights of those.

    Args:
        weights: of the clips, as `ClipSet.batches` takes them.
        version: a version by its name; by default the one that the listing became.

    Returns:
        None where the clips are published ones already, or are not published yet.
    """
    member = clips.members[0]
    publication = member.dataset.publication
    found = None if publication is None else publication.clips(member, version)
    if found is None:
        return None
    if weights is None or isinstance(weights, str):
        return found, weights
    places = pc.index_in(found.ids, value_set=clips.ids.combine_chunks())
    return found, np.asarray(weights)[places.to_numpy()]


def coming_size(clips: Clips, recipe: Recipe, *, one: bool) -> tuple[int, int] | None:
    """Return the (height, width) that frames of clips still to be made become; None where each has its own.

    Where the last step does not settle it, it is that of the first clip that can be made, and another one's frames
    are an error when they come.

    Args:
        one: batches are of one clip, so that each may have its own.

    Raises:
        UsageError: no clip can be made.
    """
    with contextlib.suppress(UsageError):
        return recipe.size([None])
    if one:
        return None
    coming = clips.table.coming
    assert coming is not None
    for row in clips.rows.tolist():
        with contextlib.suppress(DataError):
            clip = coming.clip(row, whole=True)
            return recipe.size([clip.size])
    raise _none_left(clips)


def _none_left(clips: Clips) -> UsageError:
    """Return what says that no clip can be made, and why the first one cannot."""
    coming, row = clips.table.coming, int(clips.rows[0])
    assert coming is not None
    why = ""
    try:
        coming.clip(row, whole=True)
    except DataError as error:
        why = f"; the first one, {clips.table.ids[row].as_py()}: {error}"
    return UsageError(f"{clips!r}: none of these clips can be made{why}")
