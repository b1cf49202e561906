"""clipmill replay and clipmill inspect --shuffle."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from miniature import publish_miniature

import clipmill
from clipmill.pipeline.cli.main import main
from clipmill.reader import RandomWindow


@pytest.fixture
def out(tmp_path: Path) -> Path:
    publish_miniature(tmp_path / "out", clips=30, splits=("train", "train", "val"))
    return tmp_path / "out"


def test_replay_names_and_draws_the_batch_that_was_seen(out: Path, tmp_path: Path, capsys) -> None:
    batches = clipmill.open(str(out))["train"].batches(RandomWindow(4), batch_size=3, shuffle=True, seed=5)
    seen = []
    for batch in batches:
        seen.append(list(batch["id"]))
        if len(seen) == 2:
            break
    state = tmp_path / "state.json"
    state.write_text(json.dumps(batches.state_dict()))
    for step in (0, 1):
        words = ["replay", str(out), "--state", str(state), "--step", str(step), "--json"]
        assert main([*words, "--png", str(tmp_path / "batch.png")]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["epoch"], found["step"]) == (0, step)
        assert [clip["id"] for clip in found["clips"]] == seen[step]
    assert cv2.imread(str(tmp_path / "batch.png")).shape[0] > 100
    assert main(["replay", str(out), "--state", str(state)]) == 0
    assert f"  {seen[1][0]}  " in capsys.readouterr().out


def test_a_state_that_is_none_is_told_in_one_line(out: Path, tmp_path: Path, capsys) -> None:
    assert main(["replay", str(out), "--state", str(tmp_path / "none.json")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "none.json" in error


def test_inspect_shuffle_tells_random_orders_from_others(out: Path, tmp_path: Path, capsys) -> None:
    assert main(["inspect", str(out), "--shuffle", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["shuffle=True"]["clips"] == 20
    assert found["shuffle=False"]["records"]["unevenness"] > found["shuffle=True"]["records"]["unevenness"]
    assert main(["inspect", str(out), "--shuffle", "--split", "val", "--plots", str(tmp_path / "plots")]) == 0
    assert "unevenness of the order" in capsys.readouterr().out
    assert len(list((tmp_path / "plots").rglob("*.png"))) == 8
