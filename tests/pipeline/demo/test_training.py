"""clipmill demo --train: frames arrive in order and labels are right, or nothing could be learned."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from places import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's folder, and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "out"
    words = [sys.executable, "-m", "clipmill", "demo", "--train", "--out", str(out)]
    ran = subprocess.run(words, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return out, ran.stdout


def test_frames_in_order_tell_the_class_and_single_frames_do_not(trained: tuple[Path, str]) -> None:
    epochs = re.findall(r"^ +(\d+) of (\d+) +(0\.\d+|1\.00) +(0\.\d+|1\.00)$", trained[1], re.MULTILINE)
    assert len(epochs) == int(epochs[0][1])
    in_order, single = (np.array([float(epoch[field]) for epoch in epochs]) for field in (2, 3))
    # Chance is 1/6. Of 48 held-out clips, a guesser has 20 right once in a hundred thousand.
    assert in_order[-3:].mean() > 0.6
    assert single[-3:].mean() < 20 / 48


def test_the_curve_is_drawn(trained: tuple[Path, str]) -> None:
    assert "training.png" in trained[1]
    chart = cv2.imread(str(trained[0] / "training.png"))
    assert chart.shape[:2] == (460, 800) and len(np.unique(chart)) > 10


def test_the_picture_of_the_readme_is_the_one_that_the_demo_draws(trained: tuple[Path, str]) -> None:
    drawn, shown = (cv2.imread(str(path)) for path in (trained[0] / "demo.png", ROOT / "docs" / "demo.png"))
    np.testing.assert_array_equal(drawn, shown)
