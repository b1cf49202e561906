"""Where the bytes of a clip are, and how few of them are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.errors import DataError
from clipmill.reader import CentreWindow, ClipSet, RandomWindow, Segments
from clipmill.reader.access.frame_ranges import ClipPlace, FrameReader
from clipmill.records import get_schema
from clipmill.shards.shard_file import RecordPlace, frame_ranges


@pytest.fixture
def clips(each_schema: Miniature) -> ClipSet:
    return clipmill.open(str(each_schema.path)).all


@pytest.mark.parametrize("held", [True, False])
def test_frames_times_and_numbers_of_every_clip(
    clips: ClipSet, each_schema: Miniature, held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = clips.table.shards[0][1]
    if not held:
        monkeypatch.setattr(reader, "_hold", False)
    for row, name in enumerate(clips.ids.to_pylist()):
        count = int(clips.table.frames[row])
        place = clips.table.place(row)
        found = reader.read_frames(reader.locate(place), reader.ranges_of(place.shard), range(count), True)
        assert [bytes(found.encoded[frame]) for frame in range(count)] == each_schema.frames[name]
        assert found.facts is not None
        assert found.facts.times.tolist() == each_schema.records[name].timestamps
        assert found.facts.numbers.tolist() == each_schema.records[name].frame_index


@pytest.mark.parametrize("schema", ["tfds", "frames", "mediaseq"])
@given(sizes=st.lists(st.integers(1, 3_000_000), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_ranges_are_those_of_the_writer(schema: str, sizes: list[int]) -> None:
    known = get_schema(schema)
    body = sum(sizes) + sum(len(known.prefix(size)) for size in sizes)
    reader = FrameReader(_Sizes(sizes), schema, "v", {"s": len(sizes)})  # type: ignore[arg-type]
    found = reader.locate(ClipPlace("s", 100, body + 516, 0, len(sizes)))
    assert list(zip(found.starts.tolist(), found.ends.tolist(), strict=True)) == frame_ranges(
        known, RecordPlace(100, body + 516, 0), sizes
    )
    assert found.head == (112, 612)


@pytest.mark.parametrize("schema", ["tfds", "frames", "mediaseq"])
@given(sizes=st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 700), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_sizes_of_no_such_record_read_nothing_outside_of_it(schema: str, sizes: list[int]) -> None:
    begin, length = 100, 1000
    reader = FrameReader(_Sizes(sizes), schema, "v", {"s": len(sizes)})  # type: ignore[arg-type]
    try:
        found = reader.locate(ClipPlace("s", begin, length, 0, len(sizes)))
    except DataError as error:
        assert "does not fit the record at byte 100" in str(error)
    else:
        assert begin < found.starts.min() and found.ends.max() < begin + length
    # Records of one frame each, read at once.
    asked: list[tuple[int, int]] = []
    reader.read = lambda path, ranges, borrow=False: asked.extend(ranges) or []  # type: ignore[assignment, misc]
    begins = begin + length * np.arange(len(sizes))
    reader._sizes["s"] = np.array(sizes)
    try:
        reader.read_only_frames("s", begins, begins + length, np.arange(len(sizes)))
    except DataError as error:
        assert "does not fit the record" in str(error) and max(sizes) > length - 100
    for (start, stop), at in zip(asked, begins.tolist(), strict=False):
        assert at < start <= stop < at + length


class _Sizes:
    """A storage with one .frames file."""

    local = True
    root = ""

    def __init__(self, sizes: list[int]) -> None:
        self._data = np.array(sizes, "<u4").tobytes()

    def read_ranges(self, path: str, ranges: list[tuple[int, int]]) -> list[bytes]:
        return [self._data[start:end] for start, end in ranges]


def bytes_read(clips: ClipSet, monkeypatch: pytest.MonkeyPatch, sampler: Any, fields: list[str]) -> tuple[float, float]:
    """Bytes of shards that were read over those of the frames wanted, and reads of shards for each window."""
    read: list[int] = []
    whole = FrameReader.read

    def counted(self: FrameReader, path: str, ranges: Any, **options: Any) -> Any:
        if path.endswith(".tfrecord"):
            read.extend(end - start for start, end in ranges)
        return whole(self, path, ranges, **options)

    monkeypatch.setattr(FrameReader, "read", counted)
    batches = clips.batches(sampler, batch_size=4, shuffle=True, fields=fields, decode=False)
    wanted = sum(len(jpeg) for batch in batches for jpeg in set(batch["frames"].ravel().tolist()))
    return sum(read) / wanted, len(read) / len(clips)


def test_a_window_reads_hardly_more_than_its_own_bytes(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path_factory.mktemp("large")
    publish_miniature(path, clips=6, lengths=[60, 80], sizes=[(160, 120)], splits=["train"])
    clips = clipmill.open(str(path))["train"]
    share, reads = bytes_read(clips, monkeypatch, RandomWindow(16), ["frames", "label"])
    assert share < 1.01 and reads == 1
    share, reads = bytes_read(clips, monkeypatch, RandomWindow(16), ["frames", "frame_index", "timestamp"])
    assert share < 1.1 and reads == 2
    share, reads = bytes_read(clips, monkeypatch, RandomWindow(16, stride=2), ["frames"])
    assert share < 1.0001 and reads == 16
    share, reads = bytes_read(clips, monkeypatch, Segments(8), ["frames"])
    assert share < 1.0001 and 7 < reads <= 8  # neighbours share a read


def test_labels_alone_read_no_frames(clips: ClipSet, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = FrameReader.read

    def refused(self: FrameReader, path: str, ranges: Any, **options: Any) -> Any:
        assert not ranges or path.endswith(".frames")
        return whole(self, path, ranges, **options)

    monkeypatch.setattr(FrameReader, "read", refused)
    batches = clips.batches(CentreWindow(4), batch_size=4, fields=["label", "id", "mask"])
    assert sum(len(batch["id"]) for batch in batches) == len(clips)
