"""Shards that others wrote become a version: linked, indexed, verified, and read by byte range."""

from __future__ import annotations

import errno
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from commanding import clipmill as command
from commanding import refused
from foreign import Made, clips, dmvr, example, kinetics, numbered, write_shard
from miniature import publish_miniature, read_code

import clipmill
from clipmill.dataset.ledger_file import read_ledger
from clipmill.layout import places_path, read_manifest, shard_path
from clipmill.reader import Batches, CropOrPad, RandomWindow, WholeClip
from clipmill.storage import open_storage

FORMS = {"kinetics": kinetics, "dmvr": dmvr, "numbered": numbered}


def adopt(out: Path, *words: object) -> dict[str, Any]:
    ran = command("adopt", *words, "--out", out, "--json")
    assert ran.code == 0, ran
    return ran.json


def verified(out: Path) -> None:
    ran = command("verify", out, "--deep")
    assert ran.code == 0, ran


def read_all(out: Path, split: str, **options: Any) -> dict[str, dict[str, Any]]:
    """Every clip of a split, whole and in its own size, by its id."""
    batches = clipmill.open(str(out))[split].batches(WholeClip(), batch_size=1, **options)
    return {batch["id"][0]: {name: value[0] for name, value in batch.items() if name != "step"} for batch in batches}


def is_clip(found: dict[str, Any], clip: Made) -> bool:
    codes = [read_code(frame) for frame in found["frames"]]
    return codes == [(clip.number, n) for n in range(len(clip.frames))] and found["label"] == clip.label


@pytest.mark.parametrize("form", FORMS)
def test_every_frame_and_label_is_read(tmp_path: Path, form: str) -> None:
    train, val = clips(7), clips(4, first=7)
    write_shard(tmp_path / "k-train.tfrecord-00000-of-00002", train[:4], FORMS[form])
    write_shard(tmp_path / "k-train.tfrecord-00001-of-00002", train[4:], FORMS[form])
    write_shard(tmp_path / "validation.tfrecord", val, FORMS[form])
    outcome = adopt(tmp_path / "out", tmp_path)
    assert outcome["splits"] == {"train": 7, "val": 4} and outcome["failed"] == {}
    data = clipmill.open(str(tmp_path / "out"))
    assert data.labels == ["archery", "bowling", "diving"]
    for split, made in (("train", train), ("val", val)):
        found = list(read_all(tmp_path / "out", split).values())
        assert len(found) == len(made) and all(map(is_clip, found, made))
    verified(tmp_path / "out")
    shown = command("inspect", tmp_path / "out", "--json").json
    assert shown["splits"]["train"]["frames"] == sum(len(clip.frames) for clip in train)
    for shard in data.manifest.shards:
        files = [os.stat(tmp_path / "out" / shard_path(shard)), *map(os.stat, tmp_path.glob("*.tfrecord*"))]
        assert files[0].st_ino in {file.st_ino for file in files[1:]}
    if form == "dmvr":
        first = read_all(tmp_path / "out", "train")["clip 2"]
        assert first["timestamp"].tolist() == [80_000 * n for n in range(9)]
        assert first["frame_index"].tolist() == list(range(9))


