"""A crop decodes the restart intervals that it covers, and no pixel changes."""

from __future__ import annotations

import io

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from clipmill.reader.augment import pixel_steps
from clipmill.reader.loading.decode import BadFrame, fill
from clipmill.reader.loading.jpeg_cut import Box, Cutter, crop_of
from clipmill.reader.loading.recipe import View

SIZES = [(200, 320), (97, 161), (48, 64), (240, 427), (33, 352)]


def stored(height: int, width: int, blocks: int, subsampling: str = "4:2:0", seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    pixels[:, : width // 2] = np.linspace(0, 255, height, dtype=np.uint8)[:, None, None]
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90, subsampling=subsampling, restart_marker_blocks=blocks)
    return out.getvalue()


def cropped(jpeg: bytes, size: tuple[int, int], *crops: pixel_steps.Crop) -> list[np.ndarray]:
    out = [np.empty((1, crop.height, crop.width, 3), np.uint8) for crop in crops]
    views = [View(np.array([0]), [crop]) for crop in crops]
    fill(out, views, {0: memoryview(jpeg)}, size)  # type: ignore[arg-type]
    return [frames[0] for frames in out]


@given(st.sampled_from(SIZES), st.integers(1, 4), st.integers(0, 9), st.data())
@settings(max_examples=150, deadline=None)
def test_crops_of_a_part_are_those_of_the_whole(size, parts, seed, data):
    height, width = size
    row = -(-width // 16)
    blocks = row // parts if row % parts == 0 else row
    jpeg = stored(height, width, blocks, seed=seed)
    whole = simplejpeg.decode_jpeg(jpeg, "RGB", False, False)
    crops = []
    for _ in range(data.draw(st.integers(1, 2))):
        left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        wide, tall = data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top))
        crops.append(pixel_steps.Crop(left, top, wide, tall))
    for crop, found in zip(crops, cropped(jpeg, size, *crops), strict=True):
        expected = whole[crop.top : crop.top + crop.height, crop.left : crop.left + crop.width]
        assert np.array_equal(found, expected)


def test_a_cut_holds_what_the_crop_covers_and_little_more():
    jpeg = stored(240, 320, 10)
    cut, box = Cutter(Box(170, 100, 282, 212), (240, 320)).cut(memoryview(jpeg))
    assert box == Box(160, 96, 320, 224)
    assert simplejpeg.decode_jpeg_header(cut)[:2] == (128, 160)
    # At the very edge of an interval chroma of the next one is needed too.
    assert Cutter(Box(160, 96, 272, 208), (240, 320)).cut(memoryview(jpeg))[1] == Box(0, 80, 320, 224)


def test_views_that_want_all_of_a_frame_are_no_crop():
    crop = View(np.array([0]), [pixel_steps.Crop(3, 4, 20, 20)])
    assert crop_of([crop, View(np.array([0]), [pixel_steps.Crop(1, 9, 5, 40)])]) == Box(1, 4, 23, 49)
    assert crop_of([crop, View(np.array([0]), [])]) is None
    assert crop_of([]) is None


@pytest.mark.parametrize(
    "jpeg",
    [stored(96, 320, 0), stored(96, 320, 7), stored(96, 320, 10, "4:4:4"), stored(112, 320, 10), b"\xff\xd8\xff"],
    ids=["no intervals", "intervals that straddle rows", "4:4:4", "another size", "no JPEG"],
)
def test_what_cannot_be_cut_is_left_whole(jpeg):
    assert Cutter(Box(0, 0, 20, 20), (96, 320)).cut(memoryview(jpeg)) is None


def test_headers_may_change_on_the_way():
    cutter = Cutter(Box(0, 0, 20, 20), (96, 320))
    for blocks, width in ((10, 160), (5, 80), (10, 160), (20, 320)):
        _, box = cutter.cut(memoryview(stored(96, 320, blocks)))
        assert box == Box(0, 0, width, 32)
    assert cutter.cut(memoryview(stored(96, 320, 0))) is None


def test_damage_in_the_part_is_told_and_a_marker_that_is_missing_too():
    jpeg = stored(96, 320, 10)
    crop = pixel_steps.Crop(0, 40, 30, 30)
    with pytest.raises(BadFrame, match="frame 0 is not a whole JPEG"):
        cropped(jpeg.replace(b"\xff\xd1", b"\x00\x00"), (96, 320), crop)
    at = jpeg.index(b"\xff\xd3")  # after it comes interval 4, the first that the crop covers
    with pytest.raises(BadFrame, match="frame 0 is not a whole JPEG"):
        cropped(jpeg[: at + 2] + b"\xff\x01" * 40 + jpeg[at + 82 :], (96, 320), crop)
    with pytest.raises(BadFrame, match="frame 0 is not a whole JPEG"):
        cropped(jpeg[:700], (96, 320), crop)
