"""A look at a source says what it is, and its first frame is the one that a build stores."""

from __future__ import annotations

import math
from pathlib import Path

import av
import numpy as np
import pytest
from footage import jpeg_pixels, psnr, write_film
from PIL import Image

from clipmill.decoding.look_at_source import look_at_source
from clipmill.errors import ClipError
from clipmill.options import FrameOptions


def test_a_film_is_described_and_its_first_frame_measured(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", 12, rate=30, size=(64, 48))
    look = look_at_source(["nothing.mp4", "a.mp4"], str(tmp_path), FrameOptions())
    assert (look.codec, look.pixels, look.width, look.height, look.fps) == ("h264", "yuv420p", 64, 48, 30)
    assert look.nbytes == film.stat().st_size and look.seconds == pytest.approx(0.4)
    with av.open(str(film)) as file:
        luma = next(file.decode(video=0)).to_ndarray()[:48]
    widened = np.clip(np.round((luma.astype(float) - 16) * 255 / 219), 0, 255).astype(np.uint8)
    decibels = psnr(widened, jpeg_pixels(look.first, "GRAY")[..., 0])
    assert 10 * math.log10(255**2 / look.error) == pytest.approx(decibels, abs=1e-6)


def test_images_and_sizes_are_those_of_a_build(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 60, 3), 90, np.uint8)).save(tmp_path / "a.png")
    look = look_at_source(["a.png"], str(tmp_path), FrameOptions(short_side=20))
    assert (look.codec, look.width, look.height) == ("images", 60, 40)
    assert jpeg_pixels(look.first).shape == (20, 30, 3)


def test_a_film_that_is_cut_has_a_first_frame_and_what_is_no_film_has_none(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.avi", 30, "mpeg4")
    film.write_bytes(film.read_bytes()[:-900])
    assert look_at_source(["a.avi"], str(tmp_path), FrameOptions()).first
    (tmp_path / "b.avi").write_bytes(b"no film")
    for name, reason in (("b.avi", "not_a_video"), ("c.avi", "missing")):
        with pytest.raises(ClipError) as caught:
            look_at_source([name], str(tmp_path), FrameOptions())
        assert caught.value.reason == reason
