"""Codes of frames: alike for copies, unlike for other pictures, none where nothing is seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenery import COPIES, scenery

from clipmill.signatures import frame_codes
from clipmill.signatures.frame_codes import BITS, QUARTERS, VIEWS, encode, mirrored, unlike


def grey(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return grey(scenery(1, 1)[0])


def test_a_code_is_of_signs_so_brightness_and_contrast_do_not_matter(picture: np.ndarray) -> None:
    codes = encode([picture, cv2.convertScaleAbs(picture, alpha=0.7, beta=30)])
    assert codes.shape == (2, VIEWS, QUARTERS) and codes.dtype == np.uint32
    assert unlike(codes[0], codes[1]).max() <= 2


def test_mirrored_codes_are_those_of_the_mirrored_picture(picture: np.ndarray) -> None:
    codes = encode([picture, np.ascontiguousarray(picture[:, ::-1])])
    assert unlike(mirrored(codes[0]), codes[1]).max() <= 1
    assert (mirrored(mirrored(codes)) == codes).all()


def test_the_whole_of_a_cropped_copy_is_like_the_middle_of_the_original() -> None:
    frame = scenery(2, 1)[0]
    codes = encode([grey(frame), grey(COPIES["crop"](frame))])
    assert unlike(codes[0, 1], codes[1, 0]).max() <= 3
    assert unlike(codes[0, 0], codes[1, 0]).mean() > BITS / 5


def test_a_logo_changes_the_codes_of_one_quarter() -> None:
    frame = scenery(3, 1)[0]
    codes = encode([grey(frame), grey(COPIES["logo"](frame))])[:, 0]
    changed = unlike(codes[0], codes[1])
    assert changed[1] > 4 and changed[[0, 2, 3]].max() <= 1


def test_pictures_that_have_nothing_in_common_differ_in_half_of_the_bits() -> None:
    codes = encode([grey(scenery(seed, 1)[0]) for seed in range(10, 30)])[:, 0]
    shares = [unlike(codes[n], codes[m]).mean() / BITS for n in range(20) for m in range(n)]
    assert 0.45 < np.mean(shares) < 0.55 and min(shares) > 0.3


def test_what_shows_nothing_has_no_code(picture: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(30, 2, (120, 160)).astype(np.uint8)
    half_black = picture.copy()
    half_black[:60] = 0
    codes = encode([np.zeros((120, 160), np.uint8), noise, half_black])
    assert not codes[:2].any() and not mirrored(codes[:2]).any()
    assert not codes[2, 0, :2].any() and codes[2, 0, 2:].all()


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (1, 500), (33, 20), (1080, 1920)])
def test_pictures_of_all_shapes_have_codes(shape: tuple[int, int]) -> None:
    assert encode([np.full(shape, 7, np.uint8)]).shape == (1, VIEWS, QUARTERS)


def test_every_processor_gives_the_same_codes(picture: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sums of whole numbers below 2**24 are exact in float32, in whatever order a library adds them.
    waves = frame_codes._WAVES
    assert (waves == waves.round()).all() and 128 * np.abs(waves).sum(axis=0).max() < 2**24
    codes = encode([picture])
    monkeypatch.setattr(frame_codes, "_WAVES", waves.astype(np.int64))
    assert (encode([picture]) == codes).all()
