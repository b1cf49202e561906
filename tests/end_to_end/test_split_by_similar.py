"""build --split-by similar, on real videos: what `leaks` finds is never in two splits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from building import clips
from commanding import built, clipmill, refused
from scenery import COPIES, scenery, write_scenery

#: Six scenes, each three times under other names, the third under another class.
CLIPS = {
    f"c{(scene + (name == 'logo')) % 2}/{name}{scene}": [change(frame) for frame in scenery(scene, 16)]
    for scene in range(6)
    for name, change in {"plain": lambda frame: frame, **COPIES}.items()
    if name in ("plain", "mirror", "logo")
}
SHARES = ("--split", "train=0.5,test=0.5")
WORDS = (*SHARES, "--split-by", "similar", "--max-failures", 1)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("similar") / "videos"
    write_scenery(folder, CLIPS)
    (folder / "c0" / "broken.avi").write_bytes((folder / "c0" / "plain0.avi").read_bytes()[:3000])
    return folder


@pytest.fixture(scope="module")
def out(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "out"
    built(videos, "--out", folder, *WORDS, "--workers", 2)
    return folder


def test_no_pair_that_is_found_is_in_two_splits(videos: Path, out: Path) -> None:
    counts = clipmill("leaks", out, "--json").json["counts"]
    # Of each scene three pairs, one of them under one label.
    assert counts == {"against": 0, "splits": 0, "labels": 12, "within": 6}
    assert Counter(row["split"] for row in clips(out)) == {"train": 12, "test": 6}
    assert clipmill("inspect", out, "--json").json["leaks"] == counts
    assert clipmill("verify", out, "--strict-splits").code == 0


def test_a_failed_row_keeps_its_split_by_group_and_all_add_up(videos: Path, out: Path) -> None:
    (failure,) = clipmill("failures", out, "--json").json["failures"]
    assert failure["source"] == "c0/broken.avi" and failure["split"] in ("train", "test")


def test_plan_says_that_splits_come_later(videos: Path, out: Path) -> None:
    ran = clipmill("plan", videos, "--out", out, *WORDS)
    assert ran.code == 0 and "final ones are drawn after decoding" in ran.out
    assert clipmill("plan", videos, "--out", out, *WORDS, "--json").json["forecast"]["rewritten"] < 1


@pytest.mark.slow
def test_the_same_videos_give_the_same_version_and_other_seeds_another(videos: Path, out: Path, tmp_path: Path) -> None:
    version = (out / "CURRENT").read_text().strip()
    assert built(videos, "--out", out, *WORDS)["changed"] is False
    # By group, whose clips are single videos here, copies part; then the splits are drawn of what is published.
    built(videos, "--out", tmp_path, *SHARES, "--max-failures", 1, "--workers", 1)
    assert clipmill("leaks", tmp_path, "--json").json["counts"]["splits"] > 0
    assert built(videos, "--out", tmp_path, *WORDS, "--workers", 1)["version"] == version
    assert built(videos, "--out", tmp_path, *WORDS, "--seed", 1)["version"] != version
    assert clipmill("leaks", tmp_path, "--json").json["counts"]["splits"] == 0


def test_what_does_not_fit(videos: Path, tmp_path: Path) -> None:
    said = refused("build", videos, "--split-by", "similar", "--out", tmp_path / "out")
    assert said == "--split-by similar: works with --split alone; add it, as --split train=0.8,test=0.2"
    said = refused("build", videos, *SHARES, "--split-by", "similar", "--schema", "pairs", "--out", tmp_path / "out")
    assert said == "--split-by similar: works with clips, not with --schema pairs; leave it out"
