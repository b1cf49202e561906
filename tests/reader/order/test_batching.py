"""Batches of like length, planned from lengths alone, and how much of them is padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.errors import UsageError
from clipmill.reader import Chunks, ClipSet, Dataset, RandomWindow, WholeClip, evenness
from clipmill.reader.order.batching import ByLength, InChunks, Windows
from clipmill.reader.order.by_shard import ByShard, Shards
from clipmill.reader.order.permutations import InOrder, Shuffled


def by_length(
    lengths: np.ndarray, size: int | None, epoch: int = 0, max_frames: int | None = None, drop: bool = False
) -> ByLength:
    order = Shuffled(len(lengths), 1, epoch)
    return ByLength(order, lengths, Windows(lengths, None), size, max_frames, drop, True, 1, epoch)


def padded(plan: ByLength, lengths: np.ndarray) -> float:
    steps = [plan.step(index) for index in range(plan.steps)]
    room = sum(step.frames * len(step.clips) for step in steps)
    return 1 - sum(int(lengths[step.clips].sum()) for step in steps) / room


@pytest.fixture(scope="session")
def hmdb51(shared_data: Path) -> np.ndarray:
    """Frames of the clips of split 1 of HMDB51: 5,100 of them."""
    files = [shared_data / "listings" / "hmdb51" / f"hmdb51_{part}_split_1_rawframes.txt" for part in ("train", "val")]
    return np.array([int(line.split()[1]) for file in files for line in file.read_text().splitlines()])


@given(st.lists(st.integers(1, 400), min_size=1, max_size=80), st.integers(1, 9), st.integers(0, 20), st.booleans())
@settings(max_examples=100, deadline=None)
def test_every_clip_is_in_one_batch(lengths: list[int], size: int, epoch: int, drop: bool) -> None:
    frames = np.array(lengths)
    plan = by_length(frames, size, epoch, drop=drop)
    batches = [plan.step(index).clips.tolist() for index in range(plan.steps)]
    clips = [clip for batch in batches for clip in batch]
    assert len(set(clips)) == len(clips)
    assert len(clips) == (len(frames) // size * size if drop else len(frames))
    assert sum(len(batch) != size for batch in batches) == int(bool(len(frames) % size) and not drop)
    assert plan.sequence().tolist() == clips


@given(st.lists(st.integers(1, 400), min_size=1, max_size=80), st.integers(400, 2000), st.sampled_from([None, 3, 50]))
@settings(max_examples=100, deadline=None)
def test_batches_by_frames_keep_their_bound(lengths: list[int], most: int, size: int | None) -> None:
    frames = np.array(lengths)
    plan = by_length(frames, size, max_frames=most)
    steps = [plan.step(index) for index in range(plan.steps)]
    assert sorted(clip for step in steps for clip in step.clips.tolist()) == list(range(len(frames)))
    for step in steps:
        assert step.frames * len(step.clips) <= most
        assert len(step.clips) <= (size or len(frames))


def test_batches_by_frames_are_nearly_full(hmdb51: np.ndarray) -> None:
    plan = by_length(hmdb51, None, max_frames=4000)
    filled = [plan.step(index).frames * len(plan.step(index).clips) for index in range(plan.steps)]
    assert np.mean(filled) > 0.93 * 4000


def test_a_clip_longer_than_a_batch(data: Dataset) -> None:
    with pytest.raises(UsageError, match="max_frames_per_batch=20: the longest clip alone gives 30 frames"):
        len(data["train"].batches(WholeClip(), max_frames_per_batch=20))


def test_padded_share_of_hmdb51(hmdb51: np.ndarray) -> None:
    """2 % at most at batch size 16; 65 % where batches are formed at random."""
    assert max(padded(by_length(hmdb51, 16, epoch), hmdb51) for epoch in range(3)) <= 0.02
    order = Shuffled(len(hmdb51), 1, 0).at(np.arange(len(hmdb51)))[0]
    batches = [hmdb51[order[first : first + 16]] for first in range(0, len(order), 16)]
    assert 1 - hmdb51.sum() / sum(batch.max() * len(batch) for batch in batches) > 0.6


def test_stateful_batches_of_hmdb51_lose_and_pad_little(hmdb51: np.ndarray) -> None:
    """Whole chunks of 16: half a chunk is empty for each clip, as it must be, and hardly more."""
    chunks = Chunks(16)
    plan = InChunks(by_length(hmdb51, 16), hmdb51, chunks)
    room = sum(plan.step(index).frames * len(plan.step(index).clips) for index in range(plan.steps))
    least = (-(-hmdb51 // 16) * 16).sum()
    assert least <= room <= 1.02 * least
    cut = Chunks(16, tail="cut")
    plan = InChunks(by_length(hmdb51, 16), hmdb51, cut)
    assert sum(plan.step(index).chunk == 0 for index in range(plan.steps)) == -(-len(hmdb51) // 16)


def test_epochs_mix_clips_of_like_length(hmdb51: np.ndarray) -> None:
    plans = [by_length(hmdb51, 16, epoch) for epoch in range(2)]
    batches = [{frozenset(plan.step(index).clips.tolist()) for index in range(plan.steps)} for plan in plans]
    assert len(batches[0] & batches[1]) < 0.02 * len(batches[0])
    order = plans[0].sequence()
    places = np.empty(len(order))
    places[order] = np.arange(len(order))
    assert abs(np.corrcoef(places, hmdb51)[0, 1]) < 0.15


def test_the_left_over_clips_are_of_any_length() -> None:
    lengths = np.arange(1, 104) * 10
    left = [
        int((set(range(103)) - set(by_length(lengths, 10, epoch, drop=True).sequence().tolist())).pop())
        for epoch in range(200)
    ]
    assert len({number // 10 for number in left}) > 8


def test_without_shuffle_batches_come_by_length(data: Dataset) -> None:
    plan = ByLength(InOrder(9), np.array([9, 8, 7, 6, 5, 4, 3, 2, 1]), Windows(None, 1), 4, None, False, False)
    assert [plan.step(index).clips.tolist() for index in range(3)] == [[8, 7, 6, 5], [4, 3, 2, 1], [0]]


def test_padding_is_measured(data: Dataset) -> None:
    clips: ClipSet = data["train"]
    for options in ({"batch_size": 5}, {"batch_size": 5, "lengths": "truncate"}, {"batch_size": 5, "by_length": True}):
        for sampler in (WholeClip(), RandomWindow(8, short="pad"), RandomWindow(8)):
            batches = clips.batches(sampler, shuffle=True, **options)
            real = room = 0
            for batch in batches:
                real += int(batch["mask"].sum())
                room += batch["mask"].size
            assert evenness.padding(batches, 0)["padded"] == pytest.approx(1 - real / room)
    batches = clips.batches(Chunks(4), batch_size=3, shuffle=True)
    masks = [batch["mask"] for batch in batches]
    assert evenness.padding(batches, 0)["padded"] == pytest.approx(
        1 - sum(m.sum() for m in masks) / sum(m.size for m in masks)
    )
    frames = clips.clips["frames"].to_numpy()
    whole = evenness.padding(clips.batches(WholeClip(), batch_size=27, lengths="truncate"))
    assert whole["cut"] == pytest.approx(1 - 27 * frames.min() / frames.sum())


def test_evenness_tells_orders_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    kinds = np.sort(random.integers(0, 20, 3000))
    assert evenness.unevenness(kinds) > 20
    assert np.mean([evenness.unevenness(random.permutation(kinds)) for _ in range(50)]) == pytest.approx(1, abs=0.02)
    assert evenness.unevenness(np.tile(np.arange(20), 150)) < 0.2
    assert evenness.unevenness(np.zeros(100, int)) == 1.0


def test_a_sorted_data_set_read_at_random_is_as_even_as_chance(data: Dataset, tmp_path: Path) -> None:
    found = evenness.report(
        data["train"].batches(batch_size=4, shuffle=True, decode=False), folder=str(tmp_path / "plots")
    )
    assert abs(found["records"]["unevenness"] - found["records"]["random"]) < 4 * found["records"]["random_sd"]
    assert [Path(path).stat().st_size > 1000 for path in found["plots"]] == [True, True]
    orders = evenness.compare(str(data.path), batch_size=4)
    assert set(orders) == {"shuffle=True", 'shuffle="shards"', "by_length=True", "shuffle=False"}
    assert orders["shuffle=False"]["padded"] < orders["shuffle=True"]["padded"]


def test_how_even_orders_are_over_a_sorted_data_set(hmdb51: np.ndarray) -> None:
    """5,100 clips sorted by length, 51 to a shard; labels sorted as well, the worst there can be.

    A full shuffle cannot be told from chance. The streaming order can: its records are
    some 3 times as uneven as chance, as against 31 without shuffling.
    """
    count = len(hmdb51)
    kinds = np.arange(count) * evenness.PARTS // count
    chance = [evenness.unevenness(np.random.default_rng(seed).permutation(kinds)) for seed in range(40)]
    full = [evenness.unevenness(kinds[Shuffled(count, seed).at(np.arange(count))[0]]) for seed in range(20)]
    assert abs(np.mean(full) - 1) < 4 * np.std(chance) / np.sqrt(20)
    assert max(full) < 1 + 4 * np.std(chance)
    shard, offset = np.arange(count) // 51, np.arange(count)
    streamed = [
        evenness.unevenness(kinds[ByShard(shard, offset, Shards(), seed).at(np.arange(count))[0]]) for seed in range(5)
    ]
    print("full", np.mean(full), "streamed", np.mean(streamed), "in order", evenness.unevenness(kinds))
    assert 1.5 < np.mean(streamed) < 10
    assert evenness.unevenness(kinds) > 25
