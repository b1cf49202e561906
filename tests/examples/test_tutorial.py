"""docs/tutorial.md, command by command, from an archive to a trained model."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import cv2
import pytest
from commanding import clipmill
from places import ROOT
from small_motions import reports, run_example

from clipmill.pipeline.demo.synthetic import make_dataset

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow, pytest.mark.timeout(900)]


def test_the_commands_of_the_tutorial_lead_to_a_trained_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dataset(tmp_path / "made/UCF-101", 48, frames=(40, 44), sizes=((96, 80),), broken=1)
    shutil.make_archive(str(tmp_path / "UCF101"), "zip", tmp_path / "made")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs/tutorial.md").read_text()
    # Nothing writes a rar here, and one epoch shows that it learns as well as 15 do.
    page = page.replace("UCF101.rar", "UCF101.zip").replace("--epochs 15", "--epochs 1")
    commands = re.findall(r"^ {7}(.+)$", page, re.MULTILINE)
    assert [command.split()[1] for command in commands] == [
        *("unpack", "plan", "build", "failures", "verify", "inspect", "show", "examples/cnn_lstm.py")
    ]
    printed = {}
    for program, what, *words in map(str.split, commands):
        if program == "clipmill":
            ran = clipmill(what, *words)
            assert ran.code == 0, ran
            printed[what] = ran.out
        else:
            words[words.index("--data") + 1 :: 2] = [str(tmp_path / "ucf"), str(tmp_path / "model"), "1"]
            printed[what] = run_example(Path(what).stem, *words)
    assert "truncated" in printed["failures"]
    assert cv2.imread("ucf.png") is not None
    [(held_out, chance, accuracy, picture)] = reports(printed["examples/cnn_lstm.py"])
    assert held_out >= 6 and 0.1 < chance < 0.4 and 0 <= accuracy <= 1 and cv2.imread(picture) is not None
