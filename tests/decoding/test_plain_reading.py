"""The frames of a clip are those of a plain reading of the rules, on videos whose frames show their numbers."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numbered
import numpy as np
import pytest
from footage import jpeg_pixels, make_clip, psnr
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.errors import ClipError
from clipmill.options import FrameOptions


def in_range(times, start, end):
    """The frames that are shown in [start, end) seconds, times being milliseconds from the container's start."""
    return [n for n, time in enumerate(times) if start * 1000 <= time < end * 1000]


def at_ticks(times, frames, fps, end):
    """For each tick from the first of these frames, while the range goes on, the last frame shown at it."""
    out = []
    while (now := times[frames[0]] + 1000 * len(out) / fps) < end * 1000:
        out.append(max(n for n in range(len(times)) if times[n] <= now))
    return out


@pytest.mark.parametrize("name", ["x.mkv", "x.mp4", "x.ts"])
def test_time_0_is_where_the_earliest_stream_starts(tmp_path, name):
    """Sound from 0 s, the picture from 2 s: what a player shows from 3 to 5 s are frames 25 to 74."""
    path = numbered.write(tmp_path / name, 100, start=2000, sound=True)
    assert numbered.numbers(make_clip(path, tmp_path / "out", start=3.0, end=5.0).frames) == list(range(25, 75))
    ticks = make_clip(path, tmp_path / "fps", FrameOptions(fps=5.0), start=3.0, end=4.0)
    assert numbered.numbers(ticks.frames) == [25, 30, 35, 40, 45]
    segments = make_clip(path, tmp_path / "segment", segment_seconds=1.5, segment=0)
    assert numbered.numbers(segments.frames) == list(range(25)), "1.5 to 3 s"
    with pytest.raises(ClipError, match=r"no frame in 0 to 1 s"):
        made = make_clip(path, tmp_path / "none", start=0.0, end=1.0, seek=False)
        raise AssertionError(made.codes())


@pytest.mark.parametrize("name, codec", [("x.ts", "libx264"), ("x.ogv", "libvpx"), ("x.avi", "mpeg4")])
def test_a_file_whose_clock_starts_elsewhere_begins_at_0(tmp_path, name, codec):
    path = numbered.write(tmp_path / name, 60, codec=codec, start=0 if codec == "mpeg4" else 7000)
    assert numbered.numbers(make_clip(path, tmp_path / "out", start=0.4, end=1.2).frames) == list(range(10, 30))


def test_frames_of_an_avi_begin_at_0_however_late_its_decoder_is(tmp_path):
    """AVI says when frames are decoded, not when they are shown."""
    path = numbered.write(tmp_path / "x.avi", 60)
    assert numbered.numbers(make_clip(path, tmp_path / "out", start=0.4, end=1.2).frames) == list(range(10, 30))


@st.composite
def clocks(draw):
    steps = draw(st.lists(st.sampled_from([17, 33, 40, 100, 700]), min_size=12, max_size=40))
    return [0, *np.cumsum(steps).tolist()]


@settings(max_examples=12, deadline=None)
@given(clocks(), st.sampled_from([0, 480, 2000]), st.booleans(), st.sampled_from(["mkv", "mp4"]), st.data())
def test_stored_frames_are_those_of_a_plain_reading(times, start, sound, kind, data):
    with tempfile.TemporaryDirectory() as folder:
        path = numbered.write(Path(folder) / f"x.{kind}", times=times, start=start, sound=sound)
        shown = [time + (start if sound else 0) for time in times]
        first = data.draw(st.integers(0, shown[-1])) / 1000
        last = first + data.draw(st.integers(1, 3000)) / 1000
        fps = data.draw(st.sampled_from([0, 3.0, 10.0, 25.0]))
        expected = in_range(shown, first, last)
        if fps and expected:
            expected = at_ticks(shown, expected, fps, min(last, _until(path, shown, expected)))
        try:
            made = make_clip(path, Path(folder) / "out", FrameOptions(fps=fps or None), first, last, seek=False)
            assert numbered.numbers(made.frames) == expected
        except ClipError as error:
            assert not expected and error.reason == "too_short"


def _until(path, shown, frames):
    """When the last frame of a clip goes: with the next one, or after one frame of the source."""
    if frames[-1] + 1 < len(shown):
        return shown[frames[-1] + 1] / 1000
    with av.open(str(path)) as file:
        return shown[-1] / 1000 + float(1 / Fraction(file.streams.video[0].average_rate))


def as_shown(pixels, a, b, c, d):
    """Each pixel (x, y) at (ax + cy, bx + dy)."""
    y, x = np.indices(pixels.shape[:2])
    across, down = a * x + c * y, b * x + d * y
    across, down = across - across.min(), down - down.min()
    out = np.zeros((down.max() + 1, across.max() + 1, 3), np.uint8)
    out[down, across] = pixels
    return out


MATRICES = [(1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1)]
MATRICES += [(0, b, c, 0) for b in (1, -1) for c in (1, -1)]


@pytest.mark.parametrize("options", [FrameOptions(), FrameOptions(short_side=32)], ids=["planes", "smaller"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_a_display_matrix_is_applied_mirror_and_turn(tmp_path, matrix, options):
    path = numbered.write(tmp_path / "x.mp4", 3)
    plain = jpeg_pixels(make_clip(path, tmp_path / "plain", options).frames[2])
    made = make_clip(numbered.set_matrix(path, *matrix), tmp_path / "out", options)
    expected = as_shown(plain, *matrix)
    assert (made.height, made.width) == expected.shape[:2]
    assert psnr(jpeg_pixels(made.frames[2]), expected) > 35
