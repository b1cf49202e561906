"""Replay: any step again, from a saved state."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from miniature import Miniature

from clipmill.errors import UsageError
from clipmill.reader import AtFps, Dataset, HorizontalFlip, Normalise, RandomCrop, RandomWindow, Resize
from clipmill.reader.replay import in_words, replay, replay_to


def test_the_exact_batch_of_any_step(data: Dataset, mini: Miniature, tmp_path: Path) -> None:
    batches = data["train"].batches(
        RandomWindow(4), augment=[RandomCrop(32), HorizontalFlip(), Normalise()], batch_size=5, shuffle=True, seed=9
    )
    kept = [{field: values.copy() for field, values in batch.items()} for _ in range(2) for batch in batches]
    for batch in batches:
        last = batch
        if batch["step"] == 1:
            break
    file = tmp_path / "state.json"
    file.write_text(json.dumps(batches.state_dict()))
    for epoch, step in ((0, 0), (1, 5), (0, 3)):
        found = replay(str(file), step, epoch)
        expected = kept[epoch * len(batches) + step]
        assert all(np.array_equal(found.batch[field], expected[field]) for field in expected)
        assert [clip["id"] for clip in found.clips] == expected["id"].tolist()
    latest = replay(batches.state_dict())
    assert (latest.epoch, latest.step) == (2, 1)
    assert np.array_equal(latest.batch["frames"], last["frames"])
    row = latest.clips[0]
    assert row["source"] == mini.records[row["id"]].source
    assert row["label"] == mini.records[row["id"]].label_text
    assert row["version"] == mini.version
    assert row["views"][0]["frames"] == last["frame_index"][0].tolist()
    assert row["views"][0]["steps"][0]["step"] == "Crop"


def test_after_the_last_step_of_an_epoch(data: Dataset) -> None:
    batches = data["train"].batches(RandomWindow(4), batch_size=5, shuffle=True, fields=["id"])
    ids = [batch["id"].tolist() for batch in batches]
    found = replay(batches.state_dict())
    assert (found.epoch, found.step) == (0, len(ids) - 1)
    assert found.batch["id"].tolist() == ids[-1]


def test_the_command_gives_plain_values_and_a_picture(data: Dataset, tmp_path: Path) -> None:
    batches = data["train"].batches(AtFps(12.5, 4), batch_size=3, shuffle=True, views=2, weights="balanced")
    file, png = tmp_path / "state.json", tmp_path / "sheet.png"
    file.write_text(json.dumps(batches.state_dict()))
    found = replay_to(data.path, str(file), step=2, png=str(png))
    assert json.loads(json.dumps(found)) == found
    assert len(found["clips"]) == 3
    assert len(found["clips"][0]["views"]) == 2
    sheet = cv2.imread(str(png))
    assert sheet.shape[0] > 6 * 96  # a row of frames for each view of each clip
    assert len(np.unique(sheet)) > 50


def test_a_view_in_words_has_stride_crop_and_flip(data: Dataset) -> None:
    augment = [RandomCrop(32), Resize((24, 40)), HorizontalFlip(1.0), Normalise()]
    batches = data["train"].batches(RandomWindow(2, stride=2), augment=augment, batch_size=1)
    (view,) = replay(batches.state_dict(), step=0, epoch=0).clips[0]["views"]
    first, crop = view["frames"][0], view["steps"][0]
    assert in_words(view) == (
        f"frames {first}..{first + 2} stride 2, crop 32x32 at {crop['left']},{crop['top']}, "
        "resized to 40x24, flipped, normalised"
    )
    assert in_words({"frames": [3, 4, 5, -1], "steps": []}) == "frames 3..5"
    assert in_words({"frames": [-1, -1], "steps": []}) == "no frame"


def test_what_is_no_state(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as a state file"):
        replay(str(tmp_path / "none.json"))
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(UsageError, match="not a state file"):
        replay(str(tmp_path / "list.json"))
