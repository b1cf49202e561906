"""Builds of films whose pictures say which frame they are: what the options of the command do."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from building import clips, frames_of, ledger, pixels, published, records, splits
from commanding import built, clipmill, refused
from footage import SIZE, write_film, x264
from miniature import read_code

from clipmill.layout import read_manifest
from clipmill.listings import resolve
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.demo.synthetic import write_video
from clipmill.pipeline.runners.local import Local
from clipmill.storage import open_storage

#: A few clips need no second child, which takes longer to start than they to decode.
ONE = ("--workers", 1)
FRAMES = {"run/a": 41, "run/b": 30, "walk/c": 24, "walk/d": 12}


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, frames in FRAMES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_film(folder / f"{name}.mp4", frames, options=x264())
    return folder


def shown(out: Path, clip_id: str, first: int = 0) -> list[int]:
    """The numbers that a clip's pictures show; its record counts the same from the clip's first."""
    frames, index = pixels(out, clip_id)
    numbers = [read_code(frame)[1] for frame in frames]
    assert numbers == [first + number for number in index]
    return numbers


@pytest.mark.parametrize(
    "words, kept",
    [
        ("", range(41)),
        ("--every 5 --max-frames 7", range(0, 35, 5)),
        ("--fps 5", range(0, 41, 5)),
        ("--fps 50 --max-frames 6", [0, 0, 1, 1, 2, 2]),
    ],
)
def test_what_frames(words, kept, videos, tmp_path):
    built(videos, "--out", tmp_path / "out", "--include", "run/a*", *ONE, *words.split())
    assert shown(tmp_path / "out", "run/a") == list(kept)
    assert clips(tmp_path / "out")[0]["frames"] == len(list(kept))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, size",
    [
        ("--short-side 32", (48, 32)),
        ("--short-side 640", SIZE),
        ("--size 60x60", (60, 60)),
        ("--size 200x40 --fit pad", (200, 40)),
        ("--size 50x40 --fit stretch", (50, 40)),
    ],
)
def test_how_they_look(words, size, videos, tmp_path):
    built(videos, "--out", tmp_path / "out", "--include", "walk/d*", *ONE, *words.split())
    (row,) = clips(tmp_path / "out")
    assert (row["width"], row["height"]) == size
    frames, _ = pixels(tmp_path / "out", "walk/d")
    assert frames.shape == (12, size[1], size[0], 3)
    if "pad" in words:
        assert frames[0][:, :40].max() < 24 < frames[0][:, 80:120].mean()


@pytest.mark.slow
def test_quality(videos, tmp_path):
    sizes = {}
    for quality in (40, 95):
        out = tmp_path / str(quality)
        built(videos, "--out", out, "--include", "walk/d*", *ONE, "--quality", quality)
        sizes[quality] = clips(out)[0]["bytes"]
    assert sizes[40] < 0.6 * sizes[95]


def test_segments_are_consecutive_clips(videos, tmp_path):
    built(videos, "--out", tmp_path / "out", "--include", "run/*", *ONE, "--segment-seconds", "0.6")
    rows = {row["clip_id"]: round(25 * row["start"]) for row in clips(tmp_path / "out")}
    assert {clip_id: shown(tmp_path / "out", clip_id, first) for clip_id, first in rows.items()} == {
        "run/a_0000": list(range(15)),
        "run/a_0001": list(range(15, 30)),
        "run/a_0002": list(range(30, 41)),
        "run/b_0000": list(range(15)),
        "run/b_0001": list(range(15, 30)),
    }


def test_segments_of_one_video_may_be_in_different_splits(videos, tmp_path):
    listing = tmp_path / "rows.csv"
    listing.write_text(
        "path,label,split,start,end\nrun/a.mp4,x,train,0,0.8\nrun/a.mp4,x,val,0.8,1.6\nrun/b.mp4,x,val,,\n"
    )
    built(listing, "--videos", videos, "--out", tmp_path / "out", *ONE, "--segment-seconds", "0.4")
    assert Counter(row["split"] for row in clips(tmp_path / "out")) == {"train": 2, "val": 5}


def test_one_broken_video_is_few_failures_among_many_segments(tmp_path):
    (tmp_path / "videos").mkdir()
    for number in range(9):
        write_film(tmp_path / f"videos/{number}.avi", 50, "mpeg4")
    broken = tmp_path / "videos/0.avi"
    os.truncate(broken, broken.stat().st_size * 2 // 3)
    words = (tmp_path / "videos", "--out", tmp_path / "out", *ONE, "--segment-seconds", "0.1")
    outcome = built(*words, "--max-failures", "20%")
    # Segments are made of the packets that are there, so what its header claims fails once.
    assert outcome["failed"] == {"truncated": 1} and outcome["clips"] > 100


@pytest.mark.slow
def test_bad_rows_are_not_held_against_the_few_that_were_chosen(tmp_path, videos):
    rows = [f"run/{name}.mp4,x" for name in "ab"] + ["../away.mp4,x"] * 3
    (tmp_path / "rows.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    words = (tmp_path / "rows.csv", "--videos", videos, "--out", tmp_path / "out", *ONE)
    assert built(*words, "--limit", 1)["clips"] == 1
    assert clipmill("build", *words).code == 1


def test_short_clips_are_left_out_and_no_failures(videos, tmp_path):
    ran = clipmill("build", videos, "--out", tmp_path / "out", *ONE, "--min-frames", 25, "--max-failures", 0)
    assert ran.code == 0
    *_, line, first, second = ran.out.splitlines()
    assert line == "2 left out:" and first.startswith("  c.mp4, ") and second.startswith("  d.mp4, ")
    assert second.endswith(f"(clipmill failures {tmp_path}/out)")
    assert frames_of(tmp_path / "out") == {"run/a.mp4": 41, "run/b.mp4": 30}
    found = ledger(clipmill("failures", tmp_path / "out", "--json").json)
    assert found == {"walk/c.mp4": "too_short", "walk/d.mp4": "too_short"}


def test_splits_and_labels(videos, tmp_path):
    listing = tmp_path / "rows.csv"
    listing.write_text(
        "path,label,split\nrun/a.mp4,x,validation\nrun/b.mp4,,train\nwalk/c.mp4,y,train\nwalk/d.mp4,,test\n"
    )
    ran = clipmill("build", listing, "--videos", videos, "--out", tmp_path / "out", *ONE, "--name", "films")
    lines = ran.out.splitlines()
    assert (
        lines[0]
        == "rows.csv (csv): 4 clips, 2 classes, labels 0..1, splits train 2, val 1, test 1, 2 rows without a label"
    )
    table = [line.split() for line in lines[2:6]]
    assert table[0] == ["split", "clips", "frames", "size", "shards"]
    assert [(row[0], row[1], row[2], row[-1]) for row in table[1:]] == [
        ("train", "2", "54", "1"),
        ("val", "1", "41", "1"),
        ("test", "1", "12", "1"),
    ]
    assert lines[6].startswith("4 clips in 3 shards, 107 frames, ")
    assert splits(tmp_path / "out") == ["train", "val", "test"]
    labels = {row["source"]: (row["label_index"], row["label_text"]) for row in clips(tmp_path / "out")}
    assert labels == {"run/a.mp4": (0, "x"), "run/b.mp4": (-1, ""), "walk/c.mp4": (1, "y"), "walk/d.mp4": (-1, "")}
    assert clipmill("verify", tmp_path / "out", "--deep").code == 0

    ran = clipmill("build", listing, "--videos", videos, "--out", tmp_path / "out", *ONE, "--name", "films")
    version = read_manifest(open_storage(str(tmp_path / "out"))).version
    assert ran.out.splitlines()[-1] == f"4 clips: nothing changed, {tmp_path}/out stays at {version[:8]}"


@pytest.mark.slow
def test_spans_do_not_change_the_bytes(tmp_path):
    (tmp_path / "videos").mkdir()
    write_film(tmp_path / "videos/long.mp4", 150, options=x264(bframes=0, scenecut=0))
    write_film(tmp_path / "videos/short.avi", 20, "mpeg4")
    listing = resolve(ListingOptions((str(tmp_path / "videos"),)))
    spans = {}
    for length in (0, 12, 40):
        counts: dict[str, int] = {}
        out = tmp_path / str(length)
        options = BuildOptions(listing, str(out), "run", span_frames=length, workers=2)
        Local().run(build_job(options, None), [], counts.update)
        spans[length] = counts["spans"]
    assert spans[0] == 2 and spans[12] > spans[40] > 2
    assert published(tmp_path / "0") == published(tmp_path / "12") == published(tmp_path / "40")


def test_every_clip_fails(tmp_path):
    (tmp_path / "videos").mkdir()
    for number in range(5):
        (tmp_path / f"videos/{number}.mp4").write_bytes(b"no video" * number)
    out = tmp_path / "out"
    ran = clipmill("build", tmp_path / "videos", "--out", out, *ONE, "--json")
    assert ran.code == 1 and ran.json["failed"] == {"empty": 1, "not_a_video": 4} and ran.json["version"] is None
    assert ran.err == (
        f"clipmill: 5 of 5 clips failed, over --max-failures 1% (3): nothing is published, and the work is kept. "
        f"See them with: clipmill failures {out}. The first: 0.mp4, the file has no bytes\n"
    )
    ran = clipmill("build", tmp_path / "videos", "--out", out, *ONE, "--max-failures", "100%")
    assert ran.code == 1 and ran.err.startswith("clipmill: no clip was made: nothing is published. See why with: ")
    assert not (out / "CURRENT").exists() and not (out / "shards").exists()
    assert len(clipmill("failures", out, "--json").json["failures"]) == 5


def sabotage(out: Path, sent: signal.Signals, struck: list[int]) -> None:
    """Send a signal to the first child that has begun to write a clip's frames."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            # A process may be gone, and a file closed, at any time.
            with contextlib.suppress(OSError):
                if any(is_link_into(out / "work/fragments", file.path) for file in os.scandir(f"/proc/{pid}/fd")):
                    os.kill(int(pid), sent)
                    struck.append(int(pid))
                    return


