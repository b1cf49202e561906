"""Any bytes at all, given to what reads records: the right value or DataError, in memory that the bytes have."""

from __future__ import annotations

import io
import tracemalloc

import google_crc32c
import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from protos import CLIP, FRAMES, NAMES, Example, serialize

from clipmill.errors import DataError
from clipmill.records import get_schema, protobuf
from clipmill.records.foreign import read_foreign
from clipmill.records.tfrecord import after, before, read_record, read_records

RECORDS = [serialize(get_schema(name), CLIP, FRAMES) for name in NAMES]
#: Numbers that clocks, rates and labels of others may have, and should not.
ODD = [float("nan"), float("inf"), -float("inf"), 0.0, 1e-30, 3e38, -1.5]


@st.composite
def damaged(draw, records):
    """Draw a record with some bytes changed, put in or taken out."""
    out = bytearray(draw(st.sampled_from(records)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(out)))
        kind = draw(st.sampled_from(("change", "insert", "remove", "cut")))
        piece = draw(st.binary(min_size=1, max_size=4))
        if kind == "change":
            out[at : at + len(piece)] = piece
        elif kind == "insert":
            out[at:at] = piece
        else:
            del out[at : at + len(piece) if kind == "remove" else len(out)]
    return bytes(out)


def ended(function):
    """Return a function's value, or None where it raised DataError; all else is raised."""
    try:
        return function()
    except DataError as error:
        assert "\n" not in str(error)
        return None


@given(data=st.binary(max_size=200) | damaged(RECORDS))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_schema_reads_a_record_or_says_that_it_is_none(data):
    for name in NAMES:
        found = ended(lambda name=name: get_schema(name).parse(data))
        if found is not None:
            clip, frames = found
            assert frames and all(isinstance(frame, memoryview) for frame in frames)
            # What was read can be written and read again.
            assert get_schema(name).parse(serialize(get_schema(name), clip, frames)) == (clip, frames)
        facts = ended(lambda name=name: get_schema(name).parse_head(data))
        assert facts is None or len(facts.times) == len(facts.numbers)


@given(data=damaged(RECORDS[:1]))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_what_is_read_of_an_example_is_what_protobuf_reads(data):
    ours = ended(lambda: [protobuf.parse_features(part) for part in protobuf.parts(memoryview(data), 1)])
    try:
        theirs = Example.FromString(data).features.feature
    except DecodeError:
        return  # what it refuses, groups for one, we may pass over
    if ours is None:
        return  # where another wire type than a field's own is no unknown field to us
    found = {key: values for part in ours for key, values in part.items()}
    assert found.keys() == theirs.keys()
    for key, values in found.items():
        kind = theirs[key].WhichOneof("kind")
        expected = list(getattr(theirs[key], kind).value) if kind else []
        assert np.array_equal(values, expected, equal_nan=kind == "float_list") or list(map(bytes, values)) == expected


@given(data=st.binary(max_size=120), numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=6))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_numbers_are_never_made_of_two_features(data, numbers):
    lists = b"".join(protobuf.delimited(1, protobuf.int_feature([number])) for number in numbers)
    assert protobuf.list_ints(memoryview(lists)).tolist() == numbers
    broken = protobuf.delimited(1, protobuf.delimited(3, protobuf.delimited(1, data)))
    each = ended(lambda: [*protobuf.list_ints(memoryview(broken)).tolist(), *numbers])
    assert ended(lambda: protobuf.list_ints(memoryview(broken + lists)).tolist()) == each


@given(data=st.binary(max_size=200) | damaged(RECORDS))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_record_of_others_is_read_or_refused(data):
    clip = ended(lambda: read_foreign(data, {}))
    if clip is not None:
        check_foreign(clip)


values = st.one_of(
    st.lists(st.binary(max_size=3) | st.just(b"\xff\xd8"), max_size=3).map(protobuf.bytes_feature),
    st.lists(st.sampled_from(ODD), max_size=3).map(protobuf.float_feature),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3).map(protobuf.int_feature),
)
keys = st.sampled_from(["label", "fps", "timestamps", "id", "source", "label_text", "x/1", "x/" + "9" * 5000])


@given(entries=st.lists(st.tuples(keys, st.lists(values, min_size=1, max_size=3)), max_size=4), lists=st.booleans())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_features_of_others_may_be_of_any_type(entries, lists):
    frames = protobuf.bytes_feature([b"\xff\xd8", b"\xff\xd8x"])
    example = protobuf.entry("frames", frames)
    if lists:
        made = b"".join(protobuf.entry(key, protobuf.feature_list(found)) for key, found in entries)
        record = protobuf.delimited(1, example) + protobuf.delimited(2, made)
    else:
        record = protobuf.delimited(1, example + b"".join(protobuf.entry(key, found[0]) for key, found in entries))
    clip = ended(lambda: read_foreign(record, {}))
    if clip is not None:
        check_foreign(clip)


def check_foreign(clip):
    assert len(clip.frames) == len(clip.begins) == len(clip.times) > 0
    assert all(label >= 0 for label in clip.labels)
    assert 0 < clip.fps < float("inf")
    assert clip.times[0] == 0 and (np.diff(clip.times) > 0).all()


@given(data=st.binary(max_size=200), payloads=st.lists(st.binary(max_size=20), max_size=3), cut=st.integers(0, 80))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_frames_of_records_are_read_or_refused(data, payloads, cut):
    whole = b"".join(before(len(one)) + one + after(google_crc32c.value(one)) for one in payloads)
    assert [found for _, found in read_records(whole, "x")] == payloads
    found = []
    assert ended(lambda: found.extend(read_records(whole[:cut] + data, "x"))) is None
    assert [payload for _, payload in found][: len(payloads)] == payloads[: len(found)]


@pytest.mark.parametrize("length", [1 << 20, 1 << 40, (1 << 63) - 1, (1 << 64) - 1])
def test_a_length_takes_no_memory_that_the_file_does_not_have(length):
    head = before(length) + b"x" * 1000
    wanted = [
        lambda: read_record(io.BytesIO(head), 0, len(head), "x"),
        lambda: protobuf.parts(memoryview(protobuf.varint(10) + protobuf.varint(length) + b"x" * 1000), 1),
        lambda: read_foreign(protobuf.opening(1, length) + b"x" * 1000, {}),
    ]
    for function in wanted:
        tracemalloc.start()
        with pytest.raises(DataError):
            function()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100_000
