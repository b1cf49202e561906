from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from pathlib import Path

import google_crc32c
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from miniature import draw_frame, encode, publish_miniature
from protos import SequenceExample

from clipmill.dataset.tfds_files import tables
from clipmill.dataset.verify import verify
from clipmill.errors import NoSuchDataset
from clipmill.layout import LABELS, read_manifest
from clipmill.records import get_schema
from clipmill.records.protobuf import delimited
from clipmill.records.tfrecord import after, before
from clipmill.shards import shard_file
from clipmill.shards.shard_file import ShardClip, write_shard
from clipmill.storage import LocalStorage, open_storage


class Published:
    """A miniature and ways to damage it."""

    def __init__(self, path, schema="tfds", **options):
        self.mini = publish_miniature(path, schema=schema, **options)
        self.path = Path(path)
        self.storage = open_storage(str(path))
        self.folder = f"versions/{self.mini.version}"
        self.schema = get_schema(schema)

    def verify(self, **options):
        return verify(self.storage, **options).problems

    def row(self, number):
        return self.mini.rows[number]

    def shard_file(self, row):
        return f"shards/{row['shard']}.tfrecord"

    def change(self, path, edit):
        """Replace a file, leaving other links to it as they were."""
        data = edit((self.path / path).read_bytes())
        os.unlink(self.path / path)
        (self.path / path).write_bytes(data)

    def damage(self, path, edit):
        """Change a file under all its names."""
        data = edit((self.path / path).read_bytes())
        (self.path / path).write_bytes(data)

    def manifest(self, edit):
        def change(data):
            value = json.loads(data)
            edit(value)
            return json.dumps(value).encode()

        self.change(f"{self.folder}/manifest.json", change)

    def table(self, edit):
        """Rewrite the clip table so that its checksum in the manifest is right."""
        path = self.path / self.folder / "clips.parquet"
        table = pq.read_table(path)
        rows = table.to_pylist()
        changed = edit(rows)
        pq.write_table(pa.Table.from_pylist(rows, table.schema) if changed is None else changed, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.manifest(lambda m: m.update(clips_sha256=digest))

    def cell(self, clip_id, **values):
        self.table(lambda rows: [row.update(values) for row in rows if row["clip_id"] == clip_id] and None)

    def rewrite(self, clip_id, record=None, frames=None):
        """Write a clip's shard anew with another record or other frames, every checksum and size right."""
        name = next(row["shard"] for row in self.mini.rows if row["clip_id"] == clip_id)
        clips = []
        rows = [row for row in self.mini.rows if row["shard"] == name]
        for row in rows:
            mine = row["clip_id"] == clip_id
            what = msgspec.structs.replace(self.mini.records[row["clip_id"]], **(record or {} if mine else {}))
            images = frames if mine and frames is not None else self.mini.frames[row["clip_id"]]
            clips.append(ShardClip(what, [len(image) for image in images], images))
        links = [p for p in (self.path / self.folder).iterdir() if p.samefile(self.path / f"shards/{name}.tfrecord")]
        entry, places = write_shard(self.storage, name, self.schema, clips)
        for link in links:
            self.storage.copy(f"shards/{name}.tfrecord", f"{self.folder}/{link.name}")
        where = {row["clip_id"]: place._asdict() for row, place in zip(rows, places, strict=True)}
        self.table(lambda rows: [row.update(where.get(row["clip_id"], {})) for row in rows] and None)

        def update(manifest):
            manifest["shards"][name] = msgspec.to_builtins(entry)
            for split in manifest["splits"].values():
                split["bytes"] = sum(manifest["shards"][shard]["bytes"] for shard in split["shards"])

        self.manifest(update)
        labels = (self.path / self.folder / LABELS).read_text().split()
        for table, data in tables(read_manifest(self.storage), labels, self.schema).items():
            self.storage.put(f"{self.folder}/{table}", data)


@pytest.fixture
def published(tmp_path):
    return Published(tmp_path / "out")


def flipped(at):
    def edit(data):
        out = bytearray(data)
        out[at] ^= 0x10
        return bytes(out)

    return edit


def assert_found(problems, file, where, what):
    lines = "\n".join(map(str, problems))
    assert any(p.file == file and where in p.where and what in p.what for p in problems), lines or "nothing found"


@pytest.mark.parametrize("schema", ["tfds", "frames", "mediaseq"])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_whole_version_has_no_problem(tmp_path, schema, workers):
    published = Published(tmp_path, schema, clips=14, unlabelled=(4, 5), fps=29.97, groups=3, folds=2)
    report = verify(published.storage, deep=True, workers=workers)
    assert report.problems == []
    total = sum(len(frames) for frames in published.mini.frames.values())
    assert (report.version, report.splits, report.clips, report.frames) == (published.mini.version, 2, 14, total)
    assert report.shards == len({row["shard"] for row in published.mini.rows})
    assert report.bytes == sum(file.stat().st_size for file in (tmp_path / "shards").glob("*.tfrecord"))


def test_progress_counts_every_clip_once(published):
    seen, threads = [], set()

    def progress(done, total):
        seen.append((done, total))
        threads.add(threading.get_ident())

    verify(published.storage, workers=2, progress=progress)
    assert seen == [(n, 12) for n in range(1, 13)]


# --- the shards' bytes


@pytest.mark.parametrize(
    ("at", "what"),
    [
        (lambda row: row["length"] - 100, "the checksum of its data is wrong"),  # in a frame
        (lambda row: 40, "the checksum of its data is wrong"),  # in the head
        (lambda row: row["length"] - 2, "the checksum of its data is wrong"),  # in the checksum itself
        (lambda row: 1, "the checksum of its length is wrong"),
        (lambda row: 9, "the checksum of its length is wrong"),
    ],
)
def test_a_flipped_bit_costs_one_clip(published, at, what):
    row = published.row(1)
    published.damage(published.shard_file(row), flipped(row["offset"] + at(row)))
    problems = published.verify()
    file = published.shard_file(row)
    assert_found(problems, file, f"clip {row['clip_id']}, at byte {row['offset']}", what)
    assert_found(problems, file, "", "its CRC-32C is")
    # The clips behind it are still found, and nothing is said of them.
    assert len(problems) == 2


def test_every_byte_of_a_shard_counts(tmp_path):
    published = Published(tmp_path, clips=2, lengths=[2], sizes=[(16, 16)], splits=["train"])
    row = published.row(0)
    for at in range(0, row["length"], 3):
        published.damage(published.shard_file(row), flipped(at))
        assert any(row["clip_id"] in p.where for p in published.verify()), at
        published.damage(published.shard_file(row), flipped(at))
    assert published.verify() == []


def test_a_truncated_shard(published):
    row = published.row(2)
    published.damage(published.shard_file(row), lambda data: data[:-10])
    problems = published.verify()
    assert_found(problems, published.shard_file(row), f"clip {row['clip_id']}", "the file ends 10 bytes short")
    assert_found(problems, published.shard_file(row), "", "in the manifest")


def test_a_shard_cut_between_two_records(published):
    row = published.row(2)
    published.damage(published.shard_file(row), lambda data: data[: row["offset"]])
    problems = published.verify()
    what = f"no record begins at byte {row['offset']}"
    assert_found(problems, published.shard_file(row), f"clip {row['clip_id']}", what)


def test_a_record_too_many(published):
    row = published.row(0)
    size = (published.path / published.shard_file(row)).stat().st_size
    published.damage(published.shard_file(row), lambda data: data + data[: row["length"]])
    problems = published.verify()
    assert_found(problems, published.shard_file(row), f"record at byte {size}", "no clip of the clip table is here")


def test_two_shards_swapped(published):
    one, other = published.shard_file(published.row(0)), published.shard_file(published.row(3))
    data = (published.path / one).read_bytes()
    published.damage(one, lambda _: (published.path / other).read_bytes())
    published.damage(other, lambda _: data)
    problems = published.verify()
    for row in (published.row(0), published.row(3)):
        assert_found(problems, published.shard_file(row), "", "its CRC-32C is")
        assert_found(problems, published.shard_file(row), f"clip {row['clip_id']}", "its clip_id is")


@pytest.mark.parametrize("ending", ["tfrecord", "index", "frames"])
def test_a_missing_file_of_a_shard(published, ending):
    path = f"shards/{published.row(0)['shard']}.{ending}"
    os.unlink(published.path / path)
    problems = published.verify()
    assert_found(problems, path, "", "is missing")
    assert all(p.file == path or ".tfrecord-" in p.file for p in problems)


def test_an_index_that_lies(published):
    row = published.row(1)
    path = f"shards/{row['shard']}.index"
    published.damage(path, lambda data: data.replace(b" %d\n" % row["length"], b" %d\n" % (row["length"] + 1)))
    problems = published.verify()
    assert_found(problems, path, "line 2", f"length {row['length'] + 1}; the record is at {row['offset']}")
    assert_found(problems, path, "", "its CRC-32C is")
    published.damage(path, lambda data: b"x\n" + data)
    assert_found(published.verify(), path, "", "not lines of offset and length")
    published.damage(path, lambda data: data[2:].splitlines(keepends=True)[0])
    assert_found(published.verify(), path, "", "1 lines, 3 records in the manifest")


def test_frame_sizes_that_lie(published):
    row = published.row(1)
    path = f"shards/{row['shard']}.frames"
    published.damage(path, flipped(4 * row["frames_at"]))
    problems = published.verify()
    assert_found(problems, path, f"clip {row['clip_id']}", "the sizes are not those of its frames")
    assert_found(problems, path, "", "its CRC-32C is")
    assert len(problems) == 2
    published.damage(path, lambda data: data[:-1])
    assert_found(published.verify(), path, "", "ends in the middle of a number")
    published.damage(path, lambda data: data[:-3])
    sizes = (published.path / path).stat().st_size // 4
    assert_found(published.verify(), path, "", f"{sizes} sizes, {sizes + 1} frames in the manifest")


@pytest.mark.parametrize("ending", ["tfrecord", "index", "frames"])
def test_storage_that_cannot_be_read_is_a_problem_too(published, ending):
    path = f"shards/{published.row(0)['shard']}.{ending}"
    os.unlink(published.path / path)
    os.mkdir(published.path / path)
    assert_found(published.verify(), path, "", "cannot be read")


# --- what the records say; every checksum is right


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"label_index": 2}, "its label_index is 2, in the clip table 1"),
        ({"label_text": "diving "}, "its label_text is 'diving ', in the clip table 'diving'"),
        ({"clip_id": "other"}, "its clip_id is 'other'"),
        ({"source": "other.avi"}, "its source is 'other.avi'"),
        ({"dataset": "other"}, "its data set is 'other', in the manifest 'miniature'"),
        ({"fps": 24.0}, "its fps is 24.0, in the clip table 25.0"),
        ({"start": 0.5}, "its start is 0.5, in the clip table None"),
        ({"end": 2.0}, "its end is 2.0, in the clip table None"),
        ({"width": 63}, "its width is 63, in the clip table 64"),
        ({"timestamps": [0, 40, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130]}, "its timestamps do not increase"),
        ({"timestamps": [0, 40]}, "12 frames but 2 timestamps"),
        ({"frame_index": [*range(11, -1, -1)]}, "its frame_index do not increase"),
        ({"frame_index": [0]}, "12 frames but 1 frame_index"),
    ],
)
def test_a_record_that_says_something_else(published, record, what):
    row = next(row for row in published.mini.rows if row["clip_id"] == "clip_0001")
    assert (row["frames"], row["label_index"]) == (12, 1)
    published.rewrite("clip_0001", record=record)
    problems = published.verify()
    assert_found(problems, published.shard_file(row), "clip clip_0001", what)
    assert {p.where.partition(",")[0] for p in problems} == {"clip clip_0001"}


