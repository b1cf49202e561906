"""When frames are shown, and which of them a clip takes: against brute force."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill.options import FrameOptions
from clipmill.video.timeline import (
    Timeline,
    first_tick,
    frame_times,
    in_order,
    microseconds,
    strictly_increasing,
    tick_time,
)

NTSC = Fraction(1001, 30000)
gaps = st.lists(st.integers(1, 200_000), max_size=60)


def times_of(steps: list[int]) -> list[int]:
    times = [0]
    for step in steps:
        times.append(times[-1] + step)
    return times


def test_microseconds_are_rounded_to_the_nearest():
    assert [microseconds(ticks, NTSC) for ticks in (0, 1, 2, 3)] == [0, 33367, 66733, 100100]
    assert microseconds(1, Fraction(1, 2_000_000)) == 1


def test_timestamps_of_packed_b_frames_are_dealt_out_in_output_order():
    assert frame_times([0, 2, 1, 4, 3], Fraction(1, 25), Fraction(25)) == [0, 40_000, 80_000, 120_000, 160_000]


def test_times_start_at_zero_wherever_the_stream_does():
    assert frame_times([-512, 0, 512], Fraction(1, 12800), Fraction(25)) == [0, 40_000, 80_000]


def test_a_missing_timestamp_makes_all_frames_evenly_spaced():
    assert frame_times([None, 2, 1], Fraction(1, 25), Fraction(10)) == [0, 100_000, 200_000]


def test_garbage_timestamps_make_all_frames_evenly_spaced():
    assert frame_times([0, 1 << 62], Fraction(1, 25), Fraction(10)) == [0, 100_000]
    assert in_order([0, 1 << 62], Fraction(1, 25)) is None


def test_no_frames_have_no_times():
    assert frame_times([], Fraction(1, 25), Fraction(25)) == []


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_times_are_strictly_increasing_and_start_at_zero(stamps):
    times = frame_times(stamps, Fraction(1, 1_000_000), Fraction(25))
    assert times[0] == 0 and len(times) == len(stamps)
    assert all(a < b for a, b in pairwise(times))


@given(st.lists(st.integers(0, 30), max_size=40))
def test_ties_are_raised_by_one_at_a_time(times):
    raised = strictly_increasing(times)
    least = -1
    for before, after in zip(sorted(times), raised, strict=True):
        least = max(before, least + 1)
        assert after == least


@given(st.integers(0, 10**9), st.sampled_from([0.3, 1, 12.5, 23.976, 24, 25, 29.97, 30000 / 1001, 60]))
def test_the_first_tick_is_the_first(time, fps):
    tick = first_tick(time, fps)
    assert tick_time(tick, fps) >= time
    assert tick == 0 or tick_time(tick - 1, fps) < time


@given(gaps, st.none() | st.floats(0, 5), st.none() | st.floats(0, 5))
def test_start_and_end_are_half_open(steps, start, end):
    times = times_of(steps)
    inside = [n for n, time in enumerate(times) if (start or 0) * 1e6 <= time and (end is None or time < end * 1e6)]
    # Times are rounded to microseconds, so a bound that falls between two may take either.
    near = [b for b in (start, end) if b is not None and min(abs(time - b * 1e6) for time in times) <= 0.5]
    spans = Timeline(times, 0).spans(start, end, FrameOptions())
    if not near:
        assert [n for span in spans for n in range(span.first, span.last)] == inside


def test_bounds_that_are_a_frames_own_time_take_the_first_and_leave_the_last():
    (span,) = Timeline([0, 40_000, 80_000, 120_000], 0).spans(0.04, 0.12, FrameOptions())
    assert (span.first, span.last, span.zero, span.until) == (1, 3, 40_000, 120_000)


@pytest.mark.parametrize(("start", "end"), [(1.0, 1.0), (2.0, 1.0), (9.0, None), (9.0, 10.0), (0.01, 0.03)])
def test_a_range_without_a_frame_has_no_spans(start, end):
    assert Timeline([0, 40_000, 80_000], 0).spans(start, end, FrameOptions()) == []


@given(gaps, st.integers(1, 20), st.integers(1, 9))
def test_max_frames_bounds_what_must_be_decoded(steps, most, every):
    times = times_of(steps)
    (span,) = Timeline(times, 0).spans(None, None, FrameOptions(max_frames=most, every=every))
    chosen = list(range(0, len(times), every))[:most]
    assert span.last == min(len(times), chosen[-1] + 1 if len(chosen) == most else len(times))


@given(gaps, st.integers(1, 20), st.sampled_from([1.0, 5.0, 29.97, 100.0]))
def test_max_frames_with_fps_bounds_it_at_the_last_tick(steps, most, fps):
    times = times_of(steps)
    (span,) = Timeline(times, 0).spans(None, None, FrameOptions(max_frames=most, fps=fps))
    last_tick = tick_time(most - 1, fps)
    assert span.last == len(times) or times[span.last] > last_tick >= times[span.last - 1]


@given(gaps, st.data(), st.integers(1, 30))
def test_spans_follow_each_other_and_begin_where_decoding_may(steps, data, longest):
    times = times_of(steps)
    keys = sorted({0, *data.draw(st.lists(st.integers(0, len(times) - 1), max_size=10))})
    start = data.draw(st.none() | st.floats(0, 3))
    timeline = Timeline(times, 7, [(key, 7 + times[key]) for key in keys])
    spans = timeline.spans(start, None, FrameOptions(), longest)
    (whole,) = timeline.spans(start, None, FrameOptions()) or [None]
    if whole is None:
        assert spans == []
        return
    assert (spans[0].first, spans[-1].last) == (whole.first, whole.last)
    assert all(a.last == b.first for a, b in pairwise(spans))
    assert [span.number for span in spans] == list(range(len(spans)))
    for span in spans:
        assert (span.of, span.clip_first, span.zero) == (len(spans), whole.first, times[whole.first])
        assert span.seek_frame == max(key for key in keys if key <= span.first)
        assert span.seek == (7 + times[span.seek_frame] if span.seek_frame else None)
        assert span.until == (times[span.last] if span.last < len(times) else None)
    if len(spans) > 1:
        assert all(span.last - span.first >= longest for span in spans)
        assert all(span.first in keys for span in spans[1:])


def test_ticks_that_are_counted_are_never_spread_over_spans():
    timeline = Timeline(list(range(0, 4_000_000, 40_000)), 0, [(key, key) for key in range(0, 100, 10)])
    assert len(timeline.spans(None, None, FrameOptions(fps=5.0), 10)) > 1
    assert len(timeline.spans(None, None, FrameOptions(fps=5.0, max_frames=10), 10)) == 1
