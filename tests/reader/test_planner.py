"""The order of a shuffled epoch depends on seed, epoch and clip ids alone."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from miniature import publish_miniature

import clipmill
from clipmill.reader import ClipSet, FirstFrames, RandomWindow
from clipmill.reader.planner import Planner


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> list[ClipSet]:
    """The same clips twice, of other lengths, so that their tables and shards have other orders."""
    sets = []
    for lengths in ([5, 9, 30, 17], [8, 3, 4, 21, 2]):
        path = tmp_path_factory.mktemp("published")
        publish_miniature(path, clips=30, lengths=lengths, sizes=[(32, 24)], splits=["train"], clips_per_shard=6)
        sets.append(clipmill.open(str(path))["train"])
    assert sets[0].ids.to_pylist() != sets[1].ids.to_pylist()
    assert sorted(sets[0].ids.to_pylist()) == sorted(sets[1].ids.to_pylist())
    return sets


def order(clips: ClipSet, epoch: int = 0, **options: Any) -> list[tuple[str, int]]:
    """The ids of an epoch, with their repetitions."""
    batches = clips.batches(FirstFrames(1), batch_size=4, shuffle=True, **options)
    numbers, repeats = batches.planner.order(epoch).at(np.arange(batches.planner.size))
    ids = batches.planner.clips.ids.to_pylist()
    return [(ids[clip], repeat) for clip, repeat in zip(numbers.tolist(), repeats.tolist(), strict=True)]


@pytest.mark.parametrize("epoch", [0, 1])
def test_other_lengths_change_no_order(published: list[ClipSet], epoch: int) -> None:
    one, other = published
    for options in ({}, {"seed": 3}, {"weights": "balanced"}, {"weights": "balanced", "clips_per_epoch": 77}):
        assert order(one, epoch, **options) == order(other, epoch, **options)
    for number in range(2):
        weights = [len(clip_id) + int(clip_id[-1]) for clip_id in published[number].ids.to_pylist()]
        assert order(published[number], epoch, weights=weights) == order(
            one, epoch, weights=[len(clip_id) + int(clip_id[-1]) for clip_id in one.ids.to_pylist()]
        )
    mixed = [clipmill.mix({"a": (clips, 2), "b": (clips.select(index=range(30)), 1)}) for clips in published]
    assert order(mixed[0], epoch) == order(mixed[1], epoch)


def test_windows_and_batches_are_the_same_too(published: list[ClipSet]) -> None:
    """Of clips that are long enough for them."""
    one, other = (
        [batch["id"].tolist() for batch in clips.batches(RandomWindow(2), batch_size=7, shuffle=True)]
        for clips in published
    )
    assert one == other


def test_clips_left_out_move_no_others(published: list[ClipSet]) -> None:
    whole = [clip_id for clip_id, _ in order(published[0])]
    some = sorted(whole)[::3]
    assert [clip_id for clip_id, _ in order(published[0].select(ids=some))] == [i for i in whole if i in some]
    dropped = published[1].batches(RandomWindow(4, short="drop"), batch_size=4, shuffle=True)
    assert dropped.dropped
    ids = [clip_id for batch in dropped for clip_id in batch["id"][batch["length"] > 0].tolist()]
    assert ids == [clip_id for clip_id in whole if clip_id in ids]


def test_members_of_one_mix_may_have_the_same_ids(published: list[ClipSet]) -> None:
    clips = published[0]
    mixed = clipmill.mix({"a": (clips, 1), "b": (clips, 1)})
    planner = mixed.batches(FirstFrames(1), batch_size=4, shuffle=True).planner
    numbers, _ = planner.order(0).at(np.arange(planner.size))
    assert sorted(numbers.tolist()) == list(range(60))
    member, clip = np.divmod(numbers, 30)
    first, second = (clip[member == number].tolist() for number in range(2))
    assert first != second, "the members' hashes are their own"


def test_a_planner_that_was_sent_elsewhere_plans_the_same(published: list[ClipSet]) -> None:
    options: list[dict[str, Any]] = [{}, {"weights": "balanced"}]
    for more in options:
        batches = published[0].batches(FirstFrames(1), batch_size=4, shuffle=True, **more)
        expected = batches.planner.plan(1).sequence()
        sent: Planner = pickle.loads(pickle.dumps(batches.planner))
        assert "_hashes" not in vars(sent), "8 bytes a clip are not sent"
        assert np.array_equal(sent.plan(1).sequence(), expected)
