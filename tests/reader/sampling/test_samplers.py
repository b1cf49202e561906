"""Samplers: which frames of a clip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.errors import UsageError
from clipmill.reader import (
    AtFps,
    CentreWindow,
    Chunks,
    EveryKth,
    FirstFrames,
    RandomWindow,
    Ranges,
    Segments,
    UniformWindows,
    WholeClip,
)
from clipmill.reader.draws import Draws
from clipmill.reader.sampling.base import ClipTimes, Lengths, Sampler

lengths = st.integers(1, 300)
seeds = st.integers(0, 10**9)


def pick(sampler: Sampler, frames: int, seed: int = 0, view: int = 0, times: np.ndarray | None = None) -> list[int]:
    if sampler.timed and times is None:
        times = np.arange(frames) * 40_000
    return sampler.pick(ClipTimes("clip", frames, times), Draws("frames", seed, view=view)).tolist()


def of(*frames: int, fps: float = 25.0) -> Lengths:
    return Lengths([f"clip{n}" for n in range(len(frames))], np.array(frames), np.array(frames) / fps)


ANY = st.sampled_from(
    [
        WholeClip(),
        EveryKth(3),
        FirstFrames(7, stride=2, short="hold"),
        RandomWindow(9, stride=3),
        RandomWindow(5, short="pad"),
        CentreWindow(6, short="pad"),
        UniformWindows(4, stride=2, windows=3),
        Segments(8),
        Segments(5, random=False),
        AtFps(10),
        AtFps(7.5, 6, start="first", short="pad"),
        AtFps(60, 12, start="centre"),
        Ranges([(0, 3), (10, 14)], short="loop"),
        Chunks(4, stride=2),
    ]
)


@given(ANY, lengths, seeds)
@settings(max_examples=300, deadline=None)
def test_picked_frames_exist_and_empty_ones_stand_at_the_end(sampler: Sampler, frames: int, seed: int) -> None:
    picked = pick(sampler, frames, seed)
    assert all(-1 <= frame < frames for frame in picked)
    assert -1 not in picked[: len([frame for frame in picked if frame >= 0])]
    assert sampler.length in (None, len(picked))
    assert picked == pick(sampler, frames, seed)


@given(ANY, lengths)
@settings(max_examples=200, deadline=None)
def test_the_table_foretells_how_many(sampler: Sampler, frames: int) -> None:
    picked = pick(sampler, frames)
    if not isinstance(sampler, Chunks):
        assert sampler.counts(of(frames)).tolist() == [len(picked)]
        assert sampler.filled(of(frames)).tolist() == [len([frame for frame in picked if frame >= 0])] or sampler.timed


def test_whole_clip_and_every_kth() -> None:
    assert pick(WholeClip(), 4) == [0, 1, 2, 3]
    assert pick(EveryKth(3), 8) == [0, 3, 6]


def test_windows() -> None:
    assert pick(FirstFrames(3, stride=2), 20) == [0, 2, 4]
    assert pick(CentreWindow(3, stride=2), 20) == [7, 9, 11]
    assert pick(CentreWindow(4), 4) == [0, 1, 2, 3]


def test_a_random_window_may_begin_wherever_it_fits() -> None:
    starts = [pick(RandomWindow(4, stride=3), 14, seed)[0] for seed in range(4000)]
    counts = np.bincount(starts)
    assert len(counts) == 5  # 14 - 10 + 1
    assert ((counts - 800) ** 2 / 800).sum() < 25  # 4 degrees of freedom


def test_short_clips() -> None:
    assert pick(RandomWindow(6, short="loop"), 4) == [0, 1, 2, 3, 0, 1]
    assert pick(RandomWindow(4, stride=3, short="loop"), 5) == [0, 3, 1, 4]
    assert pick(RandomWindow(6, short="hold"), 4) == [0, 1, 2, 3, 3, 3]
    assert pick(RandomWindow(6, short="pad"), 4) == [0, 1, 2, 3, -1, -1]
    assert RandomWindow(4, stride=2, short="drop").too_short(of(6, 7, 8)).tolist() == [True, False, False]
    with pytest.raises(UsageError, match="short='wrap': not one of loop, hold, pad, drop, error"):
        RandomWindow(6, short="wrap")


@given(lengths, st.integers(1, 12), st.integers(2, 6))
def test_uniform_windows_reach_from_the_first_frame_to_the_last(frames: int, size: int, windows: int) -> None:
    sampler = UniformWindows(size, windows=windows)
    starts = [pick(sampler, frames, view=view)[0] for view in range(windows)]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert starts[-1] == max(0, frames - size)
    gaps = np.diff(starts)
    assert gaps.max() - gaps.min() <= 1
    assert sampler.views == windows


@given(st.integers(1, 300), st.integers(1, 16), seeds)
def test_segments_have_one_frame_of_each_part(frames: int, parts: int, seed: int) -> None:
    for sampler in (Segments(parts), Segments(parts, random=False)):
        for part, frame in enumerate(pick(sampler, frames, seed)):
            assert part * frames / parts - 1 < frame < (part + 1) * frames / parts


def test_segments_of_a_test_are_the_middles() -> None:
    assert pick(Segments(4, random=False), 40) == [5, 15, 25, 35]


@given(st.lists(st.integers(5_000, 90_000), min_size=1, max_size=60), st.sampled_from([3.0, 12.5, 25.0, 29.97, 60.0]))
def test_at_fps_shows_the_last_frame_of_each_tick(gaps: list[int], fps: float) -> None:
    times = np.concatenate([[0], np.cumsum(gaps)])
    picked = pick(AtFps(fps), len(times), times=times)
    end = times[-1] + gaps[-1]
    for tick, frame in enumerate(picked):
        at = tick * 1e6 / fps
        assert times[frame] <= at + 1
        assert frame == len(times) - 1 or times[frame + 1] > at + 1 - 1e-6
    assert (len(picked) - 1) * 1e6 / fps < end <= len(picked) * 1e6 / fps + 1100


@pytest.mark.parametrize("fps", [24.0, 25.0, 30000 / 1001, 29.97, 60.0])
def test_at_the_clips_own_rate_every_frame_comes_once(fps: float) -> None:
    for rounded in (np.round, np.floor, np.ceil):
        times = rounded(np.arange(200) * 1e6 / fps).astype(np.int64)
        assert pick(AtFps(fps), 200, times=times) == list(range(200))


def test_at_fps_windows() -> None:
    assert pick(AtFps(12.5, 4, start="first"), 100) == [0, 2, 4, 6]
    assert pick(AtFps(12.5, 4, start="centre"), 16) == [4, 6, 8, 10]
    assert pick(AtFps(12.5, 4, short="pad"), 5) == [0, 2, 4, -1]
    assert AtFps(12.5, 4, short="drop").too_short(of(6, 7)).tolist() == [True, False]
    starts = {pick(AtFps(12.5, 4), 16, seed)[0] for seed in range(60)}
    assert starts == {0, 2, 4, 6, 8}


def test_ranges() -> None:
    assert pick(Ranges([(2, 5), (9, 11)]), 20) == [2, 3, 4, 9, 10]
    assert pick(Ranges({"clip": [(0, 9)]}, step=4), 20) == [0, 4, 8]
    assert Ranges({"a": [(0, 3)], "b": [(4, 7)]}).length == 3
    assert Ranges({"a": [(0, 3)], "b": [(4, 8)]}).length is None
    assert Ranges([(5, 9)]).too_short(of(8, 9)).tolist() == [True, False]
    assert pick(Ranges([(2, 6), (0, 2)], short="pad"), 4) == [2, 3, 0, 1, -1, -1]
    with pytest.raises(UsageError, match="clip: Ranges has none for this clip"):
        pick(Ranges({"other": [(0, 1)]}), 3)
    with pytest.raises(UsageError, match="each is \\(start, stop\\)"):
        Ranges([(3, 3)])


@given(lengths, st.integers(1, 20), st.integers(1, 3))
def test_chunks_hold_each_frame_once(frames: int, size: int, stride: int) -> None:
    sampler = Chunks(size, stride=stride)
    given_out: list[int] = []
    for chunk in range(sampler.steps(np.array([frames]))):
        picked = sampler.pick(ClipTimes("clip", frames, chunk=chunk), Draws()).tolist()
        assert len(picked) == size
        given_out += [frame for frame in picked if frame >= 0]
    assert given_out == list(range(0, frames, stride))


def test_chunks_of_a_batch_end_together() -> None:
    assert Chunks(4).steps(np.array([3, 9, 12])) == 3
    assert Chunks(4, tail="cut").steps(np.array([9, 12])) == 2
    assert Chunks(4, tail="cut").steps(np.array([3, 12])) == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RandomWindow(0), "frames=0"),
        (lambda: FirstFrames(3, stride=0), "stride=0"),
        (lambda: EveryKth(-1), "k=-1"),
        (lambda: Segments(0), "segments=0"),
        (lambda: AtFps(0), "fps=0"),
        (lambda: AtFps(5, 3, start="end"), "start='end'"),
        (lambda: Chunks(4, tail="drop"), "tail='drop'"),
        (lambda: UniformWindows(4, windows=0), "windows=0"),
    ],
)
def test_parameters_that_make_no_sense(make: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make()  # type: ignore[operator]


@given(st.lists(st.sampled_from([17_000, 33_333, 40_000, 100_000, 700_000]), min_size=1, max_size=60), st.floats(1, 60))
@settings(max_examples=200, deadline=None)
def test_ticks_of_a_clip_of_uneven_frames_are_those_that_the_table_foretells(steps: list[int], fps: float) -> None:
    times = np.cumsum([0, *steps])
    seconds = (times[-1] + steps[-1]) / 1e6
    clips = Lengths(["a"], np.array([len(times)]), np.array([seconds]))
    picked = pick(AtFps(fps), len(times), times=times)
    assert AtFps(fps).counts(clips).tolist() == [len(picked)]
    shown = [max(n for n in range(len(times)) if times[n] <= tick * 1e6 / fps + 1) for tick in range(len(picked))]
    assert picked == shown


def test_ticks_are_counted_by_the_clock_and_not_by_the_headers_rate() -> None:
    """30 frames at 33 ms and 60 at 100 ms: 7 s, of which 30 frames a second would make 3."""
    times = np.array([33_000 * n for n in range(30)] + [990_000 + 100_000 * n for n in range(60)])
    assert AtFps(10).counts(Lengths(["a"], np.array([90]), np.array([6.99]))).tolist() == [70]
    assert len(pick(AtFps(10), 90, times=times)) == 70
