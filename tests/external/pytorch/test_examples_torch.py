"""The examples for PyTorch run, small, and do what they say."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from small_motions import build_motions, reports, run_example

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def motions(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_motions(tmp_path_factory.mktemp("motions"))


def test_the_cnn_of_frames_reports_a_split_by_group_and_one_by_clip(motions: str, tmp_path: Path) -> None:
    printed = run_example("per_frame_cnn", "--data", motions, "--out", tmp_path, "--epochs", "1")
    assert printed.index("split by group") < printed.index("split by clip")
    by_group, by_clip = reports(printed)
    assert by_group[0] == by_clip[0] == 12 and by_group[1] == 0.17
    assert cv2.imread(by_group[3]) is not None and by_group[3] != by_clip[3]


def test_the_transformer_goes_on_exactly_from_its_checkpoint(motions: str, tmp_path: Path) -> None:
    words = ("--data", motions, "--out")
    run_example("space_time_transformer", *words, tmp_path / "stopped", "--epochs", "1")
    again = run_example("space_time_transformer", *words, tmp_path / "stopped", "--epochs", "2")
    straight = run_example("space_time_transformer", *words, tmp_path / "straight", "--epochs", "2")
    assert "going on at epoch 2" in again and "going on" not in straight
    stopped, whole = (torch.load(tmp_path / run / "space_time_transformer.pt") for run in ("stopped", "straight"))
    assert stopped["batches"] == whole["batches"]
    for name, weights in whole["model"].items():
        torch.testing.assert_close(stopped["model"][name], weights)
    assert reports(again)[0][:3] == reports(straight)[0][:3]
