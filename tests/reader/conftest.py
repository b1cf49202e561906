"""Small data sets whose frames say which clip and frame they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.reader import Dataset


@pytest.fixture(scope="session")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """40 clips of 5, 9, 30 or 17 frames in shards of 3, two splits, groups and folds."""
    path = tmp_path_factory.mktemp("mini") / "out"
    return publish_miniature(path, clips=40, lengths=[5, 9, 30, 17], groups=8, folds=3, unlabelled=[4])


@pytest.fixture
def data(mini: Miniature) -> Dataset:
    return clipmill.open(str(mini.path))


@pytest.fixture(scope="session", params=["tfds", "frames", "mediaseq"])
def each_schema(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """The same, in every schema that the pipeline writes."""
    path: Path = tmp_path_factory.mktemp(request.param) / "out"
    return publish_miniature(path, clips=26, lengths=[5, 9, 30, 17], schema=request.param)


@pytest.fixture(scope="session")
def hmdb51(shared_data: Path) -> np.ndarray:
    """Frames of the clips of split 1 of HMDB51: 5,100 of them."""
    files = [shared_data / "listings" / "hmdb51" / f"hmdb51_{part}_split_1_rawframes.txt" for part in ("train", "val")]
    return np.array([int(line.split()[1]) for file in files for line in file.read_text().splitlines()])
