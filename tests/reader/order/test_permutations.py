"""Orders of an epoch, and how even they are."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_ids import hashes_of

from clipmill.reader.order.permutations import InOrder, Permutation, RunningWeights, Shuffled, Weighted


def chi_squared(counts: np.ndarray, expected: float) -> float:
    """Pearson's statistic, in standard deviations above what chance gives a uniform table.

    The degrees of freedom are those of a square table whose rows and columns have fixed sums.
    """
    freedom = (counts.shape[0] - 1) * (counts.shape[1] - 1)
    return float((((counts - expected) ** 2 / expected).sum() - freedom) / np.sqrt(2 * freedom))


def places(order: np.ndarray) -> np.ndarray:
    """(clips, positions) counts of where each clip came, over (seeds, positions) clips."""
    count = order.shape[1]
    return np.bincount((order * count + np.arange(count)).ravel(), minlength=count * count).reshape(count, count)


@given(st.integers(0, 3000), st.integers(0, 2**64))
@settings(max_examples=60, deadline=None)
def test_a_permutation_holds_every_number_once(size: int, seed: int) -> None:
    assert sorted(Permutation(size, seed)(np.arange(size)).tolist()) == list(range(size))


def test_any_part_of_a_permutation_is_that_of_the_whole() -> None:
    whole = Permutation(1000, "k")(np.arange(1000))
    assert np.array_equal(Permutation(1000, "k")(np.array([999, 3, 500])), whole[[999, 3, 500]])


def test_keys_are_told_apart() -> None:
    orders = [Permutation(50, *key)(np.arange(50)).tolist() for key in [(1, 2), (2, 1), (12,), ("1", 3), (1,)]]
    assert len({tuple(order) for order in orders}) == 5


@pytest.mark.parametrize("kind", ["permutation", "shuffled"])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_all_orders_of_a_few_are_equally_likely(kind: str, size: int) -> None:
    trials, hashes, numbers = 6000, hashes_of(size), np.arange(size)
    if kind == "permutation":
        found = [Permutation(size, "few", seed)(numbers) for seed in range(trials)]
    else:
        found = [Shuffled(hashes, "few", seed).at(numbers)[0] for seed in range(trials)]
    counts = Counter(tuple(order.tolist()) for order in found)
    orders = list(permutations(range(size)))
    expected = trials / len(orders)
    statistic = sum((counts[order] - expected) ** 2 / expected for order in orders)
    freedom = len(orders) - 1
    assert (statistic - freedom) / np.sqrt(2 * freedom) < 4


def test_every_position_is_equally_likely_for_every_clip() -> None:
    """Over 8,000 epochs of 40 clips, 200 in each of 1,600 cells.

    Power: cells whose probabilities are off by 4 % r.m.s. raise the statistic by
    8000 * 40 * 0.04**2 = 512 where its standard deviation is 55: they would pass once in
    millions of times. The two orders that follow are caught.
    """
    seeds, size = 8000, 40
    hashes = hashes_of(size)
    order = np.array([Shuffled(hashes, 7, epoch).at(np.arange(size))[0] for epoch in range(seeds)])
    assert abs(chi_squared(places(order), seeds / size)) < 4
    random = np.random.default_rng(0)
    buffered = np.array([_through_buffer(random, size, size // 2) for _ in range(seeds)])
    assert chi_squared(places(buffered), seeds / size) > 50
    slightly_off = order.copy()
    moved = random.random(seeds) < 0.05
    slightly_off[moved] = np.roll(np.arange(size), 1)
    assert chi_squared(places(slightly_off), seeds / size) > 4


def _through_buffer(random: np.random.Generator, size: int, room: int) -> list[int]:
    held, out = list(range(room)), []
    for coming in [*range(room, size), *[-1] * room]:
        place = random.integers(len(held))
        out.append(held.pop(place))
        if coming >= 0:
            held.append(coming)
    return out


def test_neighbours_are_independent() -> None:
    """Pairs of clips that follow each other, over 4,000 epochs of 30 clips: every pair equally often."""
    size, seeds = 30, 4000
    hashes = hashes_of(size)
    order = np.array([Shuffled(hashes, "pairs", epoch).at(np.arange(size))[0] for epoch in range(seeds)])
    pairs = np.bincount((order[:, :-1] * size + order[:, 1:]).ravel(), minlength=size * size).reshape(size, size)
    apart = pairs[~np.eye(size, dtype=bool)]
    expected = seeds * (size - 1) / len(apart)
    statistic = ((apart - expected) ** 2 / expected).sum()
    assert np.trace(pairs) == 0
    assert abs(statistic - len(apart)) / np.sqrt(2 * len(apart)) < 4


def test_a_sorted_set_leaves_no_trace_in_the_order() -> None:
    """Rank correlation of clip and position over a large epoch: a random order's has s.d. 1/sqrt(n)."""
    size = 200_000
    hashes = hashes_of(size)
    for seed in range(5):
        order = Shuffled(hashes, seed).at(np.arange(size))[0]
        assert abs(np.corrcoef(order, np.arange(size))[0, 1]) * np.sqrt(size) < 4
        assert abs(np.corrcoef(order[1:], order[:-1])[0, 1]) * np.sqrt(size) < 4


