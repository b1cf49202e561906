"""kill -9 of the command, or of one of its children, at random moments."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest
from command import SPLIT, build, choose, end, run, wait_for_work
from plain_build import published_bytes, write_videos
from scenes import assert_whole

KILLS = 5


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_videos(folder, {f"c{n % 3}/v{n // 3}": 5 + 3 * n for n in range(12)})
    return folder


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(5))
def test_a_killed_build_leaves_a_whole_data_set_and_its_rerun_ends_the_same(
    videos: Path, seed: int, tmp_path: Path
) -> None:
    drawn = random.Random(seed)
    out = tmp_path / "out"
    for kill in range(KILLS):
        # Always another choice, so that there is something to do.
        chosen = choose(videos, tmp_path / f"chosen{kill}", drawn)
        before = os.listdir(out / "runs") if out.exists() else []
        process = build(chosen, out)
        # Half of a run is spent before it touches anything; most kills come later.
        if drawn.random() < 0.8:
            wait_for_work(process, out, before)
        time.sleep(drawn.random() * 2)
        _kill(process, child=drawn.random() < 0.3)
        assert_whole(out, f"kill {kill}")
    code, errors = run("build", chosen, "--out", out, *SPLIT)
    assert code == 0, errors
    code, errors = run("build", chosen, "--out", tmp_path / "undisturbed", *SPLIT)
    assert code == 0, errors
    assert published_bytes(out) == published_bytes(tmp_path / "undisturbed")
    assert_whole(out)


def _kill(process, *, child: bool) -> None:
    if process.poll() is None and child:
        children = psutil.Process(process.pid).children()
        if children:
            os.kill(children[0].pid, signal.SIGKILL)
            code, errors = end(process)
            # A decoder costs a clip, a writer of shards the run; the clip is tried again next time.
            assert code in (0, 1, 3) and "Traceback" not in errors
            return
    process.kill()
    process.communicate()
