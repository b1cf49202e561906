"""Batches of like length, planned from lengths alone, and how much of them is padding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_ids import hashes_of

from clipmill.errors import UsageError
from clipmill.reader import Chunks, Dataset, WholeClip
from clipmill.reader.order.batching import ByLength, InChunks, Windows
from clipmill.reader.order.permutations import InOrder, Shuffled


def by_length(
    lengths: np.ndarray, size: int | None, epoch: int = 0, max_frames: int | None = None, drop: bool = False
) -> ByLength:
    order = Shuffled(hashes_of(len(lengths)), 1, epoch)
    return ByLength(order, lengths, Windows(lengths, None), size, max_frames, drop, True, 1, epoch)


def padded(plan: ByLength, lengths: np.ndarray) -> float:
    steps = [plan.step(index) for index in range(plan.steps)]
    room = sum(step.frames * len(step.clips) for step in steps)
    return 1 - sum(int(lengths[step.clips].sum()) for step in steps) / room


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
    order = Shuffled(hashes_of(len(hmdb51)), 1, 0).at(np.arange(len(hmdb51)))[0]
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
    """Of two epochs, 5 of 319 batches are the same in the mean: the longest clips, which have none of like length."""
    plans = [by_length(hmdb51, 16, epoch) for epoch in range(7)]
    batches = [{frozenset(plan.step(index).clips.tolist()) for index in range(plan.steps)} for plan in plans]
    same = [len(one & other) for one, other in pairwise(batches)]
    assert np.mean(same) < 0.02 * len(batches[0])
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
