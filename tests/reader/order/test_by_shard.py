"""The order that reads shards from front to back."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.reader.order.by_shard import ByShard, Shards


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_shard_order_holds_every_clip_once_and_reads_lanes_in_file_order(
    sizes: list[int], lanes: int, window: int, seed: int
) -> None:
    shard = np.repeat(np.arange(len(sizes)), sizes)
    offset = np.concatenate([np.arange(size) * 100 for size in sizes])
    order = ByShard(shard, offset, Shards(lanes, window), seed)
    clips, _ = order.at(np.arange(len(shard)))
    assert sorted(clips.tolist()) == list(range(len(shard)))
    for lane in range(order.lanes):
        turns = np.arange(order.lane_size(lane))
        places = order.shuffled(lane, turns)
        assert np.array_equal(order.clips(lane, places), clips[lane :: order.lanes])
        assert np.array_equal(places // window, turns // window)  # nothing leaves its window
        in_files = order.clips(lane, turns)
        runs = np.split(in_files, np.flatnonzero(np.diff(shard[in_files])) + 1)
        assert all((np.diff(offset[run]) > 0).all() for run in runs)
        assert len({shard[run[0]] for run in runs if len(run)}) == len([run for run in runs if len(run)])


def test_shard_order_does_not_depend_on_the_order_of_the_rows() -> None:
    random = np.random.default_rng(0)
    shard, offset = np.repeat(np.arange(7), 13), np.tile(np.arange(13), 7) * 10
    mixed = random.permutation(91)
    plain = ByShard(shard, offset, Shards(4, 5), 1).at(np.arange(91))[0]
    again = ByShard(shard[mixed], offset[mixed], Shards(4, 5), 1).at(np.arange(91))[0]
    assert np.array_equal(mixed[again], plain)