def test_a_frame_that_is_another(published):
    row = published.row(0)
    frames = list(published.mini.frames[row["clip_id"]])
    frames[0], frames[1] = frames[1], frames[0]
    published.rewrite(row["clip_id"], frames=frames)
    problems = published.verify(deep=True)
    assert_found(problems, published.shard_file(row), f"clip {row['clip_id']}", "another digest")
    assert len(problems) == 1


def test_a_frame_too_few(published):
    row = published.row(1)
    frames = published.mini.frames[row["clip_id"]][:-1]
    published.rewrite(row["clip_id"], frames=frames)
    problems = published.verify()
    what = f"{len(frames)} frames, {len(frames) + 1} in the clip table"
    assert_found(problems, published.shard_file(row), f"clip {row['clip_id']}", what)


def broken_scan(frame):
    out = bytearray(frame)
    out[-80:-40] = bytes(40)
    return bytes(out)


@pytest.mark.parametrize(
    ("edit", "what", "deep"),
    [
        (lambda f: f[:-2], "lacks its first or last marker", False),
        (lambda f: b"\0" + f[1:], "lacks its first or last marker", False),
        (lambda f: f[:2] + f[-2:], "not a good JPEG", False),
        (lambda f: encode(draw_frame(1, 1, 32, 48)), "is 32x48, its record says 64x48", False),
        (broken_scan, "not a good JPEG: Corrupt JPEG data", True),
    ],
)
def test_a_frame_that_is_no_good_jpeg(published, edit, what, deep):
    row = published.row(1)
    frames = list(published.mini.frames[row["clip_id"]])
    frames[3] = edit(frames[3])
    published.rewrite(row["clip_id"], frames=frames)
    problems = published.verify(deep=deep)
    assert_found(problems, published.shard_file(row), f"clip {row['clip_id']}, frame 3", what)
    assert len(problems) == 2  # and the digest
    if deep:
        assert len(published.verify()) == 1  # a header says nothing of what follows it


