"""The same listing gives the same version and the same bytes, by whatever way an output came to it."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest
from commanding import built, clipmill
from plain_build import plain_build, published_bytes, write_videos

LENGTHS = {f"c{n % 3}/v{n}": 3 + n for n in range(9)}
WORDS = ("--split", "train=0.6,val=0.4", "--workers", 2)


def change(videos: Path) -> list[str]:
    """Five changes of a listing, one at each call of `next`; the last but one restores the first state."""
    yield "removed", (videos / "c0/v3.avi").unlink()
    yield "added", write_videos(videos, {"c1/v20": 8}, seed=3)
    yield "changed", write_videos(videos, {"c2/v5": 4}, seed=4)
    yield "moved", os.rename(videos / "c0/v6.avi", videos / "c2/v6.avi")
    yield "renamed", os.rename(videos / "c1/v1.avi", videos / "c1/v99.avi")


@pytest.mark.slow
def test_five_changes_a_build_from_nothing_and_another_folder(tmp_path: Path) -> None:
    videos, out = tmp_path / "videos", tmp_path / "out"
    write_videos(videos, LENGTHS)
    seen = {built(videos, "--out", out, *WORDS)["version"]}
    for what, _ in change(videos):
        outcome = built(videos, "--out", out, *WORDS)
        assert outcome["changed"] and outcome["version"] not in seen, what
        seen.add(outcome["version"])
    # What is noted of the files, and what is published, changes no byte.
    assert built(videos, "--out", tmp_path / "new", *WORDS)["version"] == outcome["version"]
    shutil.copytree(videos, tmp_path / "elsewhere" / "copied")
    (tmp_path / "elsewhere" / "copied").rename(tmp_path / "elsewhere" / "videos")
    built(tmp_path / "elsewhere" / "videos", "--out", tmp_path / "elsewhere" / "out", *WORDS, "--workers", 1)
    expected = published_bytes(out)
    assert len(expected) > 10
    assert published_bytes(tmp_path / "new") == expected
    assert published_bytes(tmp_path / "elsewhere" / "out") == expected
    assert clipmill("verify", out, "--deep").code == 0


@pytest.mark.parametrize("seed", range(10))
def test_any_way_leads_to_the_same_bytes(seed: int, tmp_path: Path) -> None:
    drawn = random.Random(seed)
    pool, videos, out = tmp_path / "pool", tmp_path / "videos", tmp_path / "out"
    write_videos(pool, LENGTHS)
    for _ in range(5):
        shutil.rmtree(videos, ignore_errors=True)
        for path in pool.rglob("*.avi"):
            if drawn.random() < 0.7:
                # Of some videos another one's content, of some another class.
                source = drawn.choice(list(pool.rglob("*.avi"))) if drawn.random() < 0.2 else path
                target = videos / (f"c{drawn.randrange(3)}" if drawn.random() < 0.2 else path.parent.name) / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        plain_build(videos, out)
    plain_build(videos, tmp_path / "new")
    assert published_bytes(out) == published_bytes(tmp_path / "new")
