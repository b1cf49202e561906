"""From fragments to a shard: the copying half of the children's work."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill.decoding.pieces import for_each_clip, read_pieces
from clipmill.errors import DataError
from clipmill.layout import ShardEntry, frames_path, shard_path
from clipmill.messages import Clip, ShardDone, ShardPlan
from clipmill.records import get_schema
from clipmill.records.base import ClipRecord
from clipmill.shards.shard_file import RecordPlace, ShardClip, read_places, shard_entry, write_shard
from clipmill.storage import Storage, open_storage


def assemble_shard(out: str, shard: str, schema: str, dataset: str, clips: list[Clip]) -> ShardDone:
    """Write one shard, its index and its frame sizes, unless it is there.

    Args:
        out: root of the output.
        shard: the shard's id.
        schema, dataset: names of the record schema and of the data set.
        clips: in the order they are to have.

    Raises:
        StorageError: storage failed, or frames are not those their decoder wrote.
    """
    storage = open_storage(out)
    done = _found_shard(storage, shard, clips)
    if done is None:
        layout = get_schema(schema)
        columns = tuple(layout.columns)
        rows = for_each_clip(storage, lambda clip: _shard_clip(storage, clip, dataset, columns), clips)
        done = _done(shard, *write_shard(storage, shard, layout, rows))
    return done


def published_shard(storage: Storage, plan: ShardPlan, entry: ShardEntry) -> ShardDone | None:
    """Take a planned shard from a manifest if its files are there; its bytes are not read."""
    try:
        stats = [storage.stat(path) for path in (shard_path(plan.shard), frames_path(plan.shard))]
        places = read_places(storage, plan.shard, [clip.frames for clip in plan.clips])
    except (FileNotFoundError, DataError):
        return None
    sizes = [None if stat is None else stat.size for stat in stats]
    return _done(plan.shard, entry, places) if sizes == [entry.bytes, 4 * entry.frames] else None


def _found_shard(storage: Storage, shard: str, clips: list[Clip]) -> ShardDone | None:
    """Take a shard that an earlier run wrote and did not publish; None where its files are not all there and whole."""
    if storage.stat(shard_path(shard)) is None:
        return None
    try:
        entry = shard_entry(storage, shard)
        places = read_places(storage, shard, [clip.frames for clip in clips])
    except (FileNotFoundError, DataError):
        return None
    whole = entry.frames == sum(clip.frames for clip in clips) and entry.bytes == sum(place.length for place in places)
    return _done(shard, entry, places) if whole else None


def _done(shard: str, entry: ShardEntry, places: list[RecordPlace]) -> ShardDone:
    return ShardDone(shard, entry, [(place.offset, place.length, place.frames_at) for place in places])


def _shard_clip(storage: Storage, clip: Clip, dataset: str, columns: Sequence[str]) -> ShardClip:
    timestamps, frame_index, frames = read_pieces(storage, clip)
    record = ClipRecord(
        clip_id=clip.clip_id,
        source=clip.source,
        dataset=dataset,
        label_index=clip.label_index,
        label_text=clip.label_text,
        start=clip.start,
        end=clip.end,
        fps=clip.fps,
        width=clip.width,
        height=clip.height,
        timestamps=timestamps,
        frame_index=frame_index,
        columns={name: clip.extra[name] for name in columns if clip.extra.get(name)},
    )
    return ShardClip(record, [len(frame) for frame in frames], frames)