def test_all_frames_bad_is_one_line(published):
    row = published.row(0)
    published.rewrite(row["clip_id"], frames=[f[:-1] for f in published.mini.frames[row["clip_id"]]])
    assert_found(published.verify(), published.shard_file(row), "frame 0", f"(and {row['frames'] - 1} more of its")


def test_a_record_laid_out_otherwise(tmp_path, monkeypatch):
    published = Published(tmp_path, "mediaseq")
    row = published.row(0)

    def shuffled(out, schema, clip):
        # As protobuf writes it: a valid record whose frames are not at its end.
        record = schema.head(clip.record, clip.sizes) + b"".join(schema.prefix(len(f)) + f for f in clip.frames)
        message = SequenceExample.FromString(record)
        lists = message.feature_lists.SerializeToString(deterministic=True)
        message.ClearField("feature_lists")
        record = delimited(2, lists) + message.SerializeToString(deterministic=True)
        out.write(before(len(record)) + record + after(google_crc32c.value(record)))

    monkeypatch.setattr(shard_file, "write_record", shuffled)
    published.rewrite(row["clip_id"])
    problems = published.verify()
    assert_found(problems, published.shard_file(row), f"clip {row['clip_id']}", "not laid out as schema mediaseq")


def test_a_record_of_another_schema(published):
    row = published.row(0)
    published.schema = get_schema("mediaseq")
    published.rewrite(row["clip_id"])
    what = "not a record of this schema: it has no id"
    assert_found(published.verify(), published.shard_file(row), f"clip {row['clip_id']}", what)