def test_golden_order() -> None:
    """Saved states rely on these numbers: whoever changes them raises STATE."""
    assert Shuffled(hashes_of(12), 0, 0).at(np.arange(12))[0].tolist() == [7, 0, 1, 9, 6, 10, 5, 2, 11, 8, 3, 4]
    clips, repeats = Weighted(12, running([1, 2, 3, 4, 2]), 0, 0).at(np.arange(12))
    assert clips.tolist() == [3, 4, 3, 1, 0, 2, 3, 2, 1, 3, 2, 4]
    assert repeats.tolist() == [1, 0, 2, 0, 0, 1, 3, 0, 1, 0, 2, 1]


def running(weights: list[float]) -> RunningWeights:
    """The weights of clips in the order of their numbers."""
    return RunningWeights(np.arange(len(weights), dtype=np.int32), np.cumsum(weights) / np.sum(weights))


def test_weights_may_run_over_clips_in_any_order() -> None:
    clips = np.array([3, 0, 2, 1], np.int32)
    one = Weighted(50, running([4, 1, 3, 2]), 5).at(np.arange(50))
    other = Weighted(50, running([4, 1, 3, 2])._replace(clips=clips), 5).at(np.arange(50))
    assert np.array_equal(clips[one[0]], other[0]) and np.array_equal(one[1], other[1])


def test_in_order() -> None:
    clips, repeats = InOrder(10).at(np.arange(3, 7))
    assert clips.tolist() == [3, 4, 5, 6]
    assert repeats.tolist() == [0, 0, 0, 0]


def test_weights_are_met_in_every_epoch() -> None:
    weights = np.array([0.0, 1, 2, 5, 0.5, 1.5])
    for epoch in range(50):
        clips, _ = Weighted(100, running(weights.tolist()), 3, epoch).at(np.arange(100))
        counts = np.bincount(clips, minlength=6)
        assert (np.abs(counts - weights * 10) < 2).all()
        assert counts[0] == 0


def test_weights_are_met_on_average_and_in_random_order() -> None:
    weights = np.array([1, 3, 0.3, 2.2, 0.5])
    summed = running(weights.tolist())
    size, epochs = 7, 6000
    drawn = np.array([Weighted(size, summed, "w", epoch).at(np.arange(size))[0] for epoch in range(epochs)])
    shares = np.bincount(drawn.ravel(), minlength=5) / drawn.size
    assert np.abs(shares - weights / 7).max() < 0.004
    first = np.bincount(drawn[:, 0], minlength=5) / epochs
    assert np.abs(first - weights / 7).max() < 4 * np.sqrt(0.25 / epochs)


def test_repetitions_of_a_weighted_clip_are_numbered_apart() -> None:
    clips, repeats = Weighted(40, running([0.1, 0.6, 0.3]), 1).at(np.arange(40))
    assert len(set(zip(clips.tolist(), repeats.tolist(), strict=True))) == 40
    assert repeats.min() >= 0
