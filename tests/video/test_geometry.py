"""From a source frame's size to the stored size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill.options import FrameOptions
from clipmill.video.geometry import plan_geometry

lengths = st.integers(1, 5000)
stored = st.tuples(st.integers(1, 1000), st.integers(1, 1000))


def test_frames_keep_their_size_by_default():
    assert plan_geometry(427, 240, FrameOptions()) == (427, 240, 0, 0, 427, 240)


@pytest.mark.parametrize(
    ("source", "expected"),
    [((1920, 1080), (456, 256)), ((1080, 1920), (256, 456)), ((340, 256), (340, 256)), ((256, 256), (256, 256))],
)
def test_the_short_side_is_shrunk_and_the_other_follows_to_an_even_length(source, expected):
    g = plan_geometry(*source, FrameOptions(short_side=256))
    assert (g.width, g.height) == (g.scaled_width, g.scaled_height) == expected


@given(lengths, lengths, st.integers(1, 1000))
def test_short_side_never_enlarges(width, height, short_side):
    g = plan_geometry(width, height, FrameOptions(short_side=short_side))
    assert min(g.width, g.height) == min(short_side, width, height)
    # Rounding to an even length may add one.
    assert g.width <= width + 1 and g.height <= height + 1


@given(lengths, lengths, stored)
def test_crop_fills_the_size_from_the_middle(width, height, size):
    g = plan_geometry(width, height, FrameOptions(size=size, fit="crop"))
    assert (g.width, g.height) == size
    assert g.left >= 0 and g.top >= 0 and g.left % 2 == g.top % 2 == 0
    assert g.left + g.width <= g.scaled_width and g.top + g.height <= g.scaled_height
    assert g.scaled_width == g.width or g.scaled_height == g.height, "no more is thrown away than need be"
    assert abs((g.scaled_width - g.width) / 2 - g.left) < 2
    assert abs((g.scaled_height - g.height) / 2 - g.top) < 2


@given(lengths, lengths, stored)
def test_pad_keeps_all_of_the_picture(width, height, size):
    g = plan_geometry(width, height, FrameOptions(size=size, fit="pad"))
    assert (g.width, g.height) == size
    assert g.left <= 0 and g.top <= 0 and g.left % 2 == g.top % 2 == 0
    assert g.scaled_width - g.left <= g.width and g.scaled_height - g.top <= g.height
    assert g.scaled_width == g.width or g.scaled_height == g.height


@given(st.integers(100, 5000), st.integers(100, 5000), st.tuples(st.integers(64, 1000), st.integers(64, 1000)))
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_shapes_keep_their_proportions(fit, width, height, size):
    g = plan_geometry(width, height, FrameOptions(size=size, fit=fit))
    across, down = g.scaled_width / width, g.scaled_height / height
    assert abs(g.scaled_width - width * down) <= 2 + 1e-6 or abs(g.scaled_height - height * across) <= 2 + 1e-6


def test_stretch_takes_the_size_as_it_is():
    assert plan_geometry(1920, 1080, FrameOptions(size=(224, 224), fit="stretch")) == (224, 224, 0, 0, 224, 224)
