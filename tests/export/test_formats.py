"""Every format holds the frames of the data set, byte for byte, in the order it promises."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import av
import msgspec
import pyarrow.parquet as pq
import pytest
from commanding import clipmill, refused
from miniature import Miniature, publish_miniature

from clipmill.export import FORMATS
from clipmill.export.tar import Tar
from clipmill.layout import LABELS, read_manifest, shard_path
from clipmill.records import get_schema
from clipmill.records.tfrecord import read_records
from clipmill.storage import open_storage
from clipmill.workers import pool


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """Twelve clips, two of them unlabelled, in two splits."""
    return publish_miniature(tmp_path_factory.mktemp("mini") / "out", unlabelled=(3, 4))


def export(mini: Miniature, to: str, dest: Path, *words: object) -> dict:
    ran = clipmill("export", mini.path, "--to", to, "--dest", dest, "--json", *words)
    assert ran.code == 0, ran.err
    return ran.json


def frames_in_tars(dest: Path) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for path in sorted(dest.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, ending = member.name.split(".", 1)
                data = tar.extractfile(member).read()
                if ending == "json":
                    assert json.loads(data)["clip_id"] == unquote(key) and list(found)[-1] == unquote(key)
                    continue
                frames = found.setdefault(unquote(key), [])
                assert list(found)[-1] == unquote(key) and ending == f"{len(frames):04d}.jpg"
                frames.append(data)
    return found


def frames_in_parquet(dest: Path) -> dict[str, list[bytes]]:
    tables = [pq.read_table(path) for path in sorted((dest / "data").iterdir())]
    rows = [row for table in tables for row in table.to_pylist()]
    return {row["id"]: [image["bytes"] for image in row["frames"]] for row in rows}


def frames_in_folders(dest: Path) -> dict[str, list[bytes]]:
    found = {}
    for split in ("train", "val"):
        for line in (dest / f"{split}.txt").read_text().splitlines():
            folder, frames, _ = line.split(" ")
            clip = unquote(folder.removeprefix(f"{split}/"))
            found[clip] = [(dest / folder / f"{number}.jpg").read_bytes() for number in range(int(frames))]
    return found


def packets(video: bytes | str) -> list[bytes]:
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else video) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def frames_in_videos(dest: Path) -> dict[str, list[bytes]]:
    found = {}
    for split in ("train", "val"):
        for line in (dest / f"{split}.txt").read_text().splitlines():
            path = line.rsplit(" ", 1)[0]
            found[unquote(path.removeprefix(f"{split}/").removesuffix(".mp4"))] = packets(str(dest / path))
    return found


def frames_in_records(schema: str) -> object:
    def read(dest: Path) -> dict[str, list[bytes]]:
        found = {}
        for path in sorted(dest.glob("*.tfrecord-*")):
            for _, record in read_records(path.read_bytes(), str(path)):
                clip, frames = get_schema(schema).parse(record)
                found[clip.clip_id] = frames
        return found

    return read


def frames_in_array_records(dest: Path) -> dict[str, list[bytes]]:
    module = pytest.importorskip("array_record.python.array_record_module")
    found = {}
    for path in sorted(dest.glob("*.array_record-*")):
        reader = module.ArrayRecordReader(str(path), "")
        for number in range(reader.num_records()):
            clip, frames = get_schema("tfds").parse(reader.read([number])[0])
            found[clip.clip_id] = frames
        reader.close()
    return found


READERS = {
    "array_record": frames_in_array_records,
    "webdataset": frames_in_tars,
    "parquet": frames_in_parquet,
    "frames": frames_in_folders,
    "mjpeg": frames_in_videos,
    "tfds": frames_in_records("tfds"),
    "mediaseq": frames_in_records("mediaseq"),
    "frames-example": frames_in_records("frames"),
}


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def start(*arguments: object, **more: object) -> None:
        raise AssertionError("a child process was started")

    monkeypatch.setattr(pool.subprocess, "Popen", start)
    yield


@pytest.mark.parametrize("to", sorted(READERS))
def test_every_frame_is_there_byte_for_byte(mini, tmp_path, no_child, to):
    done = export(mini, to, tmp_path / "x", "--shard-mb", 1)
    assert (done["clips"], done["left_out"], done["version"]) == (len(mini.rows), [], mini.version)
    assert READERS[to](tmp_path / "x") == mini.frames


def test_all_formats_are_read_by_these_tests():
    assert set(FORMATS) == {*READERS, "windows"}


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_the_same_export_has_the_same_bytes_and_a_rerun_writes_what_is_missing(mini, tmp_path, to):
    words = ("--sequence-length", 2, "--size", "32x24") if to == "windows" else ()
    export(mini, to, tmp_path / "a", *words, "--workers", 1)
    export(mini, to, tmp_path / "b", *words, "--workers", 3)

    def content(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    first = content(tmp_path / "a")
    assert first == content(tmp_path / "b")
    assert export(mini, to, tmp_path / "b", *words)["written"] == 0
    gone = next(
        name for name in first if name.endswith((".tar", ".parquet", ".mp4")) or "record-" in name or "/" in name
    )
    # A run that was killed lacks the last frames of a clip.
    (tmp_path / "b" / gone).unlink()
    for later in Path(tmp_path / "b" / gone).parent.glob("*.jpg"):
        if int(later.stem) > int(Path(gone).stem):
            later.unlink()
    export(mini, to, tmp_path / "b", *words)
    assert content(tmp_path / "b") == first


def test_labels_go_along(mini, tmp_path):
    labels = {row["clip_id"]: row["label_index"] for row in mini.rows}
    export(mini, "parquet", tmp_path / "p")
    rows = [r for path in (tmp_path / "p/data").iterdir() for r in pq.read_table(path).to_pylist()]
    assert {row["id"]: -1 if row["label"] is None else row["label"] for row in rows} == labels
    features = json.loads(pq.read_schema(next((tmp_path / "p/data").iterdir())).metadata[b"huggingface"])
    names = (mini.path / "versions" / mini.version / LABELS).read_text().splitlines()
    assert features["info"]["features"]["label"] == {"names": names, "_type": "ClassLabel"}
    export(mini, "webdataset", tmp_path / "w")
    for path in (tmp_path / "w").glob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.name.endswith(".json"):
                    record = json.loads(tar.extractfile(member).read())
                    assert record["label_index"] == labels[record["clip_id"]]


def test_one_video_a_clip(mini, tmp_path):
    export(mini, "webdataset", tmp_path / "x", "--one-video", "--split", "val")
    found = {}
    for path in (tmp_path / "x").glob("*.tar"):
        with tarfile.open(path) as tar:
            found |= {
                m.name.removesuffix(".mp4"): packets(tar.extractfile(m).read()) for m in tar if m.name.endswith(".mp4")
            }
    assert {unquote(key): frames for key, frames in found.items()} == {
        row["clip_id"]: mini.frames[row["clip_id"]] for row in mini.rows if row["split"] == "val"
    }


def test_orders(mini, tmp_path):
    def order(dest: Path, *words: object) -> list[str]:
        export(mini, "tfds", dest, "--split", "train", *words)
        return list(frames_in_records("tfds")(dest))

    frames = {row["clip_id"]: row["frames"] for row in mini.rows}
    by_length = order(tmp_path / "a", "--order", "length")
    assert by_length == sorted(by_length, key=lambda clip: (frames[clip], clip))
    one, two = order(tmp_path / "b"), order(tmp_path / "c", "--seed", 1)
    assert sorted(one) == sorted(two) == sorted(by_length) and len({*map(tuple, (one, two, by_length))}) == 3


def test_a_folder_holds_one_export(mini, tmp_path):
    export(mini, "tfds", tmp_path / "x")
    message = refused("export", mini.path, "--to", "tfds", "--dest", tmp_path / "x", "--seed", 1)
    assert message.endswith("the folder holds another export, with other options; name a new one, or remove it")
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "mine").write_text("")
    message = refused("export", mini.path, "--to", "tfds", "--dest", tmp_path / "y")
    assert message.endswith(f"--dest {tmp_path / 'y'}: the folder is not empty; name a new one")


def test_options_of_another_format(mini, tmp_path):
    message = refused("export", mini.path, "--to", "tfds", "--dest", tmp_path / "x", "--batch-size", 2)
    assert message.endswith("--batch-size means nothing with --to tfds; leave it out")
    message = refused("export", mini.path, "--to", "tfds", "--dest", tmp_path / "x", "--split", "dev")
    assert message.endswith("--split dev: the data set has train, val")


def test_a_damaged_record_is_no_export(mini, tmp_path):
    copy = publish_miniature(tmp_path / "out")
    shard = copy.path / shard_path(read_manifest(open_storage(str(copy.path))).splits["train"].shards[0])
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    for named in (copy.path / "versions").rglob("*.tfrecord-*"):
        if named.stat().st_ino != shard.stat().st_ino and named.stat().st_size == len(data):
            named.write_bytes(data)
    ran = clipmill("export", copy.path, "--to", "tfds", "--dest", tmp_path / "x", "--workers", 1)
    assert ran.code == 1 and "checksum" in ran.err
    assert not msgspec.json.decode((tmp_path / "x" / "export.json").read_bytes())["done"]
    assert open_storage(str(tmp_path / "x")).children()[1] == ("export.json",)


def test_tars_are_those_of_tarfile_member_by_member(tmp_path):
    members = [("a.0000.jpg", b"x" * 511), ("b/" + "c" * 98 + ".jpg", b"y" * 512), ("d" * 101, b""), ("é.json", b"{}")]
    with open(tmp_path / "ours.tar", "wb") as out:
        ours = Tar(out)
        for name, data in members:
            ours.add(name, memoryview(data))
        ours.close()
    with tarfile.open(tmp_path / "theirs.tar", "w|", format=tarfile.PAX_FORMAT) as theirs:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            theirs.addfile(info, io.BytesIO(data))
    assert (tmp_path / "ours.tar").read_bytes() == (tmp_path / "theirs.tar").read_bytes()
