"""Ranges in numbers of frames: those very frames are stored, whatever the file's rate and times."""

from __future__ import annotations

from fractions import Fraction

import pytest
from building import clips, pixels
from commanding import built, clipmill
from footage import write_film, x264
from miniature import read_code

FILMS = {
    "even.mp4": dict(options=x264()),
    "slow.mkv": dict(options=x264(), rate=12),
    "uneven.mkv": dict(
        options=x264(), stamps=lambda number: 40 * number + 17 * (number % 3), time_base=Fraction(1, 1000)
    ),
    "b_frames.avi": dict(codec="mpeg4", b_frames=2),
}
RANGES = [(0, 1), (3, 9), (7, 8), (9, 40), (30, 60), (None, 5), (35, None)]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    rows = ["path,label,start_frame,stop_frame"]
    for name, how in FILMS.items():
        write_film(folder / name, 40, **how)
        rows += [f"{name},x,{'' if first is None else first},{'' if end is None else end}" for first, end in RANGES]
    (folder / "l.csv").write_text("\n".join([*rows, "even.mp4,x,50,60", ""]))
    built(folder / "l.csv", "--out", folder / "out", "--workers", 1)
    return folder / "out"


@pytest.mark.parametrize("name", FILMS)
def test_those_very_frames_are_stored(out, name):
    for first, end in RANGES:
        said = ("open" if number is None else number for number in (first, end))
        clip_id = "{}_f{}_f{}".format(name.split(".")[0], *said)
        row = next(row for row in clips(out) if row["clip_id"] == clip_id)
        frames, _ = pixels(out, clip_id)
        expected = list(range(first or 0, min(40, 40 if end is None else end)))
        assert [read_code(frame)[1] for frame in frames[: len(expected)]] == expected
        assert row["frames"] == len(expected)
        assert row["trimmed"] is False and row["group"] == name


def test_frames_that_the_file_has_not(out):
    (failure,) = clipmill("failures", out, "--json").json["failures"]
    assert (failure["clip_id"], failure["reason"]) == ("even_f50_f60", "out_of_range")