def is_link_into(folder: Path, link: str) -> bool:
    with contextlib.suppress(OSError):
        return os.readlink(link).startswith(str(folder))
    return False


@pytest.mark.slow
@pytest.mark.parametrize("sent, reason", [(signal.SIGKILL, "crashed"), (signal.SIGSTOP, "timeout")])
def test_a_child_that_is_killed_or_hangs_costs_one_clip(sent, reason, tmp_path):
    """Clips are stored large, so that each takes its time."""
    for number in range(4):
        path = tmp_path / f"videos/{number}.avi"
        path.parent.mkdir(exist_ok=True)
        write_film(path, 40 + number, "mpeg4")
    struck: list[int] = []
    threading.Thread(target=sabotage, args=(tmp_path / "out", sent, struck), daemon=True).start()
    words = ["--size", "1600x1200", "--workers", 2, "--timeout", 10 if sent == signal.SIGSTOP else 300]
    ran = clipmill("build", tmp_path / "videos", "--out", tmp_path / "out", *words, "--json")
    assert len(struck) == 1
    assert ran.code == 0, ran
    assert ran.json["clips"] == 3 and ran.json["failed"] == {reason: 1}
    assert not Path(f"/proc/{struck[0]}").exists()
    # Neither is true of the content, so it is tried again.
    assert built(tmp_path / "videos", "--out", tmp_path / "out", *words)["clips"] == 4


