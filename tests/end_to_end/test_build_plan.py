"""What is said of a build before it begins, held against what comes of it."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

import pytest
from building import clips
from commanding import built, clipmill
from footage import write_film, x264
from listed import write

from clipmill.estimate.census import take_census
from clipmill.estimate.estimate import Band
from clipmill.listings import resolve
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline.demo.synthetic import make_dataset

#: So many plans and builds of sets that differ in their frames' sizes and lengths.
MANNERS = ["", "--short-side 120 --every 3", "--size 64x64 --quality 50 --workers 1", "--shard-mb 1 --max-frames 20"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """Clips of three sizes: the larger ones are the shorter ones."""
    folder = tmp_path_factory.mktemp("plan")
    made = make_dataset(folder, clips=12, frames=(20, 80), broken=0)
    for number in range(6):
        write_film(folder / made[0].label / f"{number}.mp4", 12 + number, size=(640, 480))
    return folder


class Peak(threading.Thread):
    """Measures how much a folder holds at most."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._folder = folder
        self._stopped = threading.Event()
        self.bytes = 0

    def run(self) -> None:
        while not self._stopped.wait(0.01):
            seen: dict[int, int] = {}
            for folder, _, names in os.walk(self._folder):
                for name in names:
                    try:
                        found = os.stat(os.path.join(folder, name), follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    seen[found.st_ino] = found.st_size
            self.bytes = max(self.bytes, sum(seen.values()))

    def __exit__(self, *error: object) -> None:
        self._stopped.set()
        self.join()

    def __enter__(self) -> Peak:
        self.start()
        return self


def within(value: float, band: dict[str, float]) -> bool:
    return abs(value - band["value"]) <= band["error"]


@pytest.mark.parametrize("words", MANNERS)
def test_a_plan_holds(words, videos, tmp_path):
    ran = clipmill("plan", videos, "--out", tmp_path / "out", *words.split(), "--json")
    assert ran.code == 0 and not (tmp_path / "out").exists()
    plan = ran.json
    assert (plan["clips"], plan["encoded"], plan["missing"]) == (18, 18, 0)
    with Peak(tmp_path / "out") as peak:
        outcome = built(videos, "--out", tmp_path / "out", *words.split())
    assert within(outcome["frames"], plan["frames"])
    assert within(outcome["bytes"], plan["bytes"]), (outcome["bytes"], plan["bytes"])
    assert plan["bytes"]["error"] < 0.15 * plan["bytes"]["value"]
    # A short peak may pass between two looks.
    assert outcome["bytes"] < peak.bytes <= plan["peak_bytes"] < 2 * peak.bytes + 500_000
    assert outcome["shards"] / 2 <= plan["shards"] <= 2 * outcome["shards"]


def test_a_plan_for_people(videos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = clipmill("plan", videos, "--out", "out", "--hosts", 2)
    first, *lines = ran.out.splitlines()
    assert first == f"{videos.name} (tree): 18 clips, 6 classes, labels 0..5, split train"
    facts = {line[:14].strip(): line[14:].strip() for line in lines}
    assert list(facts) == ["clips", "frames", "size", "peak on disk", "shards", "time here", "in a cloud", "seen"]
    assert all(" (+-" in facts[name] for name in ("frames", "size", "time here", "in a cloud"))
    assert facts["in a cloud"].endswith("cores like these, $0.075 an hour, no disks")
    assert facts["shards"] == "about 18, enough for 1 training host", "18 clips are no 20 shards"
    assert facts["seen"] == "18 clips; frames of 18 were encoded"
    assert max(map(len, lines)) <= 80


def test_rows_without_a_label_are_told_of(videos, tmp_path):
    names = sorted(str(path.relative_to(videos)) for path in videos.glob("*/*.mp4"))[:3]
    rows = "".join(f"{name},{label}\n" for name, label in zip(names, ["run", "", ""], strict=True))
    (tmp_path / "l.csv").write_text("path,label\n" + rows)
    ran = clipmill("plan", tmp_path / "l.csv", "--videos", videos, "--out", tmp_path / "out")
    assert ran.out.splitlines()[0] == ("l.csv (csv): 3 clips, 1 class, label 0, split train, 2 rows without a label")


@pytest.mark.slow
def test_what_smaller_frames_would_save_is_what_they_save(videos, tmp_path):
    large = tmp_path / "videos/large"
    large.mkdir(parents=True)
    for path in videos.glob("*/[0-9].mp4"):
        (large / path.name).symlink_to(path)
    promised = clipmill("plan", large.parent, "--out", tmp_path / "a", "--json").json["smaller_bytes"]
    made = built(large.parent, "--out", tmp_path / "a", "--short-side", 256)["bytes"]
    assert promised == pytest.approx(made, rel=0.05)
    said = clipmill("build", large.parent, "--out", tmp_path / "b").out.splitlines()[2]
    value, unit, *_ = said.split()
    assert said.endswith(f" {unit} with --short-side 256")
    assert float(value) * {"kB": 1e3, "MB": 1e6}[unit] == pytest.approx(made, rel=0.1)
    # Those that are asked for anyway are not worth a line.
    assert "with --short-side" not in clipmill("plan", large.parent, "--out", tmp_path / "a", "--short-side", 300).out


def test_missing_videos_are_foreseen(videos, tmp_path):
    names = sorted(str(path.relative_to(videos)) for path in videos.glob("*/*.*"))
    listing = tmp_path / "half.csv"
    listing.write_text("path\n" + "".join(f"{name}\nnot/{name}\n" for name in names))
    plan = clipmill("plan", listing, "--videos", videos, "--out", tmp_path / "out", "--json").json
    assert plan["missing"] == 0.5 and plan["clips"] == 36
    outcome = built(listing, "--videos", videos, "--out", tmp_path / "out", "--max-missing", "50%")
    assert within(outcome["frames"], plan["frames"]) and within(outcome["bytes"], plan["bytes"])
    assert outcome["failed"] == {"missing": 18}


@pytest.mark.slow
def test_a_second_build_needs_no_room(videos, tmp_path, monkeypatch):
    built(videos, "--out", tmp_path / "out")
    monkeypatch.setattr("clipmill.storage.LocalStorage.free", lambda self: 0)
    assert built(videos, "--out", tmp_path / "out")["changed"] is False
    assert clipmill("build", videos, "--out", tmp_path / "out", "--quality", 50).code == 2


def test_a_run_that_was_stopped_needs_less_room(videos, tmp_path, monkeypatch):
    """What is decoded already is there, and takes no new room."""
    plan = clipmill("plan", videos, "--out", tmp_path / "out", "--json").json
    monkeypatch.setattr("clipmill.storage.LocalStorage.free", lambda self: int(0.8 * plan["peak_bytes"]))
    assert clipmill("build", videos, "--out", tmp_path / "out").code == 2
    done = tmp_path / "out/work/fragments/ab/left-by-a-run-that-was-stopped"
    done.parent.mkdir(parents=True)
    done.write_bytes(bytes(int(0.6 * plan["peak_bytes"])))
    assert clipmill("build", videos, "--out", tmp_path / "out").code == 0


def test_a_disk_that_is_too_small_names_the_largest_and_yes_goes_on(tmp_path, monkeypatch):
    for name, frames in (("run/a", 12), ("run/b", 60), ("walk/c", 24), ("walk/d", 5)):
        (tmp_path / "v" / name).parent.mkdir(parents=True, exist_ok=True)
        write_film(tmp_path / "v" / f"{name}.mp4", frames)
    monkeypatch.setattr("clipmill.storage.LocalStorage.free", lambda self: 5_000)
    refused = clipmill("build", tmp_path / "v", "--out", tmp_path / "out")
    named = re.findall(r"(\w+/\w\.mp4) \((\d+) frames, [\d.]+ kB\)", refused.err)
    assert (refused.code, named) == (2, [("run/b.mp4", "60"), ("walk/c.mp4", "24"), ("run/a.mp4", "12")])
    went_on = clipmill("build", tmp_path / "v", "--out", tmp_path / "out", "--yes")
    assert went_on.code == 0 and "Going on all the same (--yes)" in went_on.out


CLASSES = [("a", "train", 1), ("b", "train", 2), ("c", "train", 3), ("a", "val", 2), ("b", "test", 9)]
#: Where every round is whole, nothing is left to hashes.
WHOLE = {
    5: {"train": 3, "val": 1, "test": 1},
    9: {"train": 5, "val": 2, "test": 2},
    11: {"train": 6, "val": 2, "test": 3},
    100: {"train": 6, "val": 2, "test": 9},
}


@pytest.mark.parametrize("limit", [1, 4, 5, 8, 9, 11, 16, 100])
def test_limit_is_foreseen(limit, tmp_path):
    rows = [f"{split}/{label}{n}.mp4,{label},{split}" for label, split, number in CLASSES for n in range(number)]
    (tmp_path / "all.csv").write_text("path,label,split\n" + "\n".join(rows) + "\n")
    listing = resolve(ListingOptions((str(tmp_path / "all.csv"),), videos=str(tmp_path), limit=limit))
    census = take_census(BuildOptions(listing, str(tmp_path / "out"), "run"), 10)
    assert sum(census.splits.values()) == census.clips == min(limit, len(rows))
    assert census.splits == WHOLE.get(limit, census.splits)


def test_a_plan_with_a_limit_knows_the_clips_that_a_build_takes(videos, tmp_path):
    built(videos, "--out", tmp_path / "out", "--limit", 5, "--workers", 1)
    planned = clipmill("plan", videos, "--out", tmp_path / "out", "--limit", 7, "--json").json["forecast"]
    assert (planned["held"], planned["new"], planned["gone"]) == (5, 2, 0)
    said = clipmill("plan", videos, "--out", tmp_path / "out", "--limit", 5).out
    assert re.search(r"to decode +0 clips\n +frames +\d+\n +size +[\d.]+ [kM]B\n", said), "nothing is estimated"


def test_a_plan_of_a_listing_whose_videos_are_mostly_missing_counts_those_that_are_there(tmp_path):
    """One of a thousand is in no sample of two hundred."""
    write_film(tmp_path / "there.mp4", 37)
    rows = [f"not{number}.mp4,a" for number in range(1000)]
    listing = write(tmp_path / "l.csv", "path,label\n" + "\n".join([*rows, "there.mp4,a"]) + "\n")
    planned = clipmill("plan", listing, "--out", tmp_path / "out")
    assert re.search(r"frames +37\b", planned.out), planned.out
    assert "missing       99.9 %: a build refuses so many; it goes on with --max-missing 100%" in planned.out
    ran = clipmill("build", listing, "--out", tmp_path / "out", "--workers", 1)
    assert ran.code == 1 and "about 37 frames" in ran.out
    assert f"The first: not0.mp4, no such file: {tmp_path}/not0.mp4" in ran.err
    ran = clipmill("build", listing, "--out", tmp_path / "out", "--workers", 1, "--max-missing", "100%")
    assert ran.code == 0


def test_rows_that_are_all_bad_are_told_by_the_first_and_no_way_on(tmp_path):
    listing = write(tmp_path / "l.csv", "path,label\n../../a.mp4,a\n../../b.mp4,b\n")
    (tmp_path / "v").mkdir()
    ran = clipmill("build", listing, "--videos", tmp_path / "v", "--out", tmp_path / "out", "--workers", 1)
    assert ran.code == 1 and "2 of 2 rows bad" in ran.err and "Go on" not in ran.err
    assert "The first: " in ran.err and "--allow-outside" in ran.err


def test_bands_scale():
    assert Band(10.0, 2.0).times(0.5) == Band(5.0, 1.0)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "words", ["ucf101", "ucf101 --every 4", "hmdb51", "kinetics", "kinetics --short-side 224", "other"]
)
def test_a_plan_of_real_clips_holds(words, shared_data, tmp_path):
    folder, *options = words.split()
    videos = shared_data / "videos" / folder
    plan = clipmill("plan", videos, "--out", tmp_path / "out", *options, "--json").json
    with Peak(tmp_path / "out") as peak:
        outcome = built(videos, "--out", tmp_path / "out", *options)
    assert within(outcome["frames"], plan["frames"]) and within(outcome["bytes"], plan["bytes"])
    assert outcome["bytes"] < peak.bytes <= plan["peak_bytes"] < 1.5 * peak.bytes
    assert len(clips(tmp_path / "out")) == plan["clips"]


def test_a_plan_of_bad_rows_alone_says_why_and_fails(tmp_path):
    listing = tmp_path / "l.csv"
    listing.write_text("path,label,start\na.avi,x,1_0\nb.avi,x,soon\n")
    ran = clipmill("plan", listing, "--out", tmp_path / "out")
    assert ran.code == 1
    assert "l.csv:3: bad time range: start is 'soon'" in ran.out
    assert "all of 2 rows are bad, as" in ran.err and "l.csv:2: bad time range: start is '1_0'" in ran.err
    listing.write_text("path,label\na.avi,x\n")
    (tmp_path / "labels").write_text("y\n")
    ran = clipmill("plan", listing, "--labels", tmp_path / "labels", "--out", tmp_path / "out")
    assert ran.code == 1 and "unknown label x" in ran.err


TWICE = """id,path,label
a,x.mp4,door
b,y.mp4,door
a,y.mp4,open
c,x.mp4,door
d,z.mp4,door
d,z.mp4,open
e,w.mp4,open
e,w.mp4,open
"""


def test_a_plan_finds_rows_that_name_a_clip_again_as_a_build_does(tmp_path):
    for number, name in enumerate("wxyz"):
        write_film(tmp_path / f"{name}.mp4", 10 + number, options=x264())
    listing = write(tmp_path / "twice.csv", TWICE)
    words = (listing, "--out", tmp_path / "out", "--max-missing", 8, "--max-failures", 8, "--workers", 1)
    planned = clipmill("plan", *words)
    counted = clipmill("plan", *words, "--json").json
    outcome = built(*words)
    failures = clipmill("failures", tmp_path / "out", "--json").json["failures"]
    assert "(csv): 3 clips, 2 classes, labels 0..1, split train, 5 bad rows" in planned.out
    assert outcome["clips"] == counted["clips"] == 3 and counted["bad_rows"] == len(failures) == 5
    assert sum(outcome["failed"].values()) == 5
    said = {f"{failure['listing']}:{failure['row']}: {failure['message']}" for failure in failures}
    assert len(counted["bad_examples"]) == 3 and said >= set(counted["bad_examples"])
    assert all(words in planned.out for words in counted["bad_examples"])
