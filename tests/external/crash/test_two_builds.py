"""Two builds into one output at once: one wins, the other says so, and neither breaks the other."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from command import SPLIT, build, choose, end, run
from plain_build import published_bytes, write_videos
from scenes import assert_whole

ROUNDS = 5


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_videos(folder, {f"c{n % 3}/v{n // 3}": 5 + 3 * n for n in range(12)})
    return folder


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_two_builds_at_once(videos: Path, seed: int, tmp_path: Path) -> None:
    drawn = random.Random(seed)
    out = tmp_path / "out"
    for number in range(ROUNDS):
        chosen = [choose(videos, tmp_path / f"{number}-{which}", drawn) for which in (0, 1)]
        ends = [end(process) for process in [build(videos, out) for videos in chosen]]
        assert 0 in {code for code, _ in ends}, ends
        for code, errors in ends:
            assert code == 0 or (code == 3 and "another run published" in errors), errors
        assert_whole(out)
    # Who lost tries again.
    for videos in chosen:
        code, errors = run("build", videos, "--out", out, *SPLIT)
        assert code == 0, errors
    code, errors = run("build", chosen[1], "--out", tmp_path / "alone", *SPLIT)
    assert code == 0, errors
    assert published_bytes(out) == published_bytes(tmp_path / "alone")
    assert not (out / "work" / "live").exists()