# --- the clip table


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"label_index": 2, "label_text": "juggling"}, "in the clip table 'juggling'"),
        ({"length": 100}, "100 in the clip table"),
        ({"frames_at": 3}, "frames_at is 3 in the clip table"),
        ({"digest": "00"}, "another digest"),
        ({"frames": 13}, "12 frames, 13 in the clip table"),
        ({"fps": 25.1}, "its fps is 25.0"),
        ({"offset": 5}, "no record begins at byte 5"),
    ],
)
def test_a_table_that_says_something_else(published, values, what):
    published.cell("clip_0001", **values)
    row = next(row for row in published.mini.rows if row["clip_id"] == "clip_0001")
    assert_found(published.verify(), published.shard_file(row), "clip_0001", what)


def test_a_table_that_is_not_the_manifests(published):
    path = f"{published.folder}/clips.parquet"
    table = pq.read_table(published.path / path)
    pq.write_table(table, published.path / path, compression="gzip")
    problems = published.verify()
    assert_found(problems, path, "", "its SHA-256 is")
    assert len(problems) == 1


def test_a_table_that_cannot_be_read(published):
    path = f"{published.folder}/clips.parquet"
    published.damage(path, lambda data: data[:200] + data[300:])
    assert_found(published.verify(), path, "", "cannot be used, so that no record was checked")
    os.unlink(published.path / path)
    assert_found(published.verify(), path, "", "is missing")


