"""Planning shards: the order of clips, and where one shard ends and the next begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from clipmill import keys
from clipmill.options import BuildOptions
from clipmill.rows import Clip, ShardPlan
from clipmill.schemas import get_schema

#: A training host wants at least so many shards, to have something to shuffle.
SHARDS_PER_HOST = 10
SMALLEST_TARGET = 10 << 20


class PackedClip(NamedTuple):
    """A clip that waits to be planned: what is sorted and cut by, and the packed row."""

    order: tuple[int | float, str]
    clip_key: str
    nbytes: int
    packed: bytes


_decode_clip = msgspec.msgpack.Decoder(Clip).decode


def pack(packed: bytes, sort: str) -> PackedClip:
    """A packed `Clip` with its place in the order: by (frames, clip id), or at random."""
    clip = _decode_clip(packed)
    first = clip.frames if sort == "length" else keys.unit("order", clip.clip_key, clip.clip_id)
    return PackedClip((first, clip.clip_id), clip.clip_key, clip.nbytes, packed)


def plan_split(split: str, packed: Iterable[bytes], options: BuildOptions) -> Iterator[ShardPlan]:
    """The shards of one split, in order.

    Args:
        packed: the split's clips as msgpack, in any order.
    """
    clips = sorted(pack(clip, options.sort) for clip in packed)
    target = target_bytes(sum(clip.nbytes for clip in clips), options)
    schema = get_schema(options.schema)
    for number, group in enumerate(cut(clips, target)):
        rows = [_decode_clip(clip.packed) for clip in group]
        shard = keys.shard_id(schema.name, schema.epoch, options.name, rows)
        yield ShardPlan(split, number, shard, keys.rows_digest(rows), rows)


def target_bytes(total: int, options: BuildOptions) -> int:
    """The shard size to aim at in a split of `total` bytes.

    Halved until every host can have its shards, so that it stays the same while a
    data set grows a little, and old cuts stay cuts when it changes.
    """
    target = options.shard_bytes
    # Shards come out at 1.1 times the target on average, and a split must not fall just short.
    wanted = SHARDS_PER_HOST * (options.hosts or 0)
    while target > SMALLEST_TARGET and total < 1.5 * target * wanted:
        target //= 2
    return max(target, min(options.shard_bytes, SMALLEST_TARGET))


def cut(clips: Iterable[PackedClip], target: int) -> Iterator[list[PackedClip]]:
    """Cut ordered clips into shards of about `target` bytes, by their content alone.

    A shard ends after a clip whose key, as a number in [0, 1), is below its bytes
    over the target; never under a quarter of the target, always before twice it. So
    a clip that comes or goes moves the cuts around itself and no others.
    """
    shard: list[PackedClip] = []
    size = 0
    for clip in clips:
        if shard and size + clip.nbytes > 2 * target:
            yield shard
            shard, size = [], 0
        shard.append(clip)
        size += clip.nbytes
        if size >= target // 4 and keys.unit("cut", clip.clip_key) < clip.nbytes / target:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard
