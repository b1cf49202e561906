"""The source for Grain, without Grain; with it: tests/external/interop/test_grain.py."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from miniature import Miniature, publish_miniature

import clipmill
import clipmill.grain
from clipmill.errors import UsageError
from clipmill.reader import FirstFrames, HorizontalFlip, RandomCrop, RandomWindow, WholeClip


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    return publish_miniature(tmp_path_factory.mktemp("grain") / "out", lengths=[5, 9], sizes=[(64, 48), (48, 64)])


def same(one: dict[str, Any], batch: dict[str, Any]) -> None:
    assert sorted(one) == sorted(set(batch) - {"step"})
    for field, value in one.items():
        assert np.array_equal(value, batch[field][0]), field


def test_clips_of_every_epoch_are_those_of_the_reader(mini: Miniature) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    how: dict[str, Any] = {"augment": [RandomCrop(32), HorizontalFlip()], "seed": 5}
    made = clipmill.grain.source(clips, RandomWindow(3), epochs=3, **how)
    batches = clips.batches(RandomWindow(3), batch_size=1, **how)
    assert len(made) == 3 * len(clips)
    numbers = list(range(len(made)))[::-1]  # in any order
    for number in numbers:
        same(made[number], batches.at(*divmod(number, len(clips))))
    first = [made[number * len(clips)]["frame_index"].tolist() for number in range(3)]
    assert len(set(map(tuple, first))) > 1


def test_clips_keep_their_size_and_length(mini: Miniature) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    made = clipmill.grain.source(clips, WholeClip(), fields=["frames", "label", "id"])
    rows = {row["clip_id"]: row for row in mini.rows}
    for clip in (made[np.int64(number)] for number in range(len(made))):
        row = rows[clip["id"]]
        assert clip["frames"].shape == (row["frames"], row["height"], row["width"], 3)
        assert clip["label"] == row["label_index"]


def test_it_can_be_sent_to_a_process_and_names_what_it_reads(mini: Miniature) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    made = clipmill.grain.source(clips, FirstFrames(2), augment=[RandomCrop(16)])
    again = pickle.loads(pickle.dumps(made))
    assert np.array_equal(again[1]["frames"], made[1]["frames"]) and repr(again) == repr(made)
    assert repr(made) != repr(clipmill.grain.source(clips, FirstFrames(3), augment=[RandomCrop(16)]))


def test_numbers_past_the_end_and_no_epoch(mini: Miniature) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    made = clipmill.grain.source(clips, FirstFrames(2))
    for number in (-1, len(made)):
        with pytest.raises(IndexError):
            made[number]
    with pytest.raises(UsageError, match="epochs=0: at least 1"):
        clipmill.grain.source(clips, epochs=0)
