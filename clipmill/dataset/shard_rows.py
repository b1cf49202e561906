"""After a shard is written: keep its part of the clip table, remove its fragments."""

from __future__ import annotations

from clipmill.dataset.clip_table import further_columns, shard_rows
from clipmill.dataset.reuse import shard_rows_path
from clipmill.dataset.run_lock import alone
from clipmill.messages import ShardDone, ShardPlan, ShardWritten
from clipmill.options import BuildOptions
from clipmill.storage import Storage
from clipmill.storage.concurrent import delete_all

#: HDR clips that are named, of a shard and of a run.
NAMED_HDR = 5


def keep_shard_rows(
    storage: Storage, options: BuildOptions, plan: ShardPlan, done: ShardDone, *, durable: bool
) -> ShardWritten:
    """Write a shard's part of the clip table, by which a rerun finds its clips; remove its fragments.

    Args:
        storage: of the output.
        done: the shard, which is durable.
        durable: whether the part must survive a power cut; not where the published version has the shard.
    """
    path = shard_rows_path(options.run, plan.shard, options.record_schema)
    storage.put(path, shard_rows(plan.shard, plan.clips, done.places), durable=durable)
    fragments = _fragments(plan, shared=False)
    if fragments:
        with alone(storage, options.run) as is_alone:
            if is_alone:
                delete_all(storage, fragments)
    return ShardWritten(
        split=plan.split,
        band=plan.band,
        number=plan.number,
        shard=plan.shard,
        digest=plan.digest,
        entry=done.entry,
        part=path,
        columns=further_columns(plan.clips),
        trimmed=sum(clip.trimmed is True for clip in plan.clips),
        ranged=sum(clip.trimmed is False for clip in plan.clips),
        shared=_fragments(plan, shared=True),
        oblong=sum(clip.pixel_aspect is not None for clip in plan.clips),
        hdr=sum(clip.hdr for clip in plan.clips),
        hdr_first=[clip.clip_id for clip in plan.clips if clip.hdr][:NAMED_HDR],
    )


def _fragments(plan: ShardPlan, *, shared: bool) -> list[str]:
    pieces = (piece for clip in plan.clips if clip.shared == shared for piece in clip.pieces)
    return list(dict.fromkeys(piece.path for piece in pieces if not piece.schema))
