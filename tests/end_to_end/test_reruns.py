"""What a rerun does again, and what it does not: no child is started for what is known."""

from __future__ import annotations

import errno
import os
import shutil
import time
from pathlib import Path

import pytest
from commanding import built, clipmill, refused
from plain_build import published_bytes, write_videos

from clipmill.pipeline import build as build_module
from clipmill.transforms import counters
from clipmill.workers import pool

LENGTHS = {f"c{n % 3}/v{n}": 3 + n for n in range(9)}


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    write_videos(tmp_path / "videos", LENGTHS)
    return tmp_path / "videos"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The children that were started."""
    children: list[int] = []
    real = pool._Child.__init__

    def counted(self, *arguments) -> None:
        real(self, *arguments)
        children.append(1)

    monkeypatch.setattr(pool._Child, "__init__", counted)
    return children


def work() -> dict[str, int]:
    """What the last build in this process counted."""
    names = ("sources", "known", "reused", "spans", "frames", "shards", "failed")
    counts = counters.local_counts()
    return {name: counts.get(name, 0) for name in names}


def test_nothing_changed(videos: Path, tmp_path: Path, started: list[int]) -> None:
    out = tmp_path / "out"
    first = built(videos, "--out", out)
    assert started and work() == {
        "sources": 9,
        "known": 0,
        "reused": 0,
        "spans": 9,
        "frames": sum(LENGTHS.values()),
        "shards": 1,
        "failed": 0,
    }
    started.clear()
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if "runs" not in path.parts}
    again = built(videos, "--out", out)
    assert (again["version"], again["changed"]) == (first["version"], False)
    assert not started, "no child"
    nothing = dict.fromkeys(("spans", "frames", "shards", "failed"), 0)
    assert work() == {"sources": 9, "known": 9, "reused": 9} | nothing
    folders = {"work", "parts"}
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if "runs" not in path.parts}
    assert {p for p in before.keys() | after.keys() if before.get(p) != after.get(p) and p.name not in folders} <= {
        out,
        out / "latest",
        out / "work" / "live.lock",
    }
    assert "nothing changed" in clipmill("build", videos, "--out", out).out


def test_what_changed_is_said_in_one_line(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = built(videos, "--out", out)["version"]
    (videos / "c0/v0.avi").unlink()
    os.rename(videos / "c1/v1.avi", videos / "c2/v1.avi")
    write_videos(videos, {"c1/v20": 4, "c1/v21": 5, "c2/v5": 4}, seed=3)
    said = clipmill("build", videos, "--out", out, "--yes").out.splitlines()
    change = [line for line in said if line.startswith("since ")]
    # In a tree the class is part of a clip's id.
    assert change == [f"since {first[:8]}: clips 3 added, 2 removed, 1 with other frames, 6 taken over"]
    assert not [line for line in clipmill("build", videos, "--out", out).out.splitlines() if "since" in line]


def test_a_new_clip_is_the_only_one_that_is_decoded(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out)
    write_videos(videos, {"c1/new": 7}, seed=5)
    built(videos, "--out", out)
    counted = work()
    assert (counted["known"], counted["reused"], counted["spans"], counted["frames"]) == (9, 9, 1, 7)


@pytest.mark.slow
def test_labels_splits_schema_and_shard_size_decode_nothing(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    versions = {built(videos, "--out", out)["version"]}
    os.rename(videos / "c0", videos / "another")
    for words in (
        ("--renumber",),
        ("--renumber", "--split", "train=0.5,val=0.5"),
        ("--renumber", "--schema", "frames"),
        ("--renumber", "--shard-mb", 1),
        ("--renumber", "--sort", "random"),
        ("--renumber", "--name", "other"),
    ):
        outcome = built(videos, "--out", out, *words)
        assert outcome["version"] not in versions
        versions.add(outcome["version"])
        assert (work()["reused"], work()["spans"]) == (9, 0), words
        assert clipmill("verify", out, "--deep").code == 0, words


@pytest.mark.slow
def test_quality_decodes_everything_and_plan_says_so(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out)
    assert "9 clips" in next(line for line in plan(videos, out) if "reused" in line)
    assert "0 clips" in next(line for line in plan(videos, out) if "to decode" in line)
    (line,) = [line for line in plan(videos, out, "--quality", 80) if "to decode" in line]
    assert "9 clips" in line and "--quality 80 (was not given)" in line
    (line,) = [line for line in plan(videos, out, "--deinterlace") if "to decode" in line]
    assert "9 clips" in line and "--deinterlace" in line and "True" not in line
    built(videos, "--out", out, "--quality", 80)
    assert (work()["known"], work()["reused"], work()["spans"]) == (9, 0, 9)


def test_frames_of_another_codec_epoch_are_decoded_anew_and_plan_and_build_say_why(
    videos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out)
    manifest = out / "versions" / (out / "CURRENT").read_text().strip() / "manifest.json"
    text = manifest.read_text()
    assert '"codec_epoch": 2' in text
    # Those who wrote the first epoch did not write its number.
    manifest.write_text(text.replace(',\n "codec_epoch": 2', ""))
    why = "since this clipmill encodes frames in another way (codec epoch 2, was 1)"
    (line,) = [line for line in plan(videos, out) if "to decode" in line]
    assert line.endswith(why)
    assert f"everything is decoded again, {why}" in clipmill("build", videos, "--out", out, "--max-frames", 2).out


def test_plan_says_what_is_known(videos: Path, tmp_path: Path, started: list[int]) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out)
    started.clear()
    forecast = clipmill("plan", videos, "--out", out, "--json").json["forecast"]
    assert forecast == {
        "published": 9,
        "held": 9,
        "failed": 0,
        "new": 0,
        "gone": 0,
        "rewritten": 0.0,
        "changed": [],
    }
    assert not started
    write_videos(videos, {"c1/new": 7, "c1/v1": 8}, seed=5)
    (videos / "c0/v0.avi").unlink()
    (videos / "c0/v3.avi").write_bytes(b"no video")
    forecast = clipmill("plan", videos, "--out", out, "--json").json["forecast"]
    assert (forecast["held"], forecast["new"], forecast["gone"], forecast["published"]) == (6, 3, 1, 9)
    assert 0 < forecast["rewritten"] <= 1
    assert not (out / "work" / "live").exists()


def plan(videos: Path, out: Path, *words: object) -> list[str]:
    return clipmill("plan", videos, "--out", out, *words).out.splitlines()


@pytest.mark.slow
def test_rehash_reads_every_file_anew(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    version = built(videos, "--out", out)["version"]
    # The same size and time, and other bytes: nobody can see that without reading.
    path = videos / "c0/v0.avi"
    stamp = path.stat().st_mtime_ns
    other = tmp_path / "other"
    write_videos(other, {"v0": 3}, seed=9)
    data = bytearray(path.read_bytes())
    data[-40:-20] = bytes(20)
    path.write_bytes(data)
    os.utime(path, ns=(stamp, stamp))
    assert built(videos, "--out", out)["version"] == version
    assert built(videos, "--out", out, "--rehash", "--max-failures", "100%")["version"] != version
    assert work()["known"] == 0
    built(videos, "--out", out, "--max-failures", "100%")
    assert work()["known"] == 9


def test_a_file_that_was_only_touched_is_hashed_and_not_decoded(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    version = built(videos, "--out", out)["version"]
    for path in videos.rglob("*.avi"):
        os.utime(path, (time.time() - 100, time.time() - 100))
    assert built(videos, "--out", out)["version"] == version
    assert (work()["known"], work()["reused"], work()["spans"]) == (0, 9, 0)


def test_what_cannot_be_decoded_is_remembered(videos: Path, tmp_path: Path, started: list[int]) -> None:
    out = tmp_path / "out"
    path = videos / "c0/v6.avi"
    path.write_bytes(path.read_bytes()[:-2000])
    (videos / "c1/v4.avi").write_bytes(b"no video at all")
    for name in ("c0/v6.avi", "c1/v4.avi"):
        os.utime(videos / name, (1.7e9, 1.7e9))
    first = built(videos, "--out", out)
    assert sum(first["failed"].values()) == 2
    started.clear()
    assert built(videos, "--out", out)["failed"] == first["failed"]
    assert not started


@pytest.mark.slow
def test_max_change_refuses_a_listing_that_lost_clips(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out, "--max-change", "10%")
    before = published_bytes(out)
    (videos / "c0/v3.avi").unlink()
    (videos / "c0/v6.avi").unlink()
    said = refused("build", videos, "--out", out, "--max-change", "10%", code=1)
    assert (
        said.startswith("2 of 9 published clips are gone or changed, over --max-change (10% of 9 clips allows none)")
        and "--yes" in said
    )
    assert published_bytes(out) == before
    assert built(videos, "--out", out, "--max-change", 2)["changed"]
    write_videos(videos, {"c1/v1": 9}, seed=7)
    refused("build", videos, "--out", out, "--max-change", "10%", code=1)
    assert built(videos, "--out", out, "--max-change", "10%", "--yes")["changed"]
    # New clips are no change of what is published.
    write_videos(videos, {"c1/new": 9}, seed=8)
    assert built(videos, "--out", out, "--max-change", 0)["changed"]


def test_more_than_half_may_not_go_unasked(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    clips = built(videos, "--out", out)["clips"]
    before = published_bytes(out)
    said = refused("build", videos, "--out", out, "--limit", 2, code=1)
    assert f"{clips - 2} of {clips} published clips are gone or changed, over --max-change 50%" in said
    assert "--yes" in said and published_bytes(out) == before
    # Whoever asks for other frames knows that all of them change.
    assert built(videos, "--out", out, "--every", 2)["clips"] == clips
    assert built(videos, "--out", out, "--every", 2, "--limit", 2, "--yes")["clips"] == 2


def test_an_empty_listing_never_publishes(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out)
    before = published_bytes(out)
    shutil.rmtree(videos)
    (videos / "c0").mkdir(parents=True)
    assert clipmill("build", videos, "--out", out, "--yes").code in (1, 2)
    listing = tmp_path / "empty.csv"
    listing.write_text("path,label\n")
    assert clipmill("build", listing, "--out", out, "--yes").code in (1, 2)
    assert published_bytes(out) == before


def test_a_shard_that_somebody_took_away_is_made_anew(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out)
    before = published_bytes(out)
    for path in (out / "shards").iterdir():
        path.unlink()
    assert not built(videos, "--out", out)["changed"]
    assert published_bytes(out) == before


@pytest.mark.slow
def test_a_published_record_that_is_damaged_is_told_of(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    built(videos, "--out", out)
    (shard,) = (out / "shards").glob("*.tfrecord")
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    write_videos(videos, {"c1/new": 7}, seed=5)
    said = refused("build", videos, "--out", out, code=3)
    assert f"delete {shard} and build again" in said
    shard.unlink()
    assert built(videos, "--out", out)["clips"] == 10
    assert clipmill("verify", out, "--deep").code == 0


@pytest.mark.slow
def test_a_file_that_cannot_be_read_is_one_row_of_the_ledger(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (videos / "c1" / "loop.avi").symlink_to("loop.avi")
    assert built(videos, "--out", out)["failed"] == {"storage": 1}
    (row,) = clipmill("failures", out, "--json").json["failures"]
    assert (row["source"], row["reason"]) == ("c1/loop.avi", "storage")
    assert "over --max-failures 0" in refused("build", videos, "--out", out, "--max-failures", 0, code=1)
    (videos / "c1" / "loop.avi").unlink()
    write_videos(videos, {"c1/loop": 4})
    assert built(videos, "--out", out)["failed"] == {}, "tried again"


@pytest.mark.slow
@pytest.mark.parametrize("links", [True, False])
def test_a_damaged_shard_that_is_made_anew_is_so_under_its_other_name(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    out = tmp_path / "out"
    version = built(videos, "--out", out)["version"]
    (shard,) = (out / "shards").glob("*.tfrecord")
    (name,) = (out / "versions" / version).glob("*.tfrecord-*")
    whole = shard.read_bytes()
    assert name.samefile(shard) == links
    damaged = whole[: len(whole) // 2] + b"\xff" + whole[len(whole) // 2 + 1 :]
    for path in (shard, name):
        path.write_bytes(damaged)
    shard.unlink()
    assert not built(videos, "--out", out)["changed"]
    assert shard.read_bytes() == name.read_bytes() == whole
    assert clipmill("verify", out, "--deep").code == 0
    before = name.stat()
    assert not built(videos, "--out", out)["changed"]
    after = name.stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns), "not touched"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "moment"),
    [
        ("build", "take_census"),
        ("build", "Foresight"),
        ("build", "live_run"),
        ("plan", "take_census"),
        ("plan", "Foresight"),
    ],
)
def test_another_build_and_gc_while_a_build_looks_around(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, moment: str
) -> None:
    out = tmp_path / "out"
    first = built(videos, "--out", out)["version"]
    write_videos(videos, {"c1/new": 7}, seed=5)
    real = getattr(build_module, moment)

    def meanwhile(*arguments):
        monkeypatch.undo()
        assert built(videos, "--out", out, "--include", "c[12]/*", "--labels", labels)["version"] != first
        assert "1 version " in clipmill("gc", out, "--keep", 1, "--older-than", 0).out
        return real(*arguments)

    labels = tmp_path / "labels.txt"
    labels.write_text("c0\nc1\nc2\n")
    monkeypatch.setattr(build_module, moment, meanwhile)
    ran = clipmill(command, videos, "--out", out)
    assert ran.code == 0, ran.err
    if command == "build":
        assert ": 10 clips, " in clipmill("verify", out, "--deep").out
