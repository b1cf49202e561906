from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protos import CLIP, FRAMES, NAMES, Example, SequenceExample, serialize

from clipmill.errors import DataError, UsageError
from clipmill.records import get_schema, protobuf
from clipmill.records.base import ClipRecord


def parsed(name, record):
    """The record's features as protobuf itself reads them: plain lists by key."""
    if name == "mediaseq":
        message = SequenceExample.FromString(record)
        found = {key: plain(value) for key, value in message.context.feature.items()}
        lists = message.feature_lists.feature_list.items()
        return found | {key: [plain(feature) for feature in value.feature] for key, value in lists}
    return {key: plain(value) for key, value in Example.FromString(record).features.feature.items()}


def plain(feature):
    return list(getattr(feature, feature.WhichOneof("kind")).value)


int64 = st.integers(-(2**63), 2**63 - 1)
seconds = st.none() | st.integers(0, 10**11).map(lambda micros: micros / 1e6)
frames_of_clips = st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=8)


@st.composite
def clips(draw):
    frames = draw(frames_of_clips)
    numbers = st.lists(int64, min_size=len(frames), max_size=len(frames))
    text = st.text(max_size=200)
    clip = ClipRecord(
        clip_id=draw(text),
        source=draw(text),
        dataset=draw(text),
        label_index=draw(st.integers(-1, 2**31 - 1)),
        label_text=draw(text),
        start=draw(seconds),
        end=draw(seconds),
        fps=draw(st.floats(0, 1e6, width=32)),
        width=draw(st.integers(1, 2**31 - 1)),
        height=draw(st.integers(1, 2**31 - 1)),
        timestamps=draw(numbers),
        frame_index=draw(numbers),
    )
    return clip, frames


@pytest.mark.parametrize("name", NAMES)
@given(made=clips())
@settings(max_examples=150, deadline=None)
def test_parse_is_the_inverse_and_protobuf_reads_the_same(name, made):
    clip, frames = made
    schema = get_schema(name)
    record = serialize(schema, clip, frames)
    assert schema.parse(record) == (clip, frames)
    key, id_key, times_key = {
        "tfds": ("video", "id", "timestamp"),
        "frames": ("frames", "id", "timestamps"),
        "mediaseq": ("image/encoded", "example/id", "image/timestamp"),
    }[name]
    found = parsed(name, record)
    wrapped = (lambda values: [[value] for value in values]) if name == "mediaseq" else list
    assert found[key] == wrapped(frames)
    assert found[times_key] == wrapped(clip.timestamps)
    assert found[id_key] == [clip.clip_id.encode()]


@pytest.mark.parametrize("name", NAMES)
@given(made=clips())
@settings(max_examples=50, deadline=None)
def test_parse_reads_what_protobuf_writes_in_its_own_order(name, made):
    clip, frames = made
    message = (SequenceExample if name == "mediaseq" else Example).FromString(serialize(get_schema(name), clip, frames))
    assert get_schema(name).parse(message.SerializeToString()) == (clip, frames)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_records_give_an_error_of_ours_or_a_record(name, data):
    record = bytearray(serialize(get_schema(name), CLIP, FRAMES))
    for _ in range(data.draw(st.integers(1, 4))):
        record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    del record[data.draw(st.integers(1, len(record))) :]
    try:
        get_schema(name).parse(bytes(record))
    except DataError as error:
        assert str(error).startswith("not a record")


@pytest.mark.parametrize("name", NAMES)
@given(made=clips(), cut=st.integers(0, 10))
@settings(max_examples=60, deadline=None)
def test_the_head_tells_of_every_frame_wherever_the_frames_are_cut(name, made, cut):
    clip, frames = made
    schema = get_schema(name)
    record = serialize(schema, clip, frames)
    begin = len(schema.head(clip, [len(frame) for frame in frames]))
    facts = schema.parse_head(record[: begin + cut])
    assert facts.times.tolist() == clip.timestamps
    assert facts.numbers.tolist() == clip.frame_index


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_head_gives_an_error_of_ours_or_as_many_times_as_numbers(name, data):
    schema = get_schema(name)
    head = bytearray(schema.head(CLIP, [len(frame) for frame in FRAMES]))
    for _ in range(data.draw(st.integers(0, 6))):
        head[data.draw(st.integers(0, len(head) - 1))] = data.draw(st.integers(0, 255))
    del head[data.draw(st.integers(0, len(head))) :]
    try:
        facts = schema.parse_head(bytes(head))
    except DataError as error:
        assert str(error).startswith("not a record")
        return
    assert len(facts.times) == len(facts.numbers)


def test_long_runs_of_numbers_are_read_like_short_ones():
    numbers = [0, 1, -1, 2**63 - 1, -(2**63), 300] * 20
    feature = memoryview(protobuf.int_feature(numbers))
    assert protobuf.ints(feature).tolist() == numbers
    endless = memoryview(protobuf.delimited(3, protobuf.delimited(1, b"\x80" * 60 + b"\x01")))
    with pytest.raises(DataError, match="a number does not end"):
        protobuf.ints(endless)


