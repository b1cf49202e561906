"""Clips in HDR and clips with pixels that are not square: told of, kept in the table, and in versions of before."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from building import clips, pixels
from commanding import clipmill
from footage import write_film, x264
from miniature import draw_frame
from older_version import drop_column

import clipmill as library


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What a build of four films said, and its output."""
    folder = tmp_path_factory.mktemp("films")
    (folder / "videos").mkdir()
    write_film(folder / "videos" / "plain.mp4", 8, options=x264())
    for name, parameters in (("pq", {"transfer": "smpte2084"}), ("wide", {"colorprim": "bt2020"})):
        write_film(folder / "videos" / f"{name}.mp4", 9, options=x264(**parameters))
    with av.open(str(folder / "videos" / "oblong.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=25, options=x264())
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(64, 45)
        for number in range(10):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(draw_frame(0, number, 96, 64), "rgb24")))
        file.mux(stream.encode(None))
    return clipmill("build", folder / "videos", "--out", folder / "out", "--workers", 1), folder / "out"


def test_a_build_names_hdr_clips_and_counts_oblong_pixels(made):
    ran, out = made
    assert ran.code == 0, ran
    assert "2 clips in HDR or BT.2020, stored without tone mapping: pq, wide\n" in ran.out
    assert "1 clip with pixels that are not square (pixel_aspect in clips.parquet)" in ran.out
    shapes = {row["clip_id"]: row["pixel_aspect"] for row in clips(out)}
    assert shapes == {"plain": None, "pq": None, "wide": None, "oblong": pytest.approx(64 / 45)}
    assert pixels(out, "oblong")[0].shape == (10, 64, 96, 3)
    inspected = clipmill("inspect", out)
    assert "1 clip with pixels that are not square" in inspected.out and "HDR" not in inspected.out
    assert clipmill("inspect", out, "--json").json["oblong"] == 1
    assert "pixel_aspect  1.42" in clipmill("inspect", out, "--clip", "oblong").out


def test_an_unchanged_rerun_says_it_again(made):
    _, out = made
    again = clipmill("build", out.parent / "videos", "--out", out, "--workers", 1)
    assert again.code == 0 and "4 clips: nothing changed" in again.out
    assert "2 clips in HDR or BT.2020" in again.out and "1 clip with pixels that are not square" in again.out


def test_a_version_without_the_column_opens_and_verifies(made):
    _, out = made
    drop_column(out, "pixel_aspect")
    verified = clipmill("verify", out, "--deep")
    assert verified.code == 0, verified
    assert clipmill("inspect", out, "--json").json["oblong"] == 0
    assert len(library.open(str(out)).all.clips) == 4