@pytest.fixture(scope="module")
def thousand(tmp_path_factory) -> Path:
    """1,000 clips of 5 to 60 s at one frame a second, many of equal length."""
    folder = tmp_path_factory.mktemp("thousand")
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (80, 32, 32, 3), np.uint8)
    for number, length in enumerate(rng.integers(5, 60, 1000, endpoint=True)):
        first = number % 19
        pictures = np.roll(noise[first : first + length], number, axis=2)
        write_video(folder / f"c{number % 7}/v_x_g{number // 4:03d}_c{number % 4}.avi", pictures, "mpeg4", {})
    return folder


@pytest.mark.slow
def test_a_thousand_clips_are_in_strict_order_of_length(thousand, tmp_path):
    out = tmp_path / "out"
    built(thousand, "--out", out, "--shard-mb", 1, "--split", "train=0.7,val=0.3")
    places = 0
    for split in ("train", "val"):
        rows = {row["clip_id"]: row for row in clips(out) if row["split"] == split}
        found = [(number, *_identity(record)) for number, record in records(out, split)]
        order = [(frames, clip_id) for _, clip_id, frames in found]
        assert order == sorted((row["frames"], clip_id) for clip_id, row in rows.items())
        assert all(before < after for before, after in pairwise(order))
        assert found[-1][0] >= 5, "shards"
        places += len(found)
    assert places == 1000
    groups = {row["group"]: row["split"] for row in clips(out)}
    assert all(groups[row["group"]] == row["split"] for row in clips(out)), "a group is in two splits"


def _identity(record: bytes) -> tuple[str, int]:
    from clipmill.records import get_schema

    clip, frames = get_schema("tfds").parse(record)
    return clip.clip_id, len(frames)


def test_beam_options_after_two_dashes(videos, tmp_path):
    words = ("build", videos, "--out", tmp_path / "out", "--include", "walk/d*", *ONE, "--")
    said = refused(*words, "--job_nam=night")
    assert said == "-- --job_nam: Beam has no such option"
    assert clipmill(*words, "--job_name=night").code == 0
    (run,) = (tmp_path / "out").glob("runs/*/run.json")
    assert msgspec.json.decode(run.read_bytes())["beam_options"] == ["--job_name=night"]
