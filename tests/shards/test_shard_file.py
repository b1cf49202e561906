from __future__ import annotations

import os
import random
import struct
import tracemalloc

import google_crc32c
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protos import CLIP, NAMES, serialize

from clipmill.errors import DataError, StorageError
from clipmill.layout import ShardEntry, frames_path, index_path, shard_path
from clipmill.records import get_schema
from clipmill.records.tfrecord import after, before
from clipmill.shards import shard_file
from clipmill.shards.shard_file import (
    RecordPlace,
    ShardClip,
    frame_ranges,
    read_index,
    read_places,
    read_sizes,
    shard_entry,
    write_shard,
)
from clipmill.storage import LocalStorage


def make_clips(lengths=(3, 1, 5), sizes=(1, 200), seed=0):
    draw = random.Random(seed)
    clips = []
    for number, length in enumerate(lengths):
        frames = [draw.randbytes(draw.randint(*sizes)) for _ in range(length)]
        record = msgspec.structs.replace(
            CLIP, clip_id=f"clip{number}", timestamps=[*range(length)], frame_index=[*range(length)]
        )
        clips.append(ShardClip(record, [len(frame) for frame in frames], frames))
    return clips


def read_back(tmp_path, shard="a"):
    return [(tmp_path / path(shard)).read_bytes() for path in (shard_path, index_path, frames_path)]


def everything_in(folder):
    return [name for _, _, names in os.walk(folder) for name in names]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("chunk", [1, 64, 4 << 20])
def test_the_files_hold_what_the_simplest_writer_would_write(tmp_path, monkeypatch, name, chunk):
    monkeypatch.setattr(shard_file, "CHUNK", chunk)
    schema, clips = get_schema(name), make_clips()
    entry, places = write_shard(LocalStorage(str(tmp_path)), "a", schema, iter(clips))

    records = [serialize(schema, clip.record, clip.frames) for clip in clips]
    framed = [before(len(record)) + record + after(google_crc32c.value(record)) for record in records]
    starts = [sum(map(len, framed[:n])) for n in range(3)]
    index = "".join(f"{start} {len(data)}\n" for start, data in zip(starts, framed, strict=True)).encode()
    sizes = struct.pack("<9I", *(size for clip in clips for size in clip.sizes))
    assert read_back(tmp_path) == [b"".join(framed), index, sizes]
    assert places == [RecordPlace(s, len(d), at) for s, d, at in zip(starts, framed, (0, 3, 4), strict=True)]
    crcs = [f"{google_crc32c.value(data):08x}" for data in (b"".join(framed), index, sizes)]
    assert entry == ShardEntry(3, 9, sum(map(len, framed)), *crcs)


@pytest.mark.parametrize("name", NAMES)
def test_frame_ranges_are_where_the_frames_are(tmp_path, name):
    storage, schema = LocalStorage(str(tmp_path)), get_schema(name)
    # Sizes around those where a varint grows, so that prefixes differ in length.
    edges = [1, 127, 128, 129, 16381, 16383, 16384, 16390, 2097151, 2097153]
    frames = [bytes([n]) * size for n, size in enumerate(edges)]
    record = msgspec.structs.replace(CLIP, timestamps=[*range(10)], frame_index=[*range(10)])
    clips = [*make_clips(), ShardClip(record, edges, frames)]
    _, places = write_shard(storage, "a", schema, clips)
    all_sizes = read_sizes(storage, "a")
    for clip, place in zip(clips, places, strict=True):
        sizes = all_sizes[place.frames_at : place.frames_at + len(clip.sizes)].tolist()
        ranges = frame_ranges(schema, place, sizes)
        assert storage.read_ranges(shard_path("a"), ranges) == clip.frames


def test_what_is_known_of_a_shard_is_found_again_in_its_files(tmp_path):
    storage = LocalStorage(str(tmp_path))
    clips = make_clips()
    entry, places = write_shard(storage, "a", get_schema("tfds"), clips)
    assert shard_entry(storage, "a") == entry
    assert read_places(storage, "a", [3, 1, 5]) == places
    with pytest.raises(DataError, match=r"shards/a\.index: 3 records, 2 expected"):
        read_places(storage, "a", [3, 1])
    storage.put(index_path("a"), b"0 12\nnonsense\n")
    with pytest.raises(DataError, match=r"shards/a\.index: not lines"):
        read_places(storage, "a", [3, 1])
    storage.put(frames_path("a"), b"12345")
    with pytest.raises(DataError, match=r"shards/a\.frames: ends in the middle"):
        read_sizes(storage, "a")
    storage.delete(index_path("a"))
    with pytest.raises(FileNotFoundError):
        shard_entry(storage, "a")


