"""Rows that nobody wants are not decoded, and no pixel changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.decode import BadFrame, fill
from clipmill.reader.loading.jpeg_shortcuts import decode_top, rows_wanted
from clipmill.reader.loading.recipe import View


@pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411", "Gray"])
@given(left=st.integers(0, 60), top=st.integers(0, 120), size=st.integers(1, 60), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_rows_that_nobody_wants_are_not_decoded_and_no_pixel_changes(
    subsampling: str, left: int, top: int, size: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (200, 121, 3)).astype(np.uint8)
    kind = {"colorspace": "GRAY"} if subsampling == "Gray" else {"colorsubsampling": subsampling}
    pixels = image[..., :1].copy() if subsampling == "Gray" else image
    jpeg = memoryview(simplejpeg.encode_jpeg(pixels, 90, **kind))
    whole = simplejpeg.decode_jpeg(jpeg, "RGB", False, False)
    views = [
        View(np.array([0]), [pixel_steps.Crop(left, top, size, size)]),
        View(np.array([0]), [pixel_steps.Crop(0, top, 9, 9)]),
    ]
    out = [np.empty((1, size, size, 3), np.uint8), np.empty((1, 9, 9, 3), np.uint8)]
    fill(out, views, {0: jpeg}, (200, 121))  # type: ignore[arg-type]
    assert np.array_equal(out[0][0], whole[top : top + size, left : left + size])
    assert np.array_equal(out[1][0], whole[top : top + 9, :9])
    rows = rows_wanted(views, 200)
    assert rows == 200 or max(top + size, top + 9) < rows <= 184
    if rows < 200:
        assert decode_top(jpeg, (200, 121), np.empty((rows, 121, 3), np.uint8))
        damaged = bytearray(jpeg)
        damaged[600:760] = b"\xff\x5a" * 80
        assert not decode_top(memoryview(damaged), (200, 121), np.empty((rows, 121, 3), np.uint8))
        assert not decode_top(jpeg, (208, 121), np.empty((rows, 121, 3), np.uint8))


def test_other_jpegs_are_decoded_whole() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 120, 3)).astype(np.uint8)
    progressive = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    assert not decode_top(memoryview(progressive), (200, 120), np.empty((64, 120, 3), np.uint8))
    out = np.empty((1, 1, 20, 20, 3), np.uint8)
    fill(out, [View(np.array([0]), [pixel_steps.Crop(3, 4, 20, 20)])], {0: memoryview(progressive)}, (200, 120))
    assert np.array_equal(out[0, 0], simplejpeg.decode_jpeg(progressive, "RGB", False, False)[4:24, 3:23])
    with pytest.raises(BadFrame, match="frame 0 is not a whole JPEG"):
        fill(
            out, [View(np.array([0]), [pixel_steps.Crop(3, 4, 20, 20)])], {0: memoryview(progressive[:500])}, (200, 120)
        )