def test_a_table_without_a_column_or_value(published):
    path = f"{published.folder}/clips.parquet"
    published.table(lambda rows: pa.Table.from_pylist(rows).drop_columns(["digest"]))
    assert_found(published.verify(), path, "", "lacks values of digest, so that no record was checked")
    published.table(lambda rows: pa.Table.from_pylist([{**row, "digest": None, "fps": None} for row in rows]))
    assert_found(published.verify(), path, "", "lacks values of digest, fps")


def test_a_clip_lost_from_the_table(published):
    row = published.row(1)
    published.table(lambda rows: rows.pop(1) and None)
    problems = published.verify()
    assert_found(problems, published.shard_file(row), "", "3 records, 2 clips in the clip table")
    where = f"record at byte {row['offset']}"
    assert_found(problems, published.shard_file(row), where, "no clip of the clip table is here")


def test_a_clip_twice_in_the_table(published):
    published.table(lambda rows: rows.append(dict(rows[0])))
    path = f"{published.folder}/clips.parquet"
    assert_found(published.verify(), path, f"clip {published.row(0)['clip_id']}", "is there 2 times")


def test_a_clip_in_another_split(published):
    row = published.row(0)
    published.cell(row["clip_id"], split="val")
    path = f"{published.folder}/clips.parquet"
    assert_found(published.verify(), path, f"shard {row['shard']}", "is of split train, its clips of ")


def test_a_table_that_names_another_shard(published):
    published.cell(published.row(0)["clip_id"], shard="f00")
    assert_found(published.verify(), f"{published.folder}/clips.parquet", "shard f00", "is not in the manifest")


def test_shards_out_of_order(published):
    split = read_manifest(published.storage).splits["train"]

    def swap(manifest):
        shards_of_train = manifest["splits"]["train"]["shards"]
        shards_of_train[0], shards_of_train[1] = shards_of_train[1], shards_of_train[0]

    published.manifest(swap)
    first = min((r for r in published.mini.rows if r["shard"] == split.shards[0]), key=lambda r: r["offset"])
    path = f"{published.folder}/clips.parquet"
    assert_found(published.verify(), path, f"clip {first['clip_id']}", "frames it comes after")


def test_order_is_only_asked_of_sorted_data(tmp_path):
    published = Published(tmp_path, lengths=[5], options={"sort": "random"})
    published.manifest(lambda m: m["splits"]["train"]["shards"].reverse())
    assert not [p for p in published.verify() if "comes after" in p.what]
    published.manifest(lambda m: m["options"].update(sort="length"))
    assert [p for p in published.verify() if "comes after" in p.what]


