"""Bands: a large split is planned piece by piece, and nobody can tell from its shards but at the bands' edges."""

from __future__ import annotations

import random
from collections import Counter

import apache_beam as beam
import msgspec
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill import content_names
from clipmill.messages import Clip, Piece, Verdict
from clipmill.options import BuildOptions, ListingOptions
from clipmill.shards import plan as planning
from clipmill.shards.plan import band_of, landmark, order_of, outline, plan_band
from clipmill.transforms.plan_shards import PlanShards

OPTIONS = BuildOptions(ListingOptions(("x",), "/videos"), "/out", "run", shard_bytes=1000)
RANDOM = msgspec.structs.replace(OPTIONS, sort="random")
#: Most clips of Kinetics have just the same length.
COMMON = 300


def clip(name, frames=COMMON, split="train", nbytes=100):
    key = content_names._hash([name, frames])[:32]
    rest = (
        0,
        "walk",
        None,
        None,
        f"{name}.mp4",
        None,
        None,
        None,
        "f" * 64,
        key,
        "d" * 64,
        frames,
        320,
        240,
        25.0,
        frames / 25,
        0,
        {},
    )
    return Clip(name, split, (), *rest, nbytes, [Piece(f"work/{key}")], False)


def clips(number, common=0.6, seed=0):
    chance = random.Random(seed)
    return [
        clip(f"v_{chance.getrandbits(48):012x}", COMMON if chance.random() < common else chance.randint(1, 400))
        for _ in range(number)
    ]


def plan(rows, options=OPTIONS):
    """What PlanShards does, without Beam: the shards of one split in order, and its edges."""
    marks = [mark for mark in (landmark(row, options.sort) for row in rows) if mark is not None]
    target, edges = msgspec.structs.astuple(outline(sum(row.nbytes for row in rows), marks, options))
    bands = [[] for _ in range(len(edges) + 1)]
    for row in rows:
        bands[band_of(order_of(row, options.sort), edges)].append(msgspec.msgpack.encode(row))
    shards = [shard for n, band in enumerate(bands) for shard in plan_band("train", n, target, band, options)]
    return shards, edges


@pytest.fixture
def small_bands(monkeypatch):
    """Bands of some 256 clips, one in four of them a landmark."""
    monkeypatch.setattr(planning, "BAND", 256)
    monkeypatch.setattr(planning, "LANDMARK", 4)


def one_band(monkeypatch):
    monkeypatch.setattr(planning, "BAND", 1 << 40)


def test_a_split_of_ordinary_size_is_one_band():
    assert plan(clips(10_000))[1] == []


@pytest.mark.parametrize("options", [OPTIONS, RANDOM], ids=["length", "random"])
@pytest.mark.parametrize("common", [0.0, 0.6, 1.0])
def test_bands_bound_what_is_held_at_once_however_common_one_length_is(monkeypatch, options, common):
    monkeypatch.setattr(planning, "BAND", 1024)
    monkeypatch.setattr(planning, "LANDMARK", 8)
    rows = clips(10_000, common)
    _, edges = plan(rows, options)
    sizes = Counter(band_of(order_of(row, options.sort), edges) for row in rows)
    # Twice the band, and four standard deviations of how many clips 2 * 1024 / 8 landmarks stand for.
    assert max(sizes.values()) < 2 * 1024 + 4 * 8 * 256**0.5
    assert min(sizes[band] for band in range(len(edges))) > 1024 / 4 - 4 * 8 * 32**0.5
    assert 5 <= len(edges) <= 20


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 600)), max_size=600), st.randoms(use_true_random=False))
def test_the_plan_is_the_order_of_the_clips_whatever_order_they_come_in(lengths, chance):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planning, "BAND", 64)
        patch.setattr(planning, "LANDMARK", 2)
        rows = [clip(f"c{n}", frames, nbytes=nbytes) for n, (frames, nbytes) in enumerate(lengths)]
        shards, edges = plan(rows)
        assert edges == sorted(edges)
        found = [row for shard in shards for row in shard.clips]
        assert found == sorted(rows, key=lambda row: (row.frames, row.clip_id))
        places = [(shard.band, shard.number) for shard in shards]
        assert places == sorted(set(places))
        chance.shuffle(rows)
        assert plan(rows) == (shards, edges)


def test_shards_are_the_same_without_bands_but_at_the_edges(small_bands, monkeypatch):
    rows = clips(6000)
    with_bands, edges = plan(rows)
    one_band(monkeypatch)
    without = {shard.shard for shard in plan(rows)[0]}
    assert len(edges) >= 10
    ends = [{order_of(row, "length") for row in (shard.clips[0], shard.clips[-1])} for shard in with_bands]
    assert {edge for edge in edges} <= set().union(*ends), "every edge is the end of a shard"
    other = sum(shard.shard not in without for shard in with_bands)
    # A forced cut cuts one shard in two, and a cut or two after it may have to fall into step again.
    assert len(edges) <= other <= 4 * len(edges) < len(with_bands) / 4


def rewritten(before, rows):
    """How many shards of these clips are new."""
    held = {shard.shard for shard in before}
    return sum(shard.shard not in held for shard in plan(rows)[0])


@pytest.mark.parametrize("changes", [1, 30])
def test_bands_leave_shards_where_they_are_when_clips_come_and_go(monkeypatch, changes):
    rows = clips(6000)
    counts = []
    # The ratio of the two is the real one: it says how often a landmark is among the clips that change.
    for band, mark in ((1024, 16), (1 << 40, 16)):
        monkeypatch.setattr(planning, "BAND", band)
        monkeypatch.setattr(planning, "LANDMARK", mark)
        before, edges = plan(rows)
        assert (len(edges) >= 3) == (band == 1024)
        count = 0
        for seed in range(8):
            gone = set(random.Random(seed).sample(range(len(rows)), changes))
            count += rewritten(before, [row for n, row in enumerate(rows) if n not in gone])
            count += rewritten(before, rows + clips(changes, seed=1000 + seed))
        counts.append(count)
    assert counts[0] <= 1.15 * counts[1] + 4, counts


def test_a_version_is_named_alike_by_any_path_to_the_same_clips(small_bands):
    rows = clips(4000)
    everything = plan(rows)
    # Edges come from the clips that there are, not from what was published before.
    grown = plan(rows[:1500])[1]
    assert grown != everything[1]
    assert plan(rows[1500:] + rows[:1500]) == everything


def test_the_graph_plans_band_by_band(small_bands):
    rows = clips(3000) + [clip(f"t{n}", n % 7 + 1, "test") for n in range(50)]
    expected, edges = plan([row for row in rows if row.split == "train"])
    assert len(edges) > 3

    def check(found):
        train = sorted((s for s in found if s.split == "train"), key=lambda shard: (shard.band, shard.number))
        assert train == expected
        assert sum(len(s.clips) for s in found if s.split == "test") == 50

    random.Random(1).shuffle(rows)
    with beam.Pipeline(runner=FnApiRunner()) as root:
        verdict = root | "Verdict" >> beam.Create([Verdict()]).with_output_types(Verdict)
        found = root | beam.Create(rows).with_output_types(Clip) | PlanShards(OPTIONS, verdict)
        assert_that(found, check)
