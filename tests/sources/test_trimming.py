"""Which frames a time range gives, of files that are cut to it already and of files that are not."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import pytest
from footage import make_clip, write_film, x264
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from clipmill.errors import ClipError
from clipmill.sources.trimming import LEAD, TOLERANCE, is_trimmed

RATE = 25
#: Frames of the original, and from one of its key frames to the next.
FRAMES, GOP = 400, 50


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def film(folder):
    return write_film(folder / "film.mp4", FRAMES, options=x264(bframes=0, keyint=GOP))


@pytest.fixture(scope="module")
def films(folder):
    """Whole videos of some lengths in frames, by what proves their times and what does not."""
    lengths = (500, 88, 305)
    return {
        (n, suffix): write_film(folder / f"{n}.{suffix}", n, codec, options=options)
        for n in lengths
        for suffix, codec, options in (("mp4", "libx264", x264()), ("avi", "mpeg4", {}))
    }


def copy_cut(film: Path, target: Path, start: float, end: float) -> Path:
    """What `ffmpeg -ss START -to END -i FILM -c copy TARGET` makes: packets from the key frame before."""
    with av.open(str(film)) as source, av.open(str(target), "w") as out:
        stream = source.streams.video[0]
        copied = out.add_stream_from_template(stream)
        offset = round(Fraction(str(start)) / stream.time_base)
        source.seek(offset, stream=stream)
        for packet in source.demux(stream):
            if packet.size and packet.pts * stream.time_base < Fraction(str(end)):
                packet.pts -= offset
                packet.dts -= offset
                packet.stream = copied
                out.mux(packet)
    return target


_numbers = itertools.count()


def shown(video, tmp_path, start, end):
    """The numbers of the frames of a row's clip."""
    return make_clip(video, tmp_path / str(next(_numbers)), start=start, end=end, trimmed="auto").codes()


@pytest.mark.parametrize("suffix", ["mp4", "avi"])
@pytest.mark.parametrize(
    ("length", "start", "end", "right"),
    [(500, 5.0, 31.0, (125, 500)), (88, 1.2, 5.0, (30, 88)), (305, 1.4, 12.26, (35, 305)), (500, 0.0, 99.0, (0, 500))],
)
def test_a_range_that_ends_past_the_file_begins_where_it_says(films, tmp_path, suffix, length, start, end, right):
    assert shown(films[length, suffix], tmp_path, start, end) == list(range(*right))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("name", ["id", "id_000007_000012"])
def test_a_cut_without_encoding_gives_the_range_and_not_what_lies_before_it(film, tmp_path, suffix, name):
    """Matroska has no edit lists, so its cuts show the frames since the key frame as well."""
    cut = copy_cut(film, tmp_path / f"{name}.{suffix}", 7.0, 12.0)
    assert shown(cut, tmp_path, 7.0, 12.0) == list(range(175, 300))


def test_a_file_that_ends_before_its_row_begins_is_the_rows_cut(film, tmp_path):
    cut = write_film(tmp_path / "id.mp4", 100, options=x264())
    assert shown(cut, tmp_path, 33.0, 37.0) == list(range(100))


def test_a_name_with_times_is_believed_where_the_length_allows_it(film, tmp_path):
    named = tmp_path / "id_000004_000008.mp4"
    named.symlink_to(film)
    assert shown(named, tmp_path, 4.0, 8.0) == list(range(100, 200))


def test_a_range_past_the_end_of_a_long_file_is_no_cut_of_it(film, tmp_path):
    with pytest.raises(ClipError, match=r"no frame in 253 to 255 s: the video is 16\.0 s long") as caught:
        shown(film, tmp_path, 253.0, 255.0)
    assert caught.value.reason == "out_of_range"


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_frames_are_those_of_the_range_whether_the_file_is_cut_or_not(film, tmp_path, data):
    first = data.draw(st.integers(0, FRAMES - 30))
    last = data.draw(st.integers(first + 25, FRAMES + 100))
    start, end = first / RATE, last / RATE
    kind = data.draw(st.sampled_from(["whole", "copied", "named"]))
    # Only a cut of what lies before the end of the film tells how early it begins.
    if kind == "whole" or last > FRAMES:
        # A row that is as long as the film and ends behind it is taken for what the film was cut to.
        assume(end <= FRAMES / RATE or abs(FRAMES / RATE - (end - start)) > TOLERANCE)
        return check(film, tmp_path, first, last)
    length = (last - first // GOP * GOP) / RATE
    # Nothing tells that a file is cut which is neither named so, nor shorter than the start, nor as long as the range.
    assume(kind == "named" or length <= start or (length < end and length - (end - start) <= TOLERANCE))
    name = "cut" if kind == "copied" else f"cut_{start:.2f}_{end:.2f}"
    check(copy_cut(film, tmp_path / f"{name}.mkv", start, end), tmp_path, first, last)


def check(video, tmp_path, first, last):
    assert shown(video, tmp_path, first / RATE, last / RATE) == list(range(first, min(last, FRAMES)))


@pytest.mark.parametrize(
    ("start", "end", "length", "named", "expected"),
    [
        (253.0, 263.0, 10.0, False, True),
        (253.0, 263.0, 10 + LEAD, False, True),
        (253.0, 263.0, 10.1 + LEAD, False, False),
        (5.0, 15.0, 10.2, False, True),
        (5.0, 15.0, 10.3, False, False),
        (0.0, 10.0, 10.0, False, False),  # it holds just the range either way
        (253.0, 263.0, 300.0, False, False),
        (253.0, 263.0, 300.0, True, False),
        (253.0, 263.0, 12.0, True, True),
        (253.0, 263.0, None, True, True),
        (253.0, 263.0, None, False, False),
        (None, 10.0, 5.0, True, False),
        (5.0, None, 5.0, True, False),
    ],
)
def test_a_file_is_cut_by_its_name_its_end_or_its_length(start, end, length, named, expected):
    assert is_trimmed(start, end, length, named) == expected
