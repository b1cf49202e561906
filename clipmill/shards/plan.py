"""Planning shards: the order of clips, and where one shard ends and the next begins.

A large split is planned in bands of consecutive clips, so that no worker holds all of it.
Bands are cut like shards are, by content alone: one clip in `LANDMARK` is a landmark,
by a hash of its id, and the sorted landmarks are cut into bands of about `BAND` clips. So
the bands depend only on the split's clips, not on their order of arrival; a clip that is
added or removed moves only the edges around itself; and a split of fewer than `BAND` / 4
clips is one band.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from clipmill import content_names
from clipmill.messages import Clip, ShardPlan
from clipmill.options import BuildOptions
from clipmill.records import get_schema

#: Shards that a training host needs at least, to have something to shuffle.
SHARDS_PER_HOST = 10

#: Clips that a worker plans at once, about; at most twice as many: some 100 MB of rows.
BAND = 1 << 16
LANDMARK = 1 << 6


#: A clip's place in its split: (frames, clip id), or a number drawn from its content and the id.
SortKey = tuple[int | float, str]


class Outline(msgspec.Struct, frozen=True, array_like=True):
    """The shard size and the bands of a split, settled before its clips are planned.

    Attributes:
        target: size of a shard to aim at, in bytes.
        edges: the last place of each band but the last.
    """

    target: int
    edges: list[SortKey]


class PackedClip(NamedTuple):
    """A clip to plan: what it is sorted and cut by, and its packed row."""

    order: SortKey
    clip_key: str
    nbytes: int
    packed: bytes


_decode_clip = msgspec.msgpack.Decoder(Clip).decode


def order_of(clip: Clip, sort: str) -> SortKey:
    """Return a clip's place in its split: by (frames, clip id), or at random."""
    first = clip.frames if sort == "length" else content_names.unit("order", clip.clip_key, clip.clip_id)
    return first, clip.clip_id


def landmark(clip: Clip, sort: str) -> SortKey | None:
    """Return a clip's place in its split if the clip is a landmark, else None."""
    return order_of(clip, sort) if content_names.unit("landmark", clip.clip_id) * LANDMARK < 1 else None


def outline(nbytes: int, landmarks: Iterable[SortKey], options: BuildOptions) -> Outline:
    """Settle the outline of a split.

    Args:
        nbytes: of all its clips.
        landmarks: places of its landmarks, in any order.
    """
    # A landmark stands for `LANDMARK` clips.
    weighed = (PackedClip(order, order[1], LANDMARK, b"") for order in sorted(landmarks))
    bands = list(cut(weighed, BAND))
    return Outline(target_bytes(nbytes, options), [band[-1].order for band in bands[:-1]])


def band_of(order: SortKey, edges: Sequence[SortKey]) -> int:
    """Return the number of the band that a place is in, from 0."""
    return bisect_left(edges, order)


def plan_band(
    split: str, band: int, target: int, packed: Iterable[bytes], options: BuildOptions
) -> Iterator[ShardPlan]:
    """Plan the shards of one band of a split, in order.

    Args:
        target: the outline's.
        packed: the band's clips as msgpack, in any order.
    """
    clips = sorted(_unpacked(clip, options.sort) for clip in packed)
    schema = get_schema(options.record_schema)
    for number, group in enumerate(cut(clips, target)):
        rows = [_decode_clip(clip.packed) for clip in group]
        shard = content_names.shard_id(schema.name, schema.epoch, options.name, rows, schema.columns)
        yield ShardPlan(
            split=split, band=band, number=number, shard=shard, digest=content_names.rows_digest(rows), clips=rows
        )


def _unpacked(packed: bytes, sort: str) -> PackedClip:
    clip = _decode_clip(packed)
    return PackedClip(order_of(clip, sort), clip.clip_key, clip.nbytes, packed)


def target_bytes(total: int, options: BuildOptions) -> int:
    """Return the shard size to aim at in a split of `total` bytes.

    The size is halved until every host can have its shards. So it stays the same while
    a data set grows a little, and old cuts stay when it changes. Only a split of too few
    clips gets fewer shards than --hosts asks for.
    """
    target = options.shard_bytes
    # Shards come out at 1.1 times the target on average and their number varies by a tenth: at
    # twice the bytes, none of a thousand splits falls short.
    wanted = SHARDS_PER_HOST * (options.hosts or 0)
    while target > 1 and total < 2 * target * wanted:
        target //= 2
    return target


def hosts_served(shards: int) -> int:
    """Return for how many training hosts a split of this many shards is enough; at least 1."""
    return max(1, shards // SHARDS_PER_HOST)


def cut(clips: Iterable[PackedClip], target: int) -> Iterator[list[PackedClip]]:
    """Cut ordered clips into shards of about `target` bytes, by their content alone.

    A shard ends after a clip whose key, as a number in [0, 1), is below its bytes
    over the target; never under a quarter of the target, always before twice it. So a
    clip that is added or removed moves only the cuts around itself.
    """
    shard: list[PackedClip] = []
    size = 0
    for clip in clips:
        if shard and size + clip.nbytes > 2 * target:
            yield shard
            shard, size = [], 0
        shard.append(clip)
        size += clip.nbytes
        if size >= target // 4 and content_names.unit("cut", clip.clip_key) < clip.nbytes / target:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard
