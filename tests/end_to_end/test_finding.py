"""Files that are not where their rows say, and where paths start: from the listing to what is published."""

from __future__ import annotations

import json
import unicodedata

import pytest
from building import clips
from commanding import clipmill as command
from footage import write_film, x264

import clipmill


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Files with 10, 11, 12, ... frames, so that the frames of a clip tell which file it is."""
    folder = tmp_path_factory.mktemp("films")
    return [write_film(folder / f"{frames}.mp4", frames, options=x264()) for frames in range(10, 15)]


def lay(root, films, *names):
    """Links to the films under these names."""
    for film, name in zip(films, names, strict=False):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(film)
    return root


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def frames(out):
    return {row["clip_id"]: row["frames"] for row in clips(out)}


def build(out, *words):
    ran = command("build", *words, "--out", out, "--workers", 1)
    assert ran.code == 0, ran
    return ran


LAID = [
    ("flat.mp4", "Walk/flat.mp4"),
    ("Walk/deep.mp4", "deep.mp4"),
    ("Walk/converted.mp4", "Walk/converted.avi"),
    ("Walk/bare.mp4", "Walk/bare"),
    ("Brush_Hair/spelled.mp4", "brush hair/spelled.mp4"),
    ("train_256/Walk/shrunk.mp4", "train/Walk/shrunk.mp4"),
    ("replacement_for_corrupted_k400/replaced.mp4", "Walk/replaced.mp4"),
    ("Walk/LOUD.MP4", "Walk/loud.mp4"),
    ("Walk/twice.mp4.mkv", "Walk/twice.mp4"),
    (unicodedata.normalize("NFD", "Walk/\u00e4x.mp4"), "Walk/\u00e4x.mp4"),
]


def test_a_file_is_found_by_its_name(tmp_path, films):
    there = [name for name, _ in LAID]
    root = lay(tmp_path / "root", films * 2, *there, "other.mp4")
    (root / "other.mp4").symlink_to(films[0])
    rows = [row for _, row in LAID]
    listing = write(tmp_path / "l.csv", "path,label\n" + "".join(f"{row},walk\n" for row in [*rows, "other.mp4"]))
    ran = build(tmp_path / "out", listing, "--videos", root)
    assert "10 of 11 videos found by name" in ran.out
    found = {row["source"]: row["frames"] for row in clips(tmp_path / "out")}
    assert found == dict(zip(there, [10, 11, 12, 13, 14] * 2, strict=True)) | {"other.mp4": 10}


def test_a_name_that_two_files_have_is_taken_where_the_folder_tells(tmp_path, films):
    root = lay(tmp_path / "root", films, "train/1.mkv", "test/1.mkv")
    listing = write(tmp_path / "l.csv", "path,label\ntrain/1.mp4,a\ntest/1.mp4,b\n")
    build(tmp_path / "out", listing, "--videos", root)
    assert frames(tmp_path / "out") == {"train/1": 10, "test/1": 11}
    assert {row["split"] for row in clips(tmp_path / "out")} == {"train", "test"}, "by the path"


def test_a_file_that_is_another_rows_is_not_taken(tmp_path, films):
    """The wrong video under a label is worse than none."""
    root = lay(tmp_path / "root", films, "a/1.mp4", "b/2.mp4", "x/7.mp4", "y/7.mp4")
    listing = write(tmp_path / "l.csv", "path,label\na/1.mp4,a\nc/1.mp4,b\nz/7.mp4,c\nd/2.mp4,d\ne/2.mp4,e\n")
    build(tmp_path / "out", listing, "--videos", root, "--max-missing", 4)
    assert frames(tmp_path / "out") == {"a/1": 10}
    failures = json.loads(command("failures", tmp_path / "out", "--json").out)["failures"]
    assert {failure["source"]: failure["message"] for failure in failures} == {
        "c/1.mp4": f"no such file: {root}/c/1.mp4 (a/1.mp4 has its name, and other rows name that as well)",
        "z/7.mp4": f"no such file: {root}/z/7.mp4 (2 files have its name: x/7.mp4, y/7.mp4)",
        "d/2.mp4": f"no such file: {root}/d/2.mp4 (b/2.mp4 has its name, and other rows name that as well)",
        "e/2.mp4": f"no such file: {root}/e/2.mp4 (b/2.mp4 has its name, and other rows name that as well)",
    }


def test_roots_are_tried_in_order(tmp_path, films):
    lay(tmp_path / "one", films, "x.mp4")
    lay(tmp_path / "two", films[1:], "x.mp4", "y.mp4")
    listing = write(tmp_path / "l.csv", "path\nx.mp4\ny.mp4\n")
    build(tmp_path / "out", listing, "--videos", tmp_path / "one", "--videos", tmp_path / "two")
    assert frames(tmp_path / "out") == {"x": 10, "y": 12}
    assert {row["source"] for row in clips(tmp_path / "out")} == {"x.mp4", "y.mp4"}


def test_listings_in_two_folders_start_each_at_its_own(tmp_path, films):
    lay(tmp_path / "data", films, "train/1.mp4", "test/1.mp4")
    listings = [
        write(tmp_path / f"data/{split}/metadata.csv", "file_name,label\n1.mp4,a\n") for split in ("train", "test")
    ]
    build(tmp_path / "out", *listings)
    assert frames(tmp_path / "out") == {"train/1": 10, "test/1": 11}
    assert {row["clip_id"]: row["split"] for row in clips(tmp_path / "out")} == {"train/1": "train", "test/1": "test"}


@pytest.mark.slow
def test_paths_that_climb_from_the_listings_folder(tmp_path, films):
    root = lay(tmp_path / "data/videos", films, "x.mp4")
    listing = write(tmp_path / "data/lists/l.csv", "path\n../videos/x.mp4\n")
    for number, words in enumerate([(), ("--videos", root)]):
        build(tmp_path / f"out{number}", listing, *words)
        assert list(frames(tmp_path / f"out{number}").values()) == [10]
    other = lay(tmp_path / "other", films)
    other.mkdir(exist_ok=True)
    ran = command("build", listing, "--videos", other, "--out", tmp_path / "no")
    assert ran.code == 1 and "1 of 1 rows bad" in ran.err
    build(tmp_path / "yes", listing, "--videos", other, "--allow-outside")
    assert list(frames(tmp_path / "yes").values()) == [10]


def test_paths_of_another_machine(tmp_path, films):
    root = lay(tmp_path / "k400", films, "train/a/x.mp4", "val/b/y.mp4")
    rows = "".join(f"/home/nobody/k400/{name},{name[-7]}\n" for name in ("train/a/x.mp4", "val/b/y.mp4"))
    listing = write(tmp_path / "l.csv", "path,label\n" + rows)
    build(tmp_path / "out", listing, "--videos", root)
    assert frames(tmp_path / "out") == {"train/a/x": 10, "val/b/y": 11}


def test_a_limit_takes_of_the_videos_that_are_there(films, tmp_path):
    """A download that is not over, three of sixty videos: no missing rows, and the list of classes is the whole one."""
    rows = [f"c{number % 6}/v{number:02d}.mp4,c{number % 6}" for number in range(60)]
    listing = write(tmp_path / "all.csv", "path,label\n" + "\n".join(rows) + "\n")
    lay(tmp_path / "videos", films, "c1/v01.mp4", "c2/v08.mp4", "v14.mp4")
    words = (listing, "--videos", tmp_path / "videos", "--limit", 2)
    plan = command("plan", *words, "--out", tmp_path / "out", "--json").json
    assert (plan["clips"], plan["there"], plan["splits"]) == (2, 3, {"train": 2})
    ran = build(tmp_path / "out", *words)
    assert "--limit 2 takes of 3 rows with a video there" in ran.out
    found = clips(tmp_path / "out")
    assert len(found) == 2 and {row["clip_id"] for row in found} < {"c1/v01", "c2/v08", "c2/v14"}
    assert clipmill.open(str(tmp_path / "out")).labels == [f"c{number}" for number in range(6)]
    ran = command("build", *words[:3], "--limit", 40, "--out", tmp_path / "more", "--workers", 1)
    assert ran.code == 0 and len(clips(tmp_path / "more")) == 3, ran


def test_a_limit_where_no_video_is_there_says_that_they_are_missing(tmp_path):
    listing = write(tmp_path / "all.csv", "path,label\na.mp4,x\nb.mp4,x\n")
    (tmp_path / "videos").mkdir()
    ran = command("build", listing, "--videos", tmp_path / "videos", "--limit", 1, "--out", tmp_path / "out")
    assert ran.code == 1 and "1 of 1 videos missing" in ran.err, ran
