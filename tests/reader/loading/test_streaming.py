"""The indexed and the streaming path give the same arrays, in every schema, sampler and augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from miniature import Miniature

import clipmill
from clipmill.reader import (
    AtFps,
    Batches,
    CentreCrop,
    CentreWindow,
    ColourJitter,
    CropOrPad,
    EveryKth,
    FirstFrames,
    HorizontalFlip,
    MultiScaleCrop,
    Normalise,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomShortSide,
    RandomWindow,
    Ranges,
    Resize,
    ReverseTime,
    Segments,
    Shards,
    ThreeCrops,
    UniformWindows,
    WholeClip,
)
from clipmill.reader.access.frame_ranges import FrameReader

SAMPLERS = st.sampled_from(
    [
        WholeClip(),
        EveryKth(3),
        FirstFrames(4, short="hold"),
        RandomWindow(6, stride=2, short="pad"),
        CentreWindow(5),
        UniformWindows(3, windows=2),
        Segments(4),
        AtFps(10.0, 5),
        AtFps(12.5),
        Ranges([(1, 4)], short="loop"),
    ]
)
SHAPES = st.sampled_from(
    [
        (),
        (Resize((20, 30)),),
        (Resize(short_side=40), CentreCrop(32)),
        (RandomShortSide(30, 50), RandomCrop(28)),
        (RandomResizedCrop(24),),
        (MultiScaleCrop(24),),
        (RandomRotation(),),
        (CropOrPad((60, 50)),),
        (ThreeCrops(40),),
    ]
)
REST = st.lists(st.sampled_from([HorizontalFlip(), ColourJitter(0.3, 0.3, 0.3, 0.1), ReverseTime()]), unique_by=type)
CASES = {
    "sampler": SAMPLERS,
    "augment": st.tuples(SHAPES, REST, st.booleans()).map(lambda t: (*t[0], *t[1], *([Normalise()] if t[2] else []))),
    "views": st.sampled_from([1, 1, 2]),
    "batch_size": st.integers(1, 9),
    "shuffle": st.sampled_from([False, Shards(3, 2), Shards(2, 5)]),
    "seed": st.integers(0, 1000),
    "lengths": st.sampled_from(["pad", "truncate", 7]),
    "decode": st.sampled_from([True, True, True, False]),
}


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert sorted(one) == sorted(other)
    for field, values in one.items():
        assert values.dtype == other[field].dtype and np.array_equal(values, other[field]), field


@given(case=st.fixed_dictionaries(CASES), epoch=st.integers(0, 5))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_paths_give_the_same(each_schema: Miniature, case: dict[str, Any], epoch: int) -> None:
    clips = clipmill.open(str(each_schema.path))["train"]

    def make(path: str) -> Batches:
        return clips.batches(**case, path=path)

    for one, other in zip(make("indexed").run(epoch, 0), make("streaming").run(epoch, 0), strict=True):
        same(one, other)


@pytest.mark.parametrize("start", [1, 3])
@pytest.mark.parametrize("hosts", [1, 2, 3])
def test_streaming_begins_anywhere_on_any_host(mini: Miniature, start: int, hosts: int) -> None:
    clips = clipmill.open(str(mini.path))["train"]
    for host in range(hosts):
        options = {"batch_size": 4, "shuffle": Shards(3, 4), "hosts": (host, hosts)}
        streamed = clips.batches(CentreWindow(3), path="streaming", **options).run(1, start)
        for one, other in zip(clips.batches(CentreWindow(3), **options).run(1, start), streamed, strict=True):
            same(one, other)


def test_streaming_reads_each_byte_of_a_hosts_lanes_once(mini: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    data = clipmill.open(str(mini.path))
    clips = data["train"]
    read: list[int] = []
    whole = FrameReader.read

    def counted(self: FrameReader, path: str, ranges: Any, **options: Any) -> Any:
        if path.endswith(".tfrecord"):
            read.extend(end - start for start, end in ranges)
        return whole(self, path, ranges, **options)

    monkeypatch.setattr(FrameReader, "read", counted)
    for host in range(2):
        read.clear()
        options = {"batch_size": 4, "shuffle": Shards(4, 4), "hosts": (host, 2), "path": "streaming"}
        batches = clips.batches(CentreWindow(3), **options)
        own = sum(
            job.frames > 0 and int(clips.table.length[clips.rows[job.clip]])
            for step in range(len(batches))
            for job, _ in batches.drawn(0, step)
        )
        list(batches)
        assert sum(read) == own
