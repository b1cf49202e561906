"""From fragments to a shard: the copying half of the children's work."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from clipmill.decoding.fragments import read_fragment
from clipmill.errors import DataError, StorageError
from clipmill.layout import ShardEntry, frames_path, shard_path
from clipmill.messages import Clip, Piece, ShardDone, ShardPlan
from clipmill.records import get_schema
from clipmill.records.base import ClipRecord
from clipmill.records.tfrecord import read_record
from clipmill.shards.shard_file import RecordPlace, ShardClip, read_places, shard_entry, write_shard
from clipmill.storage import Storage, open_storage
from clipmill.storage.concurrent import ahead

#: Frames that are fetched from an object store before they are written, in bytes.
_FETCH_AHEAD = 128 << 20


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
        written = write_shard(storage, shard, layout, _shard_clips(storage, clips, dataset, tuple(layout.columns)))
        done = _done(shard, *written)
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


def _shard_clips(storage: Storage, clips: list[Clip], dataset: str, columns: Sequence[str]) -> Iterator[ShardClip]:
    def fetch(clip: Clip) -> ShardClip:
        return _shard_clip(storage, clip, dataset, columns)

    if storage.local:
        return map(fetch, clips)
    return ahead(fetch, clips, weigh=lambda clip: clip.nbytes, most=_FETCH_AHEAD)


def _shard_clip(storage: Storage, clip: Clip, dataset: str, columns: Sequence[str]) -> ShardClip:
    timestamps: list[int] = []
    frame_index: list[int] = []
    frames: list[bytes | memoryview] = []
    for piece in clip.pieces:
        piece_times, piece_index, piece_frames = _read_piece(storage, piece)
        timestamps += piece_times
        frame_index += piece_index
        frames += piece_frames
    if len(frames) != clip.frames:
        raise StorageError(f"{clip.clip_id}: {len(frames)} frames where {clip.frames} were encoded; build again")
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


def _read_piece(storage: Storage, piece: Piece) -> tuple[list[int], list[int], list[memoryview]]:
    """Read the timestamps, frame numbers and encoded frames of a piece, and verify their checksums."""
    if not piece.schema:
        footer, views = read_fragment(storage, piece)
        return footer.timestamps, footer.frame_index, views
    framed = storage.read(piece.path, piece.offset, piece.offset + piece.length)
    name = f"{storage.root}/{piece.path}"
    try:
        payload = read_record(io.BytesIO(framed), 0, len(framed), name)
    except DataError as error:
        raise StorageError(f"{error}: delete {name} and build again, so that its clips are decoded again") from None
    record, frames = get_schema(piece.schema).parse(payload)
    return record.timestamps, record.frame_index, frames