@pytest.mark.parametrize("form", FORMS)
def test_a_window_reads_its_own_bytes_alone(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = clips(3, lengths=[30])
    write_shard(tmp_path / "train.tfrecord", made, FORMS[form])
    adopt(tmp_path / "out", tmp_path / "train.tfrecord")
    batches = clipmill.open(str(tmp_path / "out"))["train"].batches(RandomWindow(4), batch_size=1)
    ranges: list[tuple[int, int]] = []
    reader = batches.loader().frame_reader(0)
    borrow = reader.storage.borrow_ranges

    def noted(path: str, wanted: Any) -> Any:
        ranges.extend(wanted if path.endswith(".tfrecord") else [])
        return borrow(path, wanted)

    monkeypatch.setattr(reader.storage, "borrow_ranges", noted)
    for clip, batch in zip(made, batches, strict=True):
        codes = [read_code(frame) for frame in batch["frames"][0]]
        assert codes == [(clip.number, n) for n in batch["frame_index"][0]]
    frames = sum(sum(map(len, clip.frames)) for clip in made)
    assert 0 < sum(end - start for start, end in ranges) < frames / 4


def test_whole_shards_are_streamed_as_well(tmp_path: Path) -> None:
    made = clips(6, lengths=[5, 9])
    write_shard(tmp_path / "train.tfrecord", made, dmvr)
    adopt(tmp_path / "out", tmp_path / "train.tfrecord")
    streamed = read_all(tmp_path / "out", "train", path="streaming")
    assert all(is_clip(streamed[clip.name], clip) for clip in made)


def test_clips_of_one_frame_are_read_together(tmp_path: Path) -> None:
    made = clips(9, lengths=[1])
    write_shard(tmp_path / "train.tfrecord", made, kinetics)
    adopt(tmp_path / "out", tmp_path / "train.tfrecord")
    batches: Batches = clipmill.open(str(tmp_path / "out"))["train"].batches(
        WholeClip(), augment=[CropOrPad((64, 64))], batch_size=9
    )
    (batch,) = batches
    singles = {clip_id: found["frames"] for clip_id, found in read_all(tmp_path / "out", "train").items()}
    for clip, label, frames in zip(batch["id"], batch["label"], batch["frames"], strict=True):
        number = int(clip.split()[1])
        height, width = singles[clip].shape[1:3]
        top, left = (64 - height) // 2, (64 - width) // 2
        assert label == number % 3
        assert np.array_equal(frames[:, top : top + height, left : left + width], singles[clip])


def test_our_own_records_are_adopted_too(tmp_path: Path) -> None:
    for schema in ("tfds", "frames", "mediaseq"):
        mini = publish_miniature(tmp_path / schema, schema=schema, unlabelled=(2,))
        shards = sorted((mini.path / "versions" / mini.version).glob("*.tfrecord-*"))
        adopt(tmp_path / f"{schema}-out", *shards)
        for split in ("train", "val"):
            ours, theirs = read_all(mini.path, split), read_all(tmp_path / f"{schema}-out", split)
            assert ours.keys() == theirs.keys()
            for name, clip in ours.items():
                for field in ("frames", "label", "timestamp"):
                    assert np.array_equal(clip[field], theirs[name][field]), (schema, field)
        verified(tmp_path / f"{schema}-out")


def test_names_of_ones_own_features(tmp_path: Path) -> None:
    made = clips(3)

    def record(clip: Made) -> bytes:
        return example({"my/pictures": clip.frames, "tag": [clip.label], "thumb": [clip.frames[0]]})

    write_shard(tmp_path / "train.tfrecord", made, record)
    said = refused("adopt", tmp_path / "train.tfrecord", "--out", tmp_path / "a", code=1)
    assert "my/pictures and thumb both hold JPEGs: say which the frames are with --keys frames=KEY" in said
    out = tmp_path / "b"
    adopt(out, tmp_path / "train.tfrecord", "--keys", "frames=my/pictures,label=tag")
    found = read_all(out, "train")
    assert [*found] == [f"train.tfrecord/{row:05d}" for row in (1, 2, 3)]
    assert all(map(is_clip, found.values(), made))
    assert clipmill.open(str(out)).labels == ["class 0", "class 1", "class 2"]
    verified(out)
    said = refused("adopt", tmp_path / "train.tfrecord", "--out", tmp_path / "c", "--keys", "pictures=x")
    assert said.startswith("--keys pictures=x: is not like frames=my/frames,label=tag, of frames, label")


def test_copies_where_no_link_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = clips(3)
    shard = tmp_path / "train.tfrecord"
    write_shard(shard, made, dmvr)

    def on_another_disk(*paths: str) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", on_another_disk)
    said = refused("adopt", shard, "--out", tmp_path / "out")
    assert said == f"{shard}: no link to it can be made in {tmp_path / 'out'} (Invalid cross-device link); add --copy"
    adopt(tmp_path / "out", shard, "--copy")
    shard.unlink()
    assert all(map(is_clip, read_all(tmp_path / "out", "train").values(), made))


def test_adopting_again_changes_nothing_and_more_shards_are_another_version(tmp_path: Path) -> None:
    write_shard(tmp_path / "a-train.tfrecord", clips(3), dmvr)
    first = adopt(tmp_path / "out", tmp_path / "a-train.tfrecord")
    again = adopt(tmp_path / "out", tmp_path / "a-train.tfrecord")
    assert again["version"] == first["version"] and not again["changed"]
    write_shard(tmp_path / "b-train.tfrecord", clips(3, first=3), dmvr)
    more = adopt(tmp_path / "out", tmp_path / "a-train.tfrecord", tmp_path / "b-train.tfrecord")
    assert more["clips"] == 6 and more["changed"]
    verified(tmp_path / "out")
    mini = publish_miniature(tmp_path / "built")
    said = refused("adopt", tmp_path / "a-train.tfrecord", "--out", mini.path)
    assert said == f"--out {mini.path}: holds a data set that was built; name a new folder"


def spoil(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage, lost, reason, message",
    [
        (lambda path, places: spoil(path, places[1][0] + 40), [2], "corrupt", "the checksum of its data is wrong"),
        (lambda path, places: spoil(path, places[1][0]), [2, 3, 4], "corrupt", "and the rest of the file is lost"),
        (lambda path, places: os.truncate(path, places[3][0] + 50), [4], "corrupt", "bytes short of its end"),
    ],
)
def test_damage_is_found_and_what_is_whole_is_taken(
    tmp_path: Path, damage: Callable[[Path, Any], None], lost: list[int], reason: str, message: str
) -> None:
    made = clips(4)
    shard = tmp_path / "train.tfrecord"
    damage(shard, write_shard(shard, made, dmvr))
    outcome = adopt(tmp_path / "out", shard)
    assert outcome["failed"] == {reason: 1}
    storage = open_storage(str(tmp_path / "out"))
    (failure,) = read_ledger(storage, storage.children("runs")[0][0])
    assert failure.row == lost[0] and message in failure.message and failure.listing == str(shard)
    found = read_all(tmp_path / "out", "train")
    assert list(found) == [clip.name for clip in made if clip.number + 1 not in lost]
    assert all(is_clip(found[clip.name], clip) for clip in made if clip.name in found)
    verified(tmp_path / "out")
    assert "1 failed" in command("adopt", shard, "--out", tmp_path / "b").out
    assert message in command("failures", tmp_path / "out").out
    said = refused("adopt", shard, "--out", tmp_path / "c", "--max-failures", 0, code=1)
    assert "over --max-failures 0: nothing is published" in said


def test_records_that_hold_no_clip(tmp_path: Path) -> None:
    good = clips(40, lengths=[2])
    big = clips(2, lengths=[2], first=40)
    records = {
        50: (b"\xff\xffno record", "not a record"),
        51: (example({"label": [1]}), "none of its features holds JPEGs"),
        52: (example({"video": [b"\x89PNG\r\n"]}), "frame 0 in video is a PNG: only JPEGs can be adopted"),
        53: (example({"video": [*big[0].frames, *big[1].frames]}), "its frames differ in size: 48x64 and 64x48"),
        54: (example({"video": [big[0].frames[0][:-9]]}), "frame 0 is no whole JPEG"),
        55: (example({"video": big[0].frames, "label": [1 << 40]}), "its label is 1099511627776"),
    }
    bad = [Made(number, "", 0, "", []) for number in records]

    def record(clip: Made) -> bytes:
        return records[clip.number][0] if clip.number in records else kinetics(clip)

    write_shard(tmp_path / "test.tfrecord", [*good[:5], *bad, *good[5:]], record)
    outcome = adopt(tmp_path / "out", tmp_path / "test.tfrecord", "--max-failures", "20%")
    assert outcome["splits"] == {"test": 40} and outcome["failed"] == {"not_a_video": 6}
    storage = open_storage(str(tmp_path / "out"))
    failures = read_ledger(storage, storage.children("runs")[0][0])
    assert [failure.row for failure in failures] == [6, 7, 8, 9, 10, 11]
    for failure, (_, message) in zip(failures, records.values(), strict=True):
        assert message in failure.message
    verified(tmp_path / "out")


def test_a_compressed_file_says_so(tmp_path: Path) -> None:
    write_shard(tmp_path / "plain", clips(3), dmvr)
    (tmp_path / "train.tfrecord").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    said = refused("adopt", tmp_path / "train.tfrecord", "--out", tmp_path / "out", code=1)
    assert "no clip was made" in said and "compressed by gzip; unpack it first" in said


def test_ids_that_are_taken(tmp_path: Path) -> None:
    made = clips(3, lengths=[2])
    other = made[0]._replace(frames=made[1].frames)
    write_shard(tmp_path / "a-train.tfrecord", made, dmvr)
    write_shard(tmp_path / "b-train.tfrecord", [made[1], other], dmvr)
    words = (tmp_path / "a-train.tfrecord", tmp_path / "b-train.tfrecord")
    said = refused("adopt", *words, "--out", tmp_path / "x", code=1)
    assert "1 of 5 rows bad, over --max-missing" in said
    outcome = adopt(tmp_path / "out", *words, "--max-missing", 1)
    assert outcome["clips"] == 3 and outcome["failed"] == {"duplicate": 1, "bad_row": 1}


def test_what_a_class_is_called(tmp_path: Path) -> None:
    made = clips(3, lengths=[2])
    odd = made[2]._replace(label=0)
    write_shard(tmp_path / "train.tfrecord", [made[0], made[1], odd], dmvr)
    said = refused("adopt", tmp_path / "train.tfrecord", "--out", tmp_path / "a", code=1)
    assert said.startswith("class 0 is 'archery' in clip 0.mp4 and 'diving' in clip 2.mp4: name the classes with")
    (tmp_path / "names.txt").write_text("aiming\nbowling\n")
    adopt(tmp_path / "out", tmp_path / "train.tfrecord", "--labels", tmp_path / "names.txt")
    data = clipmill.open(str(tmp_path / "out"))
    assert data.labels == ["aiming", "bowling"]
    assert data.column("label_text").to_pylist() == ["aiming", "bowling", "aiming"]
    verified(tmp_path / "out")
    (tmp_path / "label.labels.txt").write_text("aiming\n")  # as TFDS has it beside its shards
    said = refused("adopt", tmp_path / "train.tfrecord", "--out", tmp_path / "b", code=1)
    assert said == "a record has class 1, and there are 1 names of classes"


def test_names_of_classes_without_numbers_and_lists_of_labels(tmp_path: Path) -> None:
    made = clips(3, lengths=[2])
    write_shard(tmp_path / "train.tfrecord", made, lambda c: example({"video": c.frames, "label": [c.text.encode()]}))
    adopt(tmp_path / "a", tmp_path / "train.tfrecord")
    assert clipmill.open(str(tmp_path / "a")).column("label_index").to_pylist() == [0, 1, 2]
    write_shard(
        tmp_path / "several.tfrecord",
        made,
        lambda c: example({"video": c.frames, "label": [*range(c.label + 1)]}),
    )
    adopt(tmp_path / "b", tmp_path / "several.tfrecord")
    assert clipmill.open(str(tmp_path / "b")).column("label_index").to_pylist() == [[0], [0, 1], [0, 1, 2]]
    assert read_all(tmp_path / "b", "train")["several.tfrecord/00002"]["label"].tolist() == [1, 1, 0]
    verified(tmp_path / "b")


def test_an_adopted_version_is_exported(tmp_path: Path) -> None:
    made = clips(4)
    write_shard(tmp_path / "train.tfrecord", made, numbered)
    adopt(tmp_path / "out", tmp_path / "train.tfrecord")
    ran = command("export", tmp_path / "out", "--to", "parquet", "--dest", tmp_path / "p", "--order", "length")
    assert ran.code == 0, ran
    (file,) = (tmp_path / "p" / "data").iterdir()
    rows = sorted(pq.read_table(file).to_pylist(), key=lambda row: row["id"])
    assert [[image["bytes"] for image in row["frames"]] for row in rows] == [clip.frames for clip in made]
    assert [row["label"] for row in rows] == [clip.label for clip in made]


def test_verify_finds_damage_of_an_adopted_version(tmp_path: Path) -> None:
    write_shard(tmp_path / "train.tfrecord", clips(3), dmvr)
    adopt(tmp_path / "out", tmp_path / "train.tfrecord")
    storage = open_storage(str(tmp_path / "out"))
    (shard,) = read_manifest(storage).shards
    places = tmp_path / "out" / places_path(shard)
    whole = places.read_bytes()
    places.write_bytes(whole[:8] + b"\1\0\0\0" + whole[12:])
    ran = command("verify", tmp_path / "out")
    assert ran.code == 1 and "its frames are not where the .places file says" in ran.out + ran.err
    places.write_bytes(whole)
    verified(tmp_path / "out")
    spoil(tmp_path / "train.tfrecord", 200)  # the same file, under its old name
    ran = command("verify", tmp_path / "out")
    assert ran.code == 1 and "checksum of its data is wrong" in ran.out + ran.err
