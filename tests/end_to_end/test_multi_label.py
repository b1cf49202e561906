"""Several labels for one clip, from a listing of each form to verified records, exports and batches."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from building import clips, published
from commanding import built, clipmill, refused
from footage import write_film, x264
from listed import write

import clipmill as reader
from clipmill.layout import read_manifest
from clipmill.records import get_schema
from clipmill.records.tfrecord import read_records
from clipmill.storage import open_storage

ONE = ("--workers", 1)
WANTED = {"a": ["door", "open"], "b": ["door"], "c": ["door", "shut"], "d": []}
CSV = "path,label,split\na.mp4,open,train\na.mp4,door,train\nb.mp4,door,train\nc.mp4,shut;door,val\nd.mp4,,val\n"


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    for name, frames in (("a", 12), ("b", 9), ("c", 15), ("d", 10)):
        write_film(folder / f"{name}.mp4", frames, options=x264())
    return folder


@pytest.fixture(scope="module")
def several(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("several") / "out"
    listing = write(videos / "rows.csv", CSV + "a.mp4,open,train\n")
    outcome = built(listing, "--multi-label", "--out", out, *ONE)
    assert outcome["clips"] == 4 and outcome["failed"] == {"merged": 1, "duplicate": 1}
    return out


def labels(out: Path) -> dict[str, list[str]]:
    return {row["clip_id"]: row["label_text"] for row in clips(out)}


def test_every_clip_has_the_labels_of_its_rows(several):
    assert labels(several) == WANTED
    assert (several / "latest/label.labels.txt").read_text() == "door\nopen\nshut\n"
    assert {row["clip_id"]: row["label_index"] for row in clips(several)} == {
        "a": [0, 1],
        "b": [0],
        "c": [0, 2],
        "d": [],
    }
    assert clipmill("verify", several, "--deep").code == 0
    manifest = read_manifest(open_storage(str(several)))
    assert manifest.schema == "tfds-multi-label" and manifest.multi_label


def test_records_and_batches_have_them_too(several):
    manifest = read_manifest(open_storage(str(several)))
    found = {}
    for shard in manifest.shards:
        for _, record in read_records((several / f"shards/{shard}.tfrecord").read_bytes(), shard):
            said, _ = get_schema(manifest.schema).parse(record)
            found[said.clip_id] = list(said.label_text)
    assert found == WANTED
    batch = reader.open(str(several)).all.batches(batch_size=4).at(0, 0)
    hot = {name: label.tolist() for name, label in zip(batch["id"], batch["label"], strict=True)}
    assert hot == {"a": [1, 1, 0], "b": [1, 0, 0], "c": [1, 0, 1], "d": [0, 0, 0]}


def test_lists_in_json_need_no_option_and_give_the_same_version(videos, several, tmp_path):
    split = {"a": "train", "b": "train", "c": "val", "d": "val"}
    rows = [{"path": f"{name}.mp4", "label": names, "split": split[name]} for name, names in WANTED.items()]
    listing = write(videos / "lists.jsonl", "\n".join(json.dumps(row) for row in reversed(rows)))
    built(listing, "--out", tmp_path / "out", *ONE)
    assert published(tmp_path / "out") == published(several)


def test_without_the_option_rows_that_contradict_each_other_are_bad(videos, tmp_path):
    listing = write(videos / "bare.csv", "path,label\na.mp4,open\na.mp4,door\nb.mp4,door\n")
    assert "2 of 3 rows bad" in refused("build", listing, "--out", tmp_path / "out", *ONE, code=1)


def test_a_published_set_gets_further_labels_without_decoding_again(videos, tmp_path):
    out = tmp_path / "out"
    listing = write(videos / "grows.csv", "path,label\na.mp4,open\nb.mp4,door\n")
    built(listing, "--out", out, *ONE)
    one = read_manifest(open_storage(str(out)))
    assert one.schema == "tfds" and not one.multi_label
    write(listing, "path,label\na.mp4,open\na.mp4,door\nb.mp4,door\n")
    planned = clipmill("plan", listing, "--multi-label", "--out", out, "--json").json
    assert planned["clips"] == 2 and planned["several"] == 1
    built(listing, "--multi-label", "--out", out, *ONE)
    assert labels(out) == {"a": ["door", "open"], "b": ["door"]}
    assert not (out / "work/fragments").exists() or not any((out / "work/fragments").rglob("*.*"))
    assert clipmill("verify", out).code == 0


def test_a_choice_of_clips_keeps_all_labels_of_each(videos, tmp_path):
    listing = write(videos / "chosen.csv", CSV)
    built(listing, "--multi-label", "--limit", 2, "--out", tmp_path / "out", *ONE)
    assert len(labels(tmp_path / "out")) == 2
    assert all(names == WANTED[name] for name, names in labels(tmp_path / "out").items())


def test_what_commands_say_of_them(several):
    shown = clipmill("inspect", several, "--json").json
    assert shown["classes"] == {"door": 3, "open": 1, "shut": 1}
    assert shown["unlabelled"] == 1 and shown["multi_label"]
    assert "door, open" in clipmill("inspect", several, "--clip", "a").out
    ran = clipmill("show", several, "--split", "train", "--json", "--png", several.parent / "strips.png")
    assert {strip["id"]: strip["label"] for strip in ran.json["clips"]} == {"a": "door, open", "b": "door"}


def test_exports_hold_them_or_say_that_they_cannot(several, tmp_path):
    def export(to: str) -> Path:
        assert clipmill("export", several, "--to", to, "--dest", tmp_path / to).code == 0
        return tmp_path / to

    lists = "".join((export("frames") / f"{split}.txt").read_text() for split in ("train", "val"))
    assert sorted(lists.splitlines()) == ["train/a 12 0 1", "train/b 9 0", "val/c 15 0 2", "val/d 10"]
    tables = [pq.read_table(path) for path in (export("parquet") / "data").iterdir()]
    rows = {row["id"]: row["label"] for table in tables for row in table.to_pylist()}
    assert rows == {"a": [0, 1], "b": [0], "c": [0, 2], "d": []}
    export("webdataset")
    for to in ("tfds", "mediaseq", "frames-example"):
        schema = get_schema({"frames-example": "frames"}.get(to, to) + "-multi-label")
        found = {}
        for path in export(to).glob("*.tfrecord-*"):
            for _, record in read_records(path.read_bytes(), path.name):
                found[schema.parse(record)[0].clip_id] = list(schema.parse(record)[0].label_text)
        assert found == WANTED
    for to in ("windows", "mjpeg"):
        said = refused("export", several, "--to", to, "--dest", tmp_path / to)
        assert said.startswith(f"--to {to} has one label for each clip")
