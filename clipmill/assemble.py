"""From fragments to a shard: the copying half of the children's work."""

from __future__ import annotations

import io

from clipmill.errors import StorageError
from clipmill.fragments import clip_digest, read_footer, read_fragment
from clipmill.jobs import ShardJob
from clipmill.layout import shard_path
from clipmill.rows import Clip, Piece, ShardDone
from clipmill.schemas import ClipRecord, get_schema
from clipmill.shards import ShardClip, read_places, shard_entry, write_shard
from clipmill.storage import Storage, open_storage
from clipmill.tfrecord import read_record


def assemble_shard(job: ShardJob) -> ShardDone:
    """Write one shard, its index and its frame sizes, unless it is there.

    Raises:
        StorageError: storage failed, or frames are not those their decoder wrote.
    """
    storage = open_storage(job.out)
    if storage.stat(shard_path(job.shard)) is None:
        clips = (_shard_clip(storage, clip, job.dataset) for clip in job.clips)
        entry, places = write_shard(storage, job.shard, get_schema(job.schema), clips)
    else:
        entry = shard_entry(storage, job.shard)
        places = read_places(storage, job.shard, [clip.frames for clip in job.clips])
    return ShardDone(job.shard, entry, [(place.offset, place.length, place.frames_at) for place in places])


def _shard_clip(storage: Storage, clip: Clip, dataset: str) -> ShardClip:
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
    )
    return ShardClip(record, [len(frame) for frame in frames], frames)


def _read_piece(storage: Storage, piece: Piece) -> tuple[list[int], list[int], list[bytes] | list[memoryview]]:
    """Timestamps, frame numbers and encoded frames of a piece, checked against their checksums."""
    if not piece.schema:
        footer, views = read_fragment(storage, piece.path)
        return footer.timestamps, footer.frame_index, views
    framed = storage.read(piece.path, piece.offset, piece.offset + piece.length)
    payload = read_record(io.BytesIO(framed), 0, len(framed), f"{storage.root}/{piece.path}")
    record, frames = get_schema(piece.schema).parse(payload)
    return record.timestamps, record.frame_index, frames


def digest_of(storage: Storage, pieces: list[Piece]) -> str:
    """The digest of a clip that was decoded in several spans; reads their footers only."""
    footers = [read_footer(storage, piece.path) for piece in pieces]
    missing = [piece.path for piece, footer in zip(pieces, footers, strict=True) if footer is None]
    if missing:
        raise StorageError(f"{storage.root}/{missing[0]}: a fragment of this run is gone; build again")
    return clip_digest([footer.digests for footer in footers if footer is not None])
