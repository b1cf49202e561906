"""Cutting ordered clips into shards, by their content alone (bands: test_bands)."""

from __future__ import annotations

import random
import statistics

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill import content_names
from clipmill.options import BuildOptions, ListingOptions
from clipmill.shards.plan import PackedClip, cut, target_bytes

TARGET = 1_000_000


def packed(number: int, nbytes: int, seed: object = "") -> PackedClip:
    key = content_names._hash([seed, number])[:32]
    return PackedClip((nbytes // 20_000, key), key, nbytes, b"")


def clips(count: int, seed: int = 0, mean: int = TARGET // 55) -> list[PackedClip]:
    """Lengths like UCF101's: 29 to 1,776 frames, half of them from 140 to 230."""
    chance = random.Random(seed)
    lengths = [min(9.5, max(0.15, chance.lognormvariate(0, 0.5))) for _ in range(count)]
    return sorted(packed(n, int(mean * length), seed) for n, length in enumerate(lengths))


def shards(rows, target=TARGET):
    return [tuple(clip.clip_key for clip in shard) for shard in cut(rows, target)]


@given(st.lists(st.integers(1, TARGET), max_size=200), st.integers())
def test_no_shard_but_the_last_is_under_a_quarter_and_none_reaches_twice_the_target(sizes, seed):
    rows = [packed(n, size, seed) for n, size in enumerate(sizes)]
    found = list(cut(rows, TARGET))
    assert [clip for shard in found for clip in shard] == rows
    totals = [sum(clip.nbytes for clip in shard) for shard in found]
    assert all(total >= TARGET // 4 for total in totals[:-1])
    assert all(total <= 2 * TARGET for total in totals)


def test_a_clip_over_twice_the_target_has_a_shard_of_its_own():
    rows = [packed(0, 10), packed(1, 3 * TARGET), packed(2, 10)]
    assert [len(shard) for shard in cut(rows, TARGET)] == [1, 1, 1]


def test_shards_come_out_near_the_target():
    totals = [sum(clip.nbytes for clip in shard) / TARGET for shard in cut(clips(20_000), TARGET)]
    assert 0.95 < statistics.mean(totals) < 1.25
    assert statistics.quantiles(totals, n=20)[-1] <= 2.0


@pytest.mark.parametrize("change", ["added", "removed"])
def test_one_clip_more_or_less_touches_about_one_shard(change):
    rows = clips(13_000)
    before = set(shards(rows))
    assert len(before) > 150
    rewritten = []
    for seed in range(40):
        if change == "added":
            after = sorted([*rows, *clips(1, seed=1000 + seed)])
        else:
            gone = random.Random(seed).randrange(len(rows))
            after = rows[:gone] + rows[gone + 1 :]
        rewritten.append(len(set(shards(after)) - before))
    assert statistics.median(rewritten) == 1
    assert max(rewritten) <= 5, "the cuts fall into step again"


@pytest.mark.parametrize("added", [10, 130, 650])
def test_added_clips_touch_hardly_more_shards_than_they_fall_into(added):
    rows = clips(13_000)
    before = set(shards(rows))
    rewritten = [len(set(shards(sorted([*rows, *clips(added, seed=99 + seed)]))) - before) for seed in range(20)]
    count = len(before)
    fall_into = count * (1 - (1 - 1 / count) ** added)
    assert statistics.median(rewritten) <= 1.4 * fall_into + 1


def test_the_target_is_halved_until_every_host_has_ten_shards():
    options = BuildOptions(ListingOptions(("x",)), "/out", "run", shard_bytes=256 << 20)
    many = msgspec.structs.replace(options, hosts=8)
    assert target_bytes(100 << 30, options) == 256 << 20
    assert target_bytes(100 << 30, many) == 256 << 20
    assert target_bytes(10 << 30, many) == 64 << 20
    assert target_bytes(0, many) >= 1


@given(st.integers(1, 100 << 30), st.integers(1, 64))
def test_a_split_is_large_enough_for_the_shards_that_hosts_want(total, hosts):
    options = BuildOptions(ListingOptions(("x",)), "/out", "run", shard_bytes=256 << 20, hosts=hosts)
    target = target_bytes(total, options)
    assert target == 1 or total >= 2 * target * 10 * hosts


@pytest.mark.parametrize("mean", [2_000, 900_000, 40_000_000])
@pytest.mark.parametrize("hosts", [1, 2, 8])
def test_every_host_has_ten_shards_or_more(mean, hosts):
    """Whether a clip is a hair or a good part of a shard, and whatever the keys."""
    options = BuildOptions(ListingOptions(("x",)), "/out", "run", shard_bytes=256 << 20, hosts=hosts)
    for seed in range(100):
        rows = clips(20 * hosts * (1 + seed % 5) + 100, seed, mean)
        target = target_bytes(sum(row.nbytes for row in rows), options)
        assert len(list(cut(rows, target))) >= 10 * hosts