# --- the manifest, the tables and the names


@pytest.mark.parametrize(
    ("edit", "where", "what"),
    [
        (lambda m: m["splits"]["train"].update(clips=9), "split train", "9 clips, 8 in its shards"),
        (lambda m: m["splits"]["val"].update(frames=1), "split val", "1 frames, "),
        (lambda m: m["splits"]["val"].update(bytes=1), "split val", "1 bytes, "),
        (lambda m: m["splits"]["train"]["shards"].pop(), "shard ", "is 0 times in the splits"),
        (lambda m: m["splits"]["val"]["shards"].extend(m["splits"]["train"]["shards"]), "shard ", "is 2 times in the"),
        (lambda m: m["shards"].popitem(), "shard ", "is in a split but not among the shards"),
        (lambda m: m.update(version="other"), "", "calls its version other"),
        (lambda m: m.update(schema_epoch=0), "", "schema tfds has epoch 0, here 1"),
        (lambda m: m.update(schema="webm"), "", "cannot be used: --schema webm"),
        (lambda m: m.update(layout="x"), "", "cannot be used"),
        (lambda m: m.pop("shards"), "", "cannot be used"),
        (lambda m: m.update(dataset="a-b"), "", "no tables can be made of it: --name a-b"),
    ],
)
def test_a_manifest_that_lies(published, edit, where, what):
    published.manifest(edit)
    assert_found(published.verify(), f"{published.folder}/manifest.json", where, what)


@pytest.mark.parametrize(
    ("key", "value", "file", "what"),
    [
        ("records", 4, "tfrecord", "4 records, 3 clips in the clip table"),
        ("frames", 4, "tfrecord", "4 frames, "),
        ("bytes", 4, "tfrecord", " bytes, 4 in the manifest"),
        ("crc32c", "00000000", "tfrecord", "in the manifest 00000000"),
        ("index_crc32c", "00000000", "index", "in the manifest 00000000"),
        ("frames_crc32c", "00000000", "frames", "in the manifest 00000000"),
    ],
)
def test_a_manifest_that_lies_about_a_shard(published, key, value, file, what):
    shard = published.row(0)["shard"]
    published.manifest(lambda m: m["shards"][shard].update({key: value}))
    assert_found(published.verify(), f"shards/{shard}.{file}", "", what)


def test_a_manifest_that_is_garbage_or_gone(published):
    path = f"{published.folder}/manifest.json"
    published.damage(path, lambda data: data[:50])
    assert_found(published.verify(), path, "", "cannot be used")
    os.unlink(published.path / path)
    assert_found(published.verify(), "CURRENT", "", f"names version {published.mini.version}, which has no manifest")
    with pytest.raises(NoSuchDataset, match="is not there"):
        published.verify(version=published.mini.version)


def test_nothing_published(tmp_path):
    with pytest.raises(NoSuchDataset, match="no published data set here"):
        verify(LocalStorage(str(tmp_path)))


def test_a_layout_of_tomorrow_is_no_damage(published):
    published.manifest(lambda m: m.update(layout=99))
    with pytest.raises(NoSuchDataset, match="pip install -U clipmill"):
        published.verify()


@pytest.mark.parametrize("name", ["label.labels.txt", "features.json", "dataset_info.json"])
def test_a_missing_table(published, name):
    os.unlink(published.path / published.folder / name)
    assert_found(published.verify(), f"{published.folder}/{name}", "", "is missing")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("features.json", b'"3"', b'"4"'),
        ("features.json", b"{", b"["),
        ("dataset_info.json", b'"shardLengths": [\n    "3"', b'"shardLengths": [\n    "2"'),
    ],
)
def test_a_table_of_tfds_that_lies(published, name, old, new):
    def edit(data):
        assert old in data
        return data.replace(old, new, 1)

    published.damage(f"{published.folder}/{name}", edit)
    problems = published.verify()
    assert_found(problems, f"{published.folder}/{name}", "", "does not agree with manifest.json")
    assert len(problems) == 1


