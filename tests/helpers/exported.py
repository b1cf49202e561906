"""Reads exports back: each clip's stored frames, of every format."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from urllib.parse import unquote

import av
import pyarrow.parquet as pq
import pytest
from protos import SequenceExample

from clipmill.records import get_schema
from clipmill.records.tfrecord import read_records


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
        path = dest / f"{split}.txt"
        for line in path.read_text().splitlines() if path.exists() else ():
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
        path = dest / f"{split}.txt"
        for line in path.read_text().splitlines() if path.exists() else ():
            video = line.rsplit(" ", 1)[0]
            found[unquote(video.removeprefix(f"{split}/").removesuffix(".mp4"))] = packets(str(dest / video))
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


def frames_in_windows(dest: Path) -> dict[str, list[bytes]]:
    """The JPEGs of each clip's windows, one after the other; a clip is named by the end of its id."""
    found: dict[str, list[bytes]] = {}
    for path in sorted(dest.glob("*.tfrecord-*")):
        for _, record in read_records(path.read_bytes(), str(path)):
            message = SequenceExample.FromString(record)
            name = message.context.feature["name"].bytes_list.value[0].decode()
            images = message.feature_lists.feature_list["Images"].feature
            found.setdefault(name, []).extend(image.bytes_list.value[0] for image in images)
    return found


READERS = {
    "windows": frames_in_windows,
    "array_record": frames_in_array_records,
    "webdataset": frames_in_tars,
    "parquet": frames_in_parquet,
    "frames": frames_in_folders,
    "mjpeg": frames_in_videos,
    "tfds": frames_in_records("tfds"),
    "mediaseq": frames_in_records("mediaseq"),
    "frames-example": frames_in_records("frames"),
}


def expected(to: str, frames: dict[str, list[bytes]], length: int) -> dict[str, list[bytes]]:
    """What an export holds of these clips: all their frames, and of windows as many as fill windows of `length`."""
    if to != "windows":
        return frames
    whole = {clip.rpartition("/")[2].removeprefix("v_"): of_clip for clip, of_clip in frames.items()}
    assert len(whole) == len(frames)
    return {clip: of_clip[: len(of_clip) // length * length] for clip, of_clip in whole.items()}