@given(data=st.binary(max_size=40) | st.text("0123456789 -+_.\n", max_size=60).map(str.encode))
@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_an_index_or_none(tmp_path, data):
    storage = LocalStorage(str(tmp_path))
    storage.put(index_path("a"), data)
    try:
        spans = read_index(storage, "a")
    except DataError as error:
        assert str(error) == "shards/a.index: not lines of offset and length"
        return
    lines = data.decode().splitlines()
    assert [tuple(map(int, line.split(" "))) for line in lines] == spans
    assert all(0 <= number < 1 << 63 for span in spans for number in span)


def test_views_and_bytes_give_the_same_shard(tmp_path):
    storage, schema = LocalStorage(str(tmp_path)), get_schema("mediaseq")
    clips = make_clips()
    write_shard(storage, "a", schema, clips)
    write_shard(storage, "b", schema, [clip._replace(frames=map(memoryview, clip.frames)) for clip in clips])
    assert read_back(tmp_path, "a") == read_back(tmp_path, "b")


def test_the_tfrecord_appears_last(tmp_path):
    done = []

    class Watched(LocalStorage):
        def put(self, path, data, *, durable=True):
            super().put(path, data, durable=durable)
            done.append((path, os.path.exists(self.path(shard_path("a")))))

    storage = Watched(str(tmp_path))
    write_shard(storage, "a", get_schema("tfds"), make_clips())
    assert sorted(done) == [("shards/a.frames", False), ("shards/a.index", False)]
    assert os.path.exists(storage.path(shard_path("a")))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda f: [f[0], f[1] + b"x", *f[2:]], "clip2: frame 1 of 5 has {1} bytes, {0} bytes were announced"),
        (lambda f: f[:3], "clip2: frame 3 of 5 is missing"),
        (lambda f: [*f, b"x"], "clip2: more frames than the 5 that were announced"),
    ],
)
def test_frames_that_are_not_those_announced_leave_nothing(tmp_path, broken, message):
    clips = make_clips()
    size = clips[2].sizes[1]
    clips[2] = clips[2]._replace(frames=broken(clips[2].frames))
    with pytest.raises(DataError, match=message.format(size, size + 1)):
        write_shard(LocalStorage(str(tmp_path)), "a", get_schema("tfds"), clips)
    assert everything_in(tmp_path) == []


def test_a_source_of_frames_that_fails_leaves_nothing(tmp_path):
    def frames():
        yield from make_clips()[0].frames[:2]
        raise StorageError("the fragment is gone")

    clips = [make_clips()[0]._replace(frames=frames())]
    with pytest.raises(StorageError, match="the fragment is gone"):
        write_shard(LocalStorage(str(tmp_path)), "a", get_schema("tfds"), clips)
    assert everything_in(tmp_path) == []


def test_a_record_above_the_limit_is_refused_before_a_frame_is_taken(tmp_path):
    def frames():
        raise AssertionError("a frame was asked for")
        yield b""

    clip = ShardClip(CLIP, [400 << 20, 400 << 20, 400 << 20], frames())
    with pytest.raises(DataError, match=r"v_Biking_g07_c02: .*1,073,741,824.*--max-frames.*--segment-seconds"):
        write_shard(LocalStorage(str(tmp_path)), "a", get_schema("tfds"), [clip])
    assert everything_in(tmp_path) == []


def test_memory_is_a_chunk_not_a_record(tmp_path):
    frame = bytes(50_000)
    count = 1200  # 60 MB
    record = msgspec.structs.replace(CLIP, timestamps=[*range(count)], frame_index=[*range(count)])
    clip = ShardClip(record, [len(frame)] * count, (bytes(frame) for _ in range(count)))
    tracemalloc.start()
    write_shard(LocalStorage(str(tmp_path)), "a", get_schema("tfds"), [clip])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * shard_file.CHUNK
    assert (tmp_path / "shards/a.tfrecord").stat().st_size > 60_000_000


def test_no_clips_make_an_empty_shard(tmp_path):
    entry, places = write_shard(LocalStorage(str(tmp_path)), "a", get_schema("tfds"), [])
    assert (entry.records, entry.bytes, places) == (0, 0, [])
    assert read_back(tmp_path) == [b"", b"", b""]
