"""Commands that look at a data set: what a person and what a program reads of it."""

from __future__ import annotations

import json
import os

import pytest
from commanding import Ran, clipmill, refused
from failed_runs import FAILURES, run_in
from miniature import publish_miniature

from clipmill.layout import run_path
from clipmill.storage import open_storage


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path):
    """Twelve clips of three classes, two of them unlabelled, in two splits."""
    return publish_miniature(tmp_path / "data", unlabelled=(3, 4))


def test_inspect(data):
    ran = clipmill("inspect", data.path)
    assert ran.code == 0 and ran.err == ""
    lines = ran.out.splitlines()
    assert lines[0] == f"miniature {data.version[:8]}, schema tfds"
    assert lines[1].split() == ["split", "clips", "frames", "size", "shards", "hosts", "shortest", "median", "longest"]
    by_split = {
        split: sorted(row["frames"] for row in data.rows if row["split"] == split) for split in ("train", "val")
    }
    for line, split in zip(lines[2:4], ("train", "val"), strict=True):
        cells, lengths = line.split(), by_split[split]
        assert cells[:3] == [split, str(len(lengths)), str(sum(lengths))]
        assert (cells[-3], cells[-1]) == (str(lengths[0]), str(lengths[-1])) and int(cells[-2]) in lengths
    assert lines[4].startswith("3 classes, from ") and lines[4].endswith(", 2 clips without a label")
    table = [line.split() for line in lines[5:-1]]
    assert table[0] == ["class", "train", "val"]
    for name, *numbers in table[1:]:
        counts = [
            sum(row["label_text"] == name and row["split"] == split for row in data.rows) for split in ("train", "val")
        ]
        assert [int(number) for number in numbers] == counts
    assert len(table) == 4 and lines[-1] == "frame sizes: 64x48 (12 clips)"

    found = clipmill("inspect", data.path, "--json").json
    assert found["version"] == data.version and found["unlabelled"] == 2
    assert sum(found["classes_by_split"]["val"].values()) == len(by_split["val"])
    assert sum(found["classes"].values()) == 10 and found["splits"]["val"]["clips"] == len(by_split["val"])


def test_inspect_counts_numbers_without_a_class_apart(tmp_path):
    names = ["walk", "no_class_1", "run", "no_class_9", "no_class_4", "no_class_5_"]
    # The class called no_class_4 has clips, and no_class_9 is no placeholder of number 3.
    data = publish_miniature(tmp_path / "holes", clips=12, labels=names, unlabelled=(1, 7, 3, 9, 5, 11))
    found = clipmill("inspect", data.path, "--json").json
    assert found["classes"] == {"walk": 2, "run": 2, "no_class_9": 0, "no_class_4": 2}
    assert found["placeholders"] == 2
    line = clipmill("inspect", data.path).out.splitlines()[4]
    assert line == (
        "4 classes, from 0 (no_class_9) to 2 clips (walk), 2 numbers without a class, 6 clips without a label"
    )


def test_inspect_one_clip(data):
    row = data.rows[0]
    ran = clipmill("inspect", data.path, "--clip", row["clip_id"])
    said = dict(line.split(maxsplit=1) for line in ran.out.splitlines() if len(line.split()) > 1)
    assert said["frames"] == str(row["frames"]) and said["digest"] == row["digest"]
    assert clipmill("inspect", data.path, "--clip", row["clip_id"], "--json").json["offset"] == row["offset"]
    said = refused("inspect", data.path, "--clip", row["clip_id"][:-1].upper())
    assert f"no such clip in version {data.version}; there is " in said and row["clip_id"] in said
    said = refused("inspect", data.path, "--clip", "wibble")
    assert f"no such clip in version {data.version}; ids look like " in said