def test_json_may_be_written_otherwise(published):
    for name in ("features.json", "dataset_info.json"):
        published.change(f"{published.folder}/{name}", lambda data: json.dumps(json.loads(data)).encode())
    assert published.verify() == []


def test_labels_that_are_not_the_tables(published):
    path = f"{published.folder}/label.labels.txt"
    published.damage(path, lambda data: data.replace(b"diving", b"driving"))
    problems = published.verify()
    assert_found(problems, path, "class 1", "is 'driving', in clips.parquet 'diving'")
    assert len(problems) == 1
    published.damage(path, lambda data: data.replace(b"juggling\n", b""))
    assert_found(published.verify(), path, "class 2", "is None, in clips.parquet 'juggling'")


def test_names_that_are_not_the_shards(published):
    one, other = (f"{published.folder}/miniature-train.tfrecord-0000{n}-of-00003" for n in range(2))
    os.unlink(published.path / one)
    assert_found(published.verify(), one, "", "is missing")
    os.link(published.path / other, published.path / one)
    assert_found(published.verify(), one, "", "is not the same as shards/")
    shutil.copyfile(published.path / published.shard_file(published.row(0)), published.path / "copy")
    os.replace(published.path / "copy", published.path / one)
    assert published.verify() == []  # a copy is as good as a link
    stale = f"{published.folder}/miniature-train.tfrecord-00003-of-00004"
    (published.path / stale).write_bytes(b"")
    assert_found(published.verify(), stale, "", "is not one of the manifest's shards")


def test_a_link_to_another_version(published):
    os.unlink(published.path / "latest")
    os.symlink("versions/0000", published.path / "latest")
    assert_found(published.verify(), "latest", "", f"leads to versions/0000, not to {published.mini.version}")


def test_many_problems_are_all_found(published):
    os.unlink(published.path / f"shards/{published.row(0)['shard']}.index")
    published.damage(published.shard_file(published.row(4)), flipped(60))
    published.manifest(lambda m: m["splits"]["train"].update(clips=9))
    problems = published.verify(workers=2)
    assert_found(problems, f"shards/{published.row(0)['shard']}.index", "", "is missing")
    assert_found(problems, published.shard_file(published.row(4)), "clip", "the checksum of its data is wrong")
    assert_found(problems, f"{published.folder}/manifest.json", "split train", "9 clips, 8 in its shards")


def test_a_problem_is_one_plain_line(published):
    os.unlink(published.path / published.shard_file(published.row(0)))
    lines = [str(problem) for problem in published.verify()]
    assert f"shards/{published.row(0)['shard']}.tfrecord: is missing" in lines
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize("schema", ["tfds", "frames", "mediaseq"])
def test_lists_of_labels_are_held_against_records_and_names(tmp_path, schema):
    published = Published(tmp_path / "out", schema, multi_label=True, unlabelled=(2,))
    assert published.verify() == []
    row = next(row for row in published.mini.rows if row["label_text"] == ("boxing", "diving"))
    name = row["clip_id"]
    published.cell(name, label_index=[0, 2], label_text=["boxing", "juggling"])
    assert_found(published.verify(), published.shard_file(row), name, "in the clip table ('boxing', 'juggling')")
    published.cell(name, label_index=[0, 1], label_text=["boxing", "juggling"])
    label_file = f"{published.folder}/{LABELS}"
    assert_found(published.verify(), label_file, "class 1", "is 'diving', in clips.parquet 'juggling'")
    published.cell(name, label_index=[0, -1], label_text=["boxing", ""])
    assert_found(published.verify(), label_file, "class -1", "is None, in clips.parquet ''")
    published.cell(name, label_index=[0, 1], label_text=["boxing"])
    assert_found(published.verify(), f"{published.folder}/clips.parquet", "", "more labels than names of labels")
