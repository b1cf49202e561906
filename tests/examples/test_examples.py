"""The examples for TensorFlow run, small, and do what they say. Those for PyTorch: tests/external/pytorch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from places import ROOT
from small_motions import build_motions, reports, run_example

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def motions(tmp_path_factory: pytest.TempPathFactory) -> str:
    return build_motions(tmp_path_factory.mktemp("motions"))


def test_the_recurrent_model_reads_clips_window_by_window(motions: str, tmp_path: Path) -> None:
    printed = run_example("stateful_recurrent", "--data", motions, "--out", tmp_path, "--epochs", "1")
    [(clips, chance, accuracy, picture)] = reports(printed)
    assert (clips, chance) == (12, 0.17) and 0 <= accuracy <= 1
    assert cv2.imread(picture) is not None


def test_the_cnn_lstm_goes_on_exactly_from_its_checkpoint(motions: str, tmp_path: Path) -> None:
    # Keras's model files are opened here alone; loading TensorFlow takes seconds.
    import tensorflow as tf

    words = ("--data", motions, "--out")
    run_example("cnn_lstm", *words, tmp_path / "stopped", "--epochs", "1")
    again = run_example("cnn_lstm", *words, tmp_path / "stopped", "--epochs", "2")
    straight = run_example("cnn_lstm", *words, tmp_path / "straight", "--epochs", "2")
    assert "going on at epoch 2" in again and "going on" not in straight
    places = [json.loads((tmp_path / run / "cnn_lstm.json").read_text()) for run in ("stopped", "straight")]
    assert places[0] == places[1] and (places[0]["epoch"], places[0]["step"]) == (2, 0)
    models = [tf.keras.models.load_model(tmp_path / run / "cnn_lstm.keras") for run in ("stopped", "straight")]
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    assert reports(again)[0][:3] == reports(straight)[0][:3]


def test_the_segmentation_goes_on_exactly_from_its_checkpoint(tmp_path: Path) -> None:
    # As above.
    import tensorflow as tf

    run_example("segmentation", "--out", tmp_path / "stopped", "--epochs", "1")
    words = ("--data", tmp_path / "stopped/pairs", "--out")
    again = run_example("segmentation", *words, tmp_path / "stopped", "--epochs", "2")
    straight = run_example("segmentation", *words, tmp_path / "straight", "--epochs", "2")
    assert "going on at epoch 2" in again and "going on" not in straight
    models = [tf.keras.models.load_model(tmp_path / run / "segmentation.keras") for run in ("stopped", "straight")]
    for one, other in zip(models[0].get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    (found,) = re.findall(r"held out: (\d+) pairs, chance ([\d.]+), mean IoU ([\d.]+) -> (\S+)", again)
    assert found[0] == "40" and 0.2 < float(found[1]) < 0.34 and 0 < float(found[2]) <= 1
    assert cv2.imread(found[3]).shape == (8 * 64, 3 * 64, 3)


def test_a_buffer_shuffles_less_evenly_than_clipmill(tmp_path: Path) -> None:
    printed = run_example("even_shuffle", "--out", tmp_path)
    found = re.findall(r"(\w+): unevenness of the labels ([\d.]+) .* peak (\d+) MB", printed)
    (buffer, through, _), (ours, even, _) = found
    assert (buffer, ours) == ("buffer", "clipmill")
    assert float(through) > 3 and 0.5 < float(even) < 1.6
    assert len(list(tmp_path.glob("even_shuffle_*.png"))) == 4


def test_every_example_is_a_page_and_has_a_test() -> None:
    tests = "".join(path.read_text() for path in ROOT.glob("tests/**/test_examples*.py"))
    for path in (ROOT / "examples").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 130
        assert path.stem == "common" or f'run_example("{path.stem}"' in tests, path