def test_verify(data):
    for words in ((), ("--deep",)):
        ran = clipmill("verify", data.path, *words)
        assert ran.code == 0 and ran.out.startswith(f"{data.version[:8]}: 12 clips, ") and ran.err == ""
    assert clipmill("verify", data.path, "--json").json["problems"] == []

    shard = next(data.path.glob("shards/*.tfrecord"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"!")
    ran = clipmill("verify", data.path)
    assert ran.code == 1 and ran.out.startswith(f"shards/{shard.name}") and "problem" in ran.err
    ran = clipmill("verify", data.path, "--json")
    assert ran.code == 1 and ran.json["problems"][0]["file"] == f"shards/{shard.name}"


def test_path_is_for_a_shell(data):
    files = clipmill("path", data.path).out.splitlines()
    assert [os.path.basename(file)[:19] for file in files] == sorted(os.path.basename(file)[:19] for file in files)
    assert all(os.path.isfile(file) for file in files)
    val = clipmill("path", os.path.relpath(data.path), "--split", "val").out.splitlines()
    assert val == [file for file in files if "-val." in file] and val
    assert clipmill("path", data.path, "--json").json == {"version": data.version, "files": files}
    assert refused("path", data.path, "--split", "test") == "--split test: the data set has train, val"


def test_failures_are_a_line_each(tmp_path):
    run_in(tmp_path / "data", "20260101T000000Z-aaaaaa", FAILURES)
    ran = clipmill("failures", "data")
    assert ran == Ran(
        0,
        "missing    /lists/train.csv:7 walk/b.mp4: no such file: walk/b.mp4\n"
        "bad_row    /lists/train.csv:9 : the row has no path\n"
        "missing    /lists/train.csv:12 walk/c.mp4: no such file: walk/c.mp4\n"
        "truncated  run/a\\n\\x1b[2J.mp4: truncated after 6 frames\n",
        "run 20260101T000000Z-aaaaaa: 2 missing, 1 bad_row, 1 truncated\n",
    )
    assert clipmill("failures", "data", "--reason", "truncated").out.count("\n") == 1
    found = clipmill("failures", "data", "--json").json
    assert [failure["row"] for failure in found["failures"]] == [7, 9, 12, 0]
    assert clipmill("failures", "data", "--json", "--reason", "empty").json["failures"] == []


def test_failures_of_a_run(tmp_path):
    first, second = "20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb"
    run_in(tmp_path / "data", first, FAILURES)
    run_in(tmp_path / "data", second, [])
    assert clipmill("failures", "data") == Ran(0, "", f"run {second}: none\n")
    assert clipmill("failures", "data", "--run", first[:8], "--json").json["run"] == first
    assert refused("failures", "data", "--run", "2026") == f"--run 2026: several runs begin so; the latest is {second}"
    assert refused("failures", "data", "--run", "x") == f"--run x: no such run has ended; the latest is {second}"


def test_failures_say_when_the_last_run_has_not_ended(tmp_path):
    run_in(tmp_path / "data", "20260101T000000Z-aaaaaa", [])
    open_storage(str(tmp_path / "data")).put(run_path("20260102T000000Z-bbbbbb", "run.json"), b"{}")
    ran = clipmill("failures", "data")
    assert ran.err == (
        "run 20260101T000000Z-aaaaaa: none\n"
        "a later run, 20260102T000000Z-bbbbbb, has not ended: it was stopped, or is still working\n"
    )


def test_the_first_digits_of_a_version_are_enough(tmp_path):
    old = publish_miniature(tmp_path / "data", clips=3)
    new = publish_miniature(tmp_path / "data", clips=4)
    listed = clipmill("versions", "data")
    assert [old.version[:8] in listed.out, f"{new.version[:8]} *" in listed.out] == [True, True]
    ran = clipmill("rollback", "data", old.version[:8])
    assert ran == Ran(0, f"data is at {old.version[:8]} again, 3 clips\n", "")
    assert json.loads(clipmill("path", "data", "--json").out)["version"] == old.version
    said = refused("rollback", "data", "zz")
    assert said == f"{tmp_path}/data: version zz is not there; see clipmill versions"
    start = new.version[:6]
    (tmp_path / "data/versions" / f"{start}0123456789").mkdir()
    said = refused("rollback", "data", start)
    assert said == f"{tmp_path}/data: version {start} stands for several versions; see clipmill versions"


@pytest.mark.parametrize("command", ["inspect", "verify", "path", "failures", "versions"])
def test_a_program_reads_one_document(command, data):
    run_in(data.path, "20260101T000000Z-aaaaaa", FAILURES)
    ran = clipmill(command, data.path, "--json")
    assert ran.code == 0 and ran.out.count("\n") == 1 and ran.json
