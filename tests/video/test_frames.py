"""Which frames are kept, and when they are shown: against brute force over (times)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill.options import FrameOptions
from clipmill.video.frames import Shown, at_rate, every
from clipmill.video.timeline import Timeline, tick_time

RATES = [0.3, 1.0, 5.0, 12.5, 23.976, 25.0, 29.97, 60.0, 240.0]


def brute_force(times, fps, start, end, source_fps):
    """(frame, time from the clip's first frame) for every tick: the last frame that is shown at it."""
    first = 0 if start is None else bisect_left(times, round(start * 1e6))
    last = len(times) if end is None else bisect_left(times, round(end * 1e6))
    if first >= last:
        return []
    stop = times[last] if last < len(times) else times[-1] + round(1e6 / source_fps)
    if end is not None:
        stop = min(stop, round(end * 1e6))
    out = []
    tick = 0
    while times[first] + (now := tick_time(tick, fps)) < stop:
        out.append((bisect_right(times, times[first] + now) - 1, now))
        tick += 1
    return out


def shown(times, span):
    return [Shown(None, n, times[n]) for n in range(span.first, span.last)]


def by_spans(times, fps, start, end, source_fps, keys, longest):
    timeline = Timeline(times, 0, [(key, times[key]) for key in keys])
    out = []
    for span in timeline.spans(start, end, FrameOptions(fps=fps), longest):
        for frame, time in at_rate(
            shown(times, span), fps, span, None if end is None else round(end * 1e6), source_fps
        ):
            out.append((frame.number, time - span.zero))
    return out


@st.composite
def timelines(draw):
    steps = draw(st.lists(st.sampled_from([1, 999, 20_000, 33_367, 40_000, 41_667, 250_000]), max_size=40))
    times = [0]
    for step in steps:
        times.append(times[-1] + step)
    return times


@given(timelines(), st.sampled_from(RATES), st.none() | st.floats(0, 2), st.none() | st.floats(0, 3), st.data())
def test_each_tick_takes_the_last_frame_shown_at_it_in_one_span_or_many(times, fps, start, end, data):
    expected = brute_force(times, fps, start, end, 25.0)
    keys = sorted({0, *data.draw(st.lists(st.integers(0, len(times) - 1), max_size=8))})
    assert by_spans(times, fps, start, end, 25.0, keys, 0) == expected
    assert by_spans(times, fps, start, end, 25.0, keys, data.draw(st.integers(1, 12))) == expected


def test_more_ticks_than_frames_repeat_frames():
    times = [0, 40_000, 80_000]
    assert by_spans(times, 50.0, None, None, 25.0, [0], 0) == [
        (0, 0), (0, 20_000), (1, 40_000), (1, 60_000), (2, 80_000), (2, 100_000),
    ]  # fmt: skip


def test_the_last_frame_is_shown_for_one_frame_of_the_source_and_not_past_the_end():
    times = [0, 100_000, 200_000]
    assert len(by_spans(times, 100.0, None, None, 10.0, [0], 0)) == 30
    assert len(by_spans(times, 100.0, None, 0.25, 10.0, [0], 0)) == 25


def test_a_gap_is_filled_with_the_frame_before_it():
    times = [0, 40_000, 2_000_000]
    assert [frame for frame, _ in by_spans(times, 2.0, None, None, 25.0, [0], 0)] == [0, 1, 1, 1, 2]


@given(st.integers(1, 50), st.integers(1, 12), st.integers(0, 20), st.data())
def test_every_keeps_frames_0_k_2k_of_the_clip_however_it_is_cut(frames, step, clip_first, data):
    numbers = range(clip_first, clip_first + frames)
    expected = list(numbers[::step])
    cuts = sorted(data.draw(st.sets(st.integers(clip_first, clip_first + frames))) | {clip_first, clip_first + frames})
    kept = []
    for a, b in pairwise(cuts):
        kept += [s.number for s, _ in every((Shown(None, n, None) for n in range(a, b)), step, clip_first)]
    assert kept == expected


@pytest.mark.parametrize("fps", RATES)
def test_ticks_do_not_drift(fps):
    times = list(range(0, 3_600_000_000, 40_000_000))
    spans = Timeline(times, 0).spans(None, None, FrameOptions(fps=fps))
    last = list(islice(at_rate(shown(times, spans[0]), fps, spans[0], None, 25.0), 2000))[-1]
    assert last[1] == round(1999 * 1_000_000 / fps) or len(times) * 40 * fps < 2000
