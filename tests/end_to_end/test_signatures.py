"""build --signatures: what `leaks` makes of a published version, made on the way, and never twice."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from building import published
from commanding import built, clipmill, refused
from scenery import COPIES, scenery, write_scenery

from clipmill.errors import StorageError
from clipmill.layout import current_version
from clipmill.storage import open_storage
from clipmill.transforms import keep_signatures, publish, sign_clips

#: Of one clip copies under another class; the same bytes stand there twice.
CLIPS = {
    **{f"c{n % 2}/v{n}": scenery(n, 20) for n in range(4)},
    "c1/mirrored": [frame[:, ::-1] for frame in scenery(0, 20)],
    "c1/logo": [COPIES["logo"](frame) for frame in scenery(0, 20)],
    "c0/again": scenery(3, 20),
}
WORDS = ("--split", "train=0.5,test=0.5", "--workers", 2)
KEPT = ("signatures.arrow", "leaks.json")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenery") / "videos"
    write_scenery(folder, CLIPS)
    return folder


@pytest.fixture(scope="module")
def out(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signed") / "out"
    built(videos, "--out", folder, *WORDS, "--signatures")
    return folder


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of all clips that are signed."""
    ids: list[str] = []

    def noted(clips: list[Any], out: str) -> sign_clips.SignJob:
        ids.extend(clip.clip_id for clip in clips)
        return job(clips, out)

    job = sign_clips.SignJob
    monkeypatch.setattr(sign_clips, "SignJob", noted)
    return ids


def kept(out: Path) -> dict[str, bytes]:
    version = current_version(open_storage(str(out)))
    return {name: (out / "versions" / str(version) / name).read_bytes() for name in KEPT}


def nothing_waits(out: Path) -> bool:
    return not list(out.glob("work/signatures/*")) and not list(out.glob("work/fragments/**/*-*"))


def test_a_build_keeps_what_leaks_keeps_and_changes_no_other_byte(videos: Path, out: Path, tmp_path: Path) -> None:
    built(videos, "--out", tmp_path / "out", *WORDS)
    before = published(tmp_path / "out")
    found = clipmill("leaks", tmp_path / "out", "--json").json
    counts = clipmill("inspect", out, "--json").json["leaks"]
    assert counts == found["counts"] and sum(counts.values()) == 4
    assert kept(out)["signatures.arrow"] == kept(tmp_path / "out")["signatures.arrow"]
    after = {path: digest for path, digest in published(out).items() if not path.endswith(KEPT)}
    assert after == before and clipmill("verify", out, "--deep").code == 0 and nothing_waits(out)


def test_leaks_and_a_second_build_find_all_done(videos: Path, out: Path, signed: list[str]) -> None:
    before = kept(out)
    assert clipmill("leaks", out).code == 0
    ran = clipmill("build", videos, "--out", out, *WORDS, "--signatures")
    assert ran.code == 0 and "nothing changed" in ran.out and "clips of two splits show" in ran.out
    assert signed == [] and kept(out) == before


def test_what_is_published_is_signed_without_another_version(videos: Path, tmp_path: Path, signed: list[str]) -> None:
    version = built(videos, "--out", tmp_path, *WORDS)["version"]
    outcome = built(videos, "--out", tmp_path, *WORDS, "--signatures")
    assert outcome["version"] == version and not outcome["changed"]
    # The clip that is there twice, byte for byte, is signed once.
    assert len(signed) == len(CLIPS) - 1 and kept(tmp_path) and nothing_waits(tmp_path)


@pytest.mark.slow
def test_only_what_is_new_is_signed_and_a_run_that_broke_off_loses_nothing(
    tmp_path: Path, signed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    videos, out = tmp_path / "videos", tmp_path / "out"
    write_scenery(videos, {name: CLIPS[name] for name in ("c0/v0", "c1/v1", "c0/v2")})
    built(videos, "--out", out, *WORDS, "--signatures")
    assert sorted(signed) == ["c0/v0", "c0/v2", "c1/v1"]
    signed.clear()
    write_scenery(videos, {"c1/v3": CLIPS["c1/v3"], "c1/logo": CLIPS["c1/logo"]})
    os.remove(videos / "c0/v2.avi")

    def fail(*_: object) -> None:
        raise StorageError("the disk is gone")

    for stage, broken in ((publish, "publish"), (keep_signatures, "keep_signatures")):
        with monkeypatch.context() as patched:
            patched.setattr(stage, broken, fail)
            assert "the disk is gone" in refused("build", videos, "--out", out, *WORDS, "--signatures", code=3)
        assert sorted(signed) == ["c1/logo", "c1/v3"]
    version = built(videos, "--out", out, *WORDS, "--signatures")["version"]
    assert len(signed) == 2 and nothing_waits(out)
    built(videos, "--out", tmp_path / "new", *WORDS, "--signatures")
    assert (out / "CURRENT").read_text().strip() == version
    assert kept(out)["signatures.arrow"] == kept(tmp_path / "new")["signatures.arrow"]


def test_images_with_masks_have_none(tmp_path: Path) -> None:
    said = refused("build", tmp_path, "--schema", "pairs", "--signatures", "--out", tmp_path / "out")
    assert said == "--signatures: works with clips, not with --schema pairs; leave it out"
