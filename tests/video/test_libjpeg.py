"""Our way to libjpeg-turbo, held against Pillow's own and against what a JPEG says of itself."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from clipmill.errors import ClipError, UsageError
from clipmill.video import libjpeg
from clipmill.video.libjpeg import PlaneEncoder, restart_interval

FLAT = [8] * 64, [8] + [10] * 63
SIZES = [(1, 1), (2, 1), (1, 2), (3, 5), (15, 16), (16, 15), (17, 17), (64, 48), (161, 121), (320, 240), (427, 33)]


def fill(encoder: PlaneEncoder, seed: int = 0) -> None:
    """Smooth in some places, noise in others."""
    rng = np.random.default_rng(seed)
    for plane in encoder.planes:
        noise = rng.integers(0, 256, plane.shape)
        ramp = np.linspace(0, 255, plane.shape[1])[None, :].repeat(plane.shape[0], axis=0)
        plane[...] = np.where(rng.random((plane.shape[0], 1)) < 0.3, noise, ramp)


def by_pillow(encoder: PlaneEncoder, luma: list[int], chroma: list[int]) -> bytes:
    """The same planes through Pillow's encoder, whose 4:2:0 leaves chroma that was repeated as it was."""
    height, width = encoder.planes.luma.shape
    wide = [plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in encoder.planes[1:]]
    image = Image.fromarray(np.stack([encoder.planes.luma, *wide], -1), "YCbCr")
    out = io.BytesIO()
    blocks = restart_interval(width)
    image.save(out, "JPEG", qtables=[luma, chroma], subsampling="4:2:0", restart_marker_blocks=blocks)
    return out.getvalue()


@pytest.mark.parametrize("size", [size for size in SIZES if size[0] % 2 == size[1] % 2 == 0])
def test_pillow_makes_the_same_bytes_of_the_same_planes_and_tables(size):
    encoder = PlaneEncoder(*size)
    for seed, tables in enumerate([FLAT, ([4] * 64, [16] * 64), (list(range(1, 65)), list(range(64, 0, -1)))]):
        fill(encoder, seed)
        encoder.use_tables(*tables)
        assert encoder.encode() == by_pillow(encoder, *tables)


@pytest.mark.parametrize("size", SIZES)
def test_any_size_is_a_baseline_420_jpeg_of_its_planes(size):
    encoder = PlaneEncoder(*size)
    assert [plane.shape for plane in encoder.planes] == [size[::-1], *[(-(-size[1] // 2), -(-size[0] // 2))] * 2]
    fill(encoder)
    encoder.use_tables([1] * 64, [1] * 64)
    jpeg = encoder.encode()
    assert simplejpeg.decode_jpeg_header(jpeg) == (size[1], size[0], "YCbCr", "420")
    assert b"\xff\xc0" in jpeg and not re.search(rb"\xff[\xc1-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf]", jpeg)
    luma = simplejpeg.decode_jpeg(jpeg, "GRAY", False, False)[..., 0]
    assert np.abs(luma.astype(int) - encoder.planes.luma).max() <= 1


def test_a_quality_is_libjpegs_own():
    encoder = PlaneEncoder(64, 48)
    fill(encoder)
    for quality in (1, 50, 95, 100):
        encoder.use_quality(quality)
        out = io.BytesIO()
        Image.new("RGB", (16, 16)).save(out, "JPEG", quality=quality)
        assert Image.open(io.BytesIO(encoder.encode())).quantization == Image.open(out).quantization


@pytest.mark.parametrize(
    ("width", "blocks"), [(1, 1), (16, 1), (64, 4), (320, 10), (340, 11), (352, 11), (480, 10), (365, 23), (1920, 10)]
)
def test_restart_intervals_are_equal_parts_of_a_row(width, blocks):
    assert restart_interval(width) == blocks
    encoder = PlaneEncoder(width, 32)
    fill(encoder)
    encoder.use_tables(*FLAT)
    row = -(-width // 16)
    assert row % blocks == 0
    assert len(re.findall(rb"\xff[\xd0-\xd7]", encoder.encode())) == 2 * row // blocks - 1


def test_what_needs_more_room_than_was_set_aside_comes_out_whole():
    encoder = PlaneEncoder(320, 240)
    rng = np.random.default_rng(0)
    for plane in encoder.planes:
        plane[...] = rng.choice([0, 255], plane.shape)
    encoder.use_tables([1] * 64, [1] * 64)
    jpeg = encoder.encode()
    assert len(jpeg) > 2 * 320 * 240 + 4096
    luma = simplejpeg.decode_jpeg(jpeg, "GRAY", False, False)[..., 0]
    assert np.abs(luma.astype(int) - encoder.planes.luma).max() <= 1
    assert encoder.encode() == jpeg


def test_a_side_that_no_jpeg_can_have_is_the_clips_fault():
    with pytest.raises(ClipError, match=r"65501x1: a side of a JPEG has at most 65,500 pixels") as caught:
        PlaneEncoder(65501, 1)
    assert caught.value.reason == "too_large"


def test_another_libjpeg_is_refused_with_the_pip_line_that_mends_it(monkeypatch):
    monkeypatch.setattr(libjpeg, "_VERSION", 80)
    libjpeg._library.cache_clear()
    with pytest.raises(UsageError, match="--only-binary :all: pillow"):
        PlaneEncoder(16, 16)
    monkeypatch.undo()
    PlaneEncoder(16, 16)


SCALAR = """
import hashlib, sys
sys.path[:0] = {paths!r}
from test_libjpeg import *
found = hashlib.sha256()
for size in SIZES:
    encoder = PlaneEncoder(*size)
    fill(encoder)
    encoder.use_tables(*FLAT)
    found.update(encoder.encode())
print(found.hexdigest())
"""


def test_the_bytes_are_the_same_with_and_without_simd():
    code = SCALAR.format(paths=[os.path.dirname(__file__)])
    runs = [
        subprocess.run([sys.executable, "-c", code], env={**os.environ, **how}, capture_output=True, text=True)
        for how in ({}, {"JSIMD_FORCENONE": "1"}, {"JSIMD_FORCESSE2": "1"})
    ]
    assert [run.stderr for run in runs] == [""] * 3
    assert len({run.stdout for run in runs}) == 1
