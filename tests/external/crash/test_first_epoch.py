"""kill -9 of training on a listing that is built meanwhile, at random moments: no clip is lost, none comes twice."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from command import run
from places import ROOT
from plain_build import published_bytes, write_videos
from scenes import assert_whole

KILLS = 5
OPTIONS = {"max_failures": "50%", "max_missing": "50%", "workers": 2}

#: One epoch, whose state is kept after each step with the clips that came; then the data set is published.
TRAINING = """
import json, os, sys
import clipmill
from clipmill.reader import RandomResizedCrop, RandomWindow

listing, out, kept, options = sys.argv[1:]
data = clipmill.open(listing, build=out, **json.loads(options))
batches = data.all.batches(
    RandomWindow(4), batch_size=1, shuffle=True, augment=[RandomResizedCrop(16)], on_error="skip", threads=1
)
seen = []
if os.path.exists(kept):
    with open(kept) as file:
        state, seen = json.load(file)
    batches.load_state_dict(state)
while batches.epoch == 0:
    for batch in batches:
        seen += [str(name) for name, length in zip(batch["id"], batch["length"]) if length]
        with open(kept + ".new", "w") as file:
            json.dump([batches.state_dict(), seen], file)
        os.replace(kept + ".new", kept)
print(data.publish().version)
"""


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listed")
    lengths = {f"videos/v{number}": 5 + 3 * number for number in range(12)}
    write_videos(folder, lengths)
    (folder / "videos" / "broken.avi").write_bytes(b"RIFF and nothing that follows")
    names = [*lengths, "videos/broken", "videos/missing"]
    rows = [f"{name}.avi,c{number % 3},{'train' if number % 4 else 'val'}" for number, name in enumerate(names)]
    (folder / "listing.csv").write_text("\n".join(["path,label,split", *rows, ""]))
    return folder / "listing.csv"


@pytest.fixture(scope="module")
def built(listing: Path) -> dict[str, str]:
    """What clipmill build makes of the listing."""
    out = listing.parent / "built"
    words = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    code, errors = run("build", listing, "--out", out, *words)
    assert code == 0, errors
    return published_bytes(out)


@pytest.mark.crash
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(4))
def test_training_that_is_killed_goes_on_and_publishes_what_a_build_does(
    listing: Path, built: dict[str, str], seed: int, tmp_path: Path
) -> None:
    drawn = random.Random(seed)
    out, kept = tmp_path / "out", tmp_path / "kept.json"
    for kill in range(KILLS):
        process = _train(listing, out, kept)
        # The last ones hit the publishing process at work.
        _await(process, out / "runs" if kill >= 3 else out / "work" / "live")
        time.sleep(drawn.random() * (2 if kill >= 3 else 1))
        process.kill()
        process.communicate()
    printed, errors = _train(listing, out, kept).communicate(timeout=300)
    assert printed.strip() == (out / "CURRENT").read_text().strip(), errors
    _, seen = json.loads(kept.read_text())
    names = {f"videos/v{number}" for number in range(12)}
    assert sorted(seen) == sorted(names)
    assert published_bytes(out) == built
    assert_whole(out)
    assert _left_running(out) == []


def _train(listing: Path, out: Path, kept: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TRAINING, str(listing), str(out), str(kept), json.dumps(OPTIONS)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "TRAINED": str(out)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _await(process: subprocess.Popen[str], folder: Path) -> None:
    """Until there is something new in a folder, or the process has ended."""
    before = set(folder.iterdir()) if folder.exists() else set()
    while process.poll() is None and not (folder.exists() and set(folder.iterdir()) - before):
        time.sleep(0.01)


def _left_running(out: Path) -> list[str]:
    """What was started for an output and does not end by itself within a minute."""
    for _ in range(600):
        left = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TRAINED") == str(out) and process.status() != psutil.STATUS_ZOMBIE:
                    left.append(" ".join(process.cmdline()))
            except psutil.Error:  # it has ended meanwhile, or is another user's
                continue
        if not left:
            break
        time.sleep(0.1)
    return left
