"""clipmill leaks: its table, its JSON, its picture and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
from scenery import publish_frames, scenery

from clipmill.pipeline.cli.main import main


@pytest.fixture
def out(tmp_path: Path) -> str:
    original = scenery(0)
    mirror = [frame[:, ::-1] for frame in original]
    publish_frames(tmp_path / "out", [original, mirror, scenery(1), original[10:]], ["train", "test", "test", "train"])
    return str(tmp_path / "out")


def test_pairs_are_told_those_between_splits_first(out: str, capsys) -> None:
    assert main(["leaks", out]) == 0
    told = capsys.readouterr().out
    assert "between splits                 2 pairs" in told
    assert "in one split, under one label  1 pair" in told
    rows = [line for line in told.splitlines() if "clip_0" in line]
    assert len(rows) == 3 and "mirrored" in rows[0] and "clip_0002" not in told and "clip_0003" in rows[2]


def test_json_has_all_of_it(out: str, capsys) -> None:
    assert main(["leaks", out, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"against": 0, "splits": 2, "labels": 0, "within": 1}
    assert found["pairs"][0]["first"].keys() == {"dataset", "row", "id", "split", "label"}


def test_more_leaks_than_allowed_end_with_exit_code_1(out: str) -> None:
    assert main(["leaks", out, "--fail-above", "2"]) == 0
    assert main(["leaks", out, "--fail-above", "1"]) == 1


def test_the_picture_shows_each_pair_in_two_rows(out: str, tmp_path: Path, capsys) -> None:
    assert main(["leaks", out, "--png", str(tmp_path / "pairs.png")]) == 0
    assert f"-> {tmp_path / 'pairs.png'}" in capsys.readouterr().out
    picture = cv2.imread(str(tmp_path / "pairs.png"))
    assert picture.shape[0] > 6 * 120 and picture.shape[1] > 5 * 160


def test_nothing_found_is_told_in_a_line(tmp_path: Path, capsys) -> None:
    publish_frames(tmp_path / "out", [scenery(0), scenery(1)], ["train", "test"])
    assert main(["leaks", str(tmp_path / "out"), "--png", str(tmp_path / "none.png"), "--fail-above", "0"]) == 0
    assert capsys.readouterr().out.endswith("2 clips, no two show the same\n")
    assert not (tmp_path / "none.png").exists()


def test_other_data_sets_are_compared_too(out: str, tmp_path: Path, capsys) -> None:
    publish_frames(tmp_path / "other", [scenery(1)], ["val"])
    assert main(["leaks", out, "--against", str(tmp_path / "other"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["against"] == 1
    assert main(["leaks", out, "--against", str(tmp_path / "none")]) == 2


def test_inspect_names_the_pairs_between_splits_once_they_were_looked_for(out: str, tmp_path: Path, capsys) -> None:
    assert main(["inspect", out]) == 0
    assert "show the same" not in capsys.readouterr().out
    assert main(["leaks", out]) == main(["inspect", out]) == 0
    told = "warning: 2 pairs of clips of two splits show the same, as clip_0003 (train) and clip_0001 (test)"
    assert told in capsys.readouterr().out
    assert main(["inspect", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["leaks"]["splits"] == 2
    publish_frames(tmp_path / "none", [scenery(0), scenery(1)], ["train", "test"])
    assert main(["leaks", str(tmp_path / "none")]) == main(["inspect", str(tmp_path / "none")]) == 0
    assert "\nno clips of two splits show the same" in capsys.readouterr().out
