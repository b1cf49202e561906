"""Records of images with masks: protobuf reads what the schema writes, and every byte range is where it should be."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protos import Example

from clipmill.errors import DataError
from clipmill.records import get_schema
from clipmill.records.base import ClipRecord
from clipmill.records.pairs import FPS, NUMBERS, TIMES
from clipmill.records.tfrecord import read_record
from clipmill.shards.shard_file import ShardClip, frame_ranges, write_shard
from clipmill.storage import open_storage

KEYS = {"pairs": ("image/encoded", "mask/encoded"), "pairs-raw": ("image_raw", "mask_raw")}


def clip(**facts) -> ClipRecord:
    known = dict(
        clip_id="a/1", source="a/1.jpg", dataset="voc", label_index=-1, label_text="", start=None, end=None, fps=FPS,
        width=5, height=3, timestamps=TIMES, frame_index=NUMBERS,
    )  # fmt: skip
    return ClipRecord(**(known | facts))


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("name", KEYS)
@given(image=st.binary(min_size=1, max_size=40_000), mask=st.binary(min_size=1, max_size=300), data=st.data())
@settings(max_examples=25, deadline=None)
def test_records_are_those_of_protobuf(name, multi_label, image, mask, data):
    schema = get_schema(name + ("-multi-label" if multi_label else ""))
    label = data.draw(st.sampled_from([(1, 4), ()] if multi_label else [-1, 7]))
    facts = clip(
        label_index=label, label_text=tuple(map(str, label)) if multi_label else "x", clip_id=data.draw(st.text())
    )
    sizes = [len(image), len(mask)]
    record = schema.head(facts, sizes) + b"".join(
        schema.prefix(len(part), number) + part for number, part in enumerate((image, mask))
    )
    assert schema.parse(record) == (facts, [image, mask])
    features = Example.FromString(record).features.feature
    assert [features[key].bytes_list.value[0] for key in KEYS[name]] == [image, mask]
    assert (features["height"].int64_list.value[0], features["width"].int64_list.value[0]) == (3, 5)


def test_image_and_mask_are_where_their_sizes_say(tmp_path):
    storage = open_storage(str(tmp_path))
    schema = get_schema("pairs")
    frames = [b"i" * 20_000, b"m" * 100]
    _, (place,) = write_shard(storage, "x", schema, [ShardClip(clip(), [20_000, 100], frames)])
    data = (tmp_path / "shards/x.tfrecord").read_bytes()
    assert [data[start:end] for start, end in frame_ranges(schema, place, [20_000, 100])] == frames
    assert schema.parse(read_record(io.BytesIO(data), 0, len(data), "x"))[1] == frames


def test_other_records_are_refused():
    other = get_schema("tfds")
    record = other.head(clip(), [1, 1]) + (other.prefix(1) + b"x") * 2
    with pytest.raises(DataError, match="it has no image/encoded and mask/encoded"):
        get_schema("pairs").parse(record)
