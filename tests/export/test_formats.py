"""Every format holds the frames of the data set, byte for byte, in the order it promises."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pyarrow.parquet as pq
import pytest
from commanding import clipmill, refused
from exported import READERS, expected, frames_in_records, packets
from miniature import Miniature, publish_miniature

from clipmill.export import FORMATS
from clipmill.export.tar import Tar
from clipmill.layout import LABELS, read_manifest, shard_path
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


def started(*arguments: object, **more: object) -> None:
    raise AssertionError("a child process was started")


@pytest.fixture
def no_child(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.subprocess, "Popen", started)


@pytest.mark.parametrize("to", sorted(FORMATS))
def test_every_frame_is_there_byte_for_byte(mini, tmp_path, no_child, to):
    words = ("--encoding", "jpeg", "--sequence-length", 1) if to == "windows" else ()
    done = export(mini, to, tmp_path / "x", "--shard-mb", 1, *words)
    assert (done["clips"], done["left_out"], done["version"]) == (len(mini.rows), [], mini.version)
    assert READERS[to](tmp_path / "x") == expected(to, mini.frames, 1)


@pytest.mark.slow
def test_97_real_clips_come_back_from_every_format(shared_data, tmp_path, monkeypatch):
    """Of windows of 16 the JPEGs are those of the clip's frames, without the last 0 to 15."""
    out = tmp_path / "out"
    assert clipmill("build", shared_data / "videos" / "ucf101", "--out", out, "--shard-mb", 64).code == 0
    frames = frames_in_records("tfds")(out / "latest")
    assert len(frames) == 97 and sum(map(len, frames.values())) == 16_880
    monkeypatch.setattr(pool.subprocess, "Popen", started)
    for to in FORMATS:
        words = ("--encoding", "jpeg", "--sequence-length", 16) if to == "windows" else ()
        ran = clipmill("export", out, "--to", to, "--dest", tmp_path / "x", "--json", *words)
        assert (ran.code, ran.json["clips"], ran.json["left_out"]) == (0, 97, []), to
        assert READERS[to](tmp_path / "x") == expected(to, frames, 16), to
        shutil.rmtree(tmp_path / "x")


def test_all_formats_are_read_by_these_tests():
    assert set(FORMATS) == set(READERS)


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