@pytest.mark.parametrize("name", NAMES)
@given(noise=st.binary(max_size=60))
@settings(deadline=None)
def test_noise_is_no_record(name, noise):
    with pytest.raises(DataError):
        get_schema(name).parse(noise)


@given(st.lists(int64), st.lists(st.floats(width=32, allow_nan=False)), st.lists(st.binary()))
@settings(deadline=None)
def test_features_are_those_of_protobuf(ints, floats, texts):
    entries = {"i": protobuf.int_feature(ints), "f": protobuf.float_feature(floats), "b": protobuf.bytes_feature(texts)}
    message = b"".join(protobuf.entry(key, feature) for key, feature in entries.items())
    feature = Example.FromString(protobuf.delimited(1, message)).features.feature
    assert (plain(feature["i"]), plain(feature["f"]), plain(feature["b"])) == (ints, floats, texts)
    assert protobuf.parse_features(memoryview(message)) == {"i": ints, "f": floats, "b": texts}


def test_unpacked_numbers_are_read_too():
    ints = protobuf.delimited(3, b"\x08\x05" + b"\x08" + protobuf.varint(-7))
    floats = protobuf.delimited(2, b"\x0d\x00\x00\x80\x3f")
    message = protobuf.entry("i", ints) + protobuf.entry("f", floats)
    assert protobuf.parse_features(memoryview(message)) == {"i": [5, -7], "f": [1.0]}


@pytest.mark.parametrize("name", NAMES)
def test_the_epoch_pins_the_bytes(name):
    # A change here changes every published record: raise the schema's epoch with it.
    expected = {
        "tfds": (1, "bef2d663d9f6e06d"),
        "frames": (1, "67a8aabfde4c44ae"),
        "mediaseq": (1, "cb529f1ca088f09a"),
    }
    schema = get_schema(name)
    unlabelled = msgspec.structs.replace(CLIP, label_index=-1, label_text="", start=None, end=None)
    records = serialize(schema, CLIP, FRAMES) + serialize(schema, unlabelled, FRAMES)
    assert (schema.epoch, hashlib.sha256(records).hexdigest()[:16]) == expected[name]


@pytest.mark.parametrize("name", NAMES)
def test_unlabelled_whole_file(name):
    clip = msgspec.structs.replace(CLIP, label_index=-1, label_text="", start=None, end=None, source="näme 動画.mp4")
    assert get_schema(name).parse(serialize(get_schema(name), clip, FRAMES)) == (clip, FRAMES)


def test_tfds_features_by_key():
    assert parsed("tfds", serialize(get_schema("tfds"), CLIP, FRAMES)) == {
        "id": [b"v_Biking_g07_c02"],
        "source": [b"Biking/v_Biking_g07_c02.avi"],
        "dataset": [b"ucf"],
        "label": [10],
        "label_text": [b"Biking"],
        "start": [1_250_000],
        "end": [2_500_000],
        "fps": [25.0],
        "height": [240],
        "width": [320],
        "num_frames": [3],
        "timestamp": [0, 40_000, 80_000],
        "frame_index": [0, 2, 4],
        "video": FRAMES,
    }


def test_frames_features_by_key():
    found = parsed("frames", serialize(get_schema("frames"), CLIP, FRAMES))
    expected = {
        "frames": FRAMES,
        "num_frames": [3],
        "height": [240],
        "width": [320],
        "channels": [3],
        "class_label": [10],
        "class_text": [b"Biking"],
        "filename": [b"Biking/v_Biking_g07_c02.avi"],
        "timestamps": [0, 40_000, 80_000],
    }
    assert {key: found[key] for key in expected} == expected


def test_mediaseq_features_by_key():
    assert parsed("mediaseq", serialize(get_schema("mediaseq"), CLIP, FRAMES)) == {
        "example/id": [b"v_Biking_g07_c02"],
        "example/dataset_name": [b"ucf"],
        "clip/data_path": [b"Biking/v_Biking_g07_c02.avi"],
        "clip/media_id": [b"v_Biking_g07_c02"],
        "clip/label/index": [10],
        "clip/label/text": [b"Biking"],
        "clip/label/string": [b"Biking"],
        "clip/start/timestamp": [1_250_000],
        "clip/end/timestamp": [2_500_000],
        "image/format": [b"JPEG"],
        "image/channels": [3],
        "image/colorspace": [b"RGB"],
        "image/height": [240],
        "image/width": [320],
        "image/frame_rate": [25.0],
        "image/timestamp": [[0], [40_000], [80_000]],
        "image/frame_index": [[0], [2], [4]],
        "image/encoded": [[frame] for frame in FRAMES],
    }


def test_a_record_of_one_schema_is_none_of_another():
    for wrote in NAMES:
        for read in NAMES:
            if wrote != read:
                with pytest.raises(DataError, match="not a record of this schema: it has no"):
                    get_schema(read).parse(serialize(get_schema(wrote), CLIP, FRAMES))


def test_unknown_schema_is_named():
    with pytest.raises(UsageError, match=r"^--schema webm: not one of tfds, frames, pairs, mediaseq$"):
        get_schema("webm")
