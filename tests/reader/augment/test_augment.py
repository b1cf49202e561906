"""Augmentations: drawn once for a view, the same for all its frames, masks and boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.errors import UsageError
from clipmill.reader import (
    Augmentation,
    CentreCrop,
    ColourJitter,
    CropOrPad,
    Function,
    HorizontalFlip,
    MultiScaleCrop,
    Normalise,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomShortSide,
    Resize,
    ReverseTime,
    ThreeCrops,
    WholeClip,
    warp_boxes,
    warp_mask,
)
from clipmill.reader.augment import pixel_steps
from clipmill.reader.draws import Draws
from clipmill.reader.loading.recipe import ClipRequest, Recipe

GEOMETRY = [
    Resize(40),
    Resize((30, 50)),
    Resize(short_side=24),
    RandomShortSide(20, 60),
    RandomCrop(32),
    CentreCrop((20, 44)),
    CropOrPad((60, 40)),
    RandomResizedCrop(28),
    MultiScaleCrop(28),
    HorizontalFlip(0.5),
    RandomRotation(),
    ThreeCrops(30),
]
PIXELS = [ColourJitter(0.4, 0.4, 0.4, 0.1), Normalise(), ReverseTime()]


def steps_of(
    augment: Sequence[Augmentation], seed: int, size: tuple[int, int] = (48, 64), view: int = 0
) -> list[pixel_steps.Op]:
    recipe = Recipe(WholeClip(), augment, seed, 1)
    job = ClipRequest(0, 0, "clip", 0, 3, *size, 0, 3)
    return recipe.draw(job, None)[view].steps


def run(steps: Sequence[pixel_steps.Op], image: np.ndarray) -> np.ndarray:
    for step in steps:
        image = step.image(image)
    return image


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth, so that blending between pixels changes little."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=-1).astype(np.uint8)


@given(st.lists(st.sampled_from(GEOMETRY[:-1]), max_size=3), st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_steps_announce_the_size_they_make_and_write_in_place(augment: list[Augmentation], seed: int) -> None:
    try:
        steps = steps_of(augment, seed)
    except UsageError:
        return  # a crop that does not fit
    size = (48, 64)
    for step in steps:
        size = step.size(*size)
    made = run(steps, picture())
    assert made.shape == (*size, 3)
    out = np.zeros((*size, 3), np.uint8)
    pixel_steps.run(steps, picture(), out)
    assert np.array_equal(out, made)
    announced: tuple[int, int] | None = (48, 64)
    for step in augment:
        announced = step.size(announced)
    assert announced in (None, size)


@given(st.sampled_from(GEOMETRY), st.integers(0, 10**6))
@settings(max_examples=150, deadline=None)
def test_masks_and_boxes_go_where_the_pixels_go(step: Augmentation, seed: int) -> None:
    """A bright rectangle, its mask and its box stay together."""
    image = np.zeros((48, 64, 3), np.uint8)
    image[14:30, 20:44] = 255
    steps = steps_of([step], seed)
    made = run(steps, image)[..., 0]
    mask = warp_mask(steps, image[..., 0] // 255 * 7)
    assert set(np.unique(mask)) <= {0, 7}
    if isinstance(step, RandomRotation):
        inner = made > 200
        assert (mask[inner] == 7).mean() > 0.97
    else:
        assert np.abs((made > 127).astype(int) - (mask == 7)).mean() < 0.06
    (left, top, right, bottom) = warp_boxes(steps, [20, 14, 44, 30])[0]
    rows, columns = np.nonzero(made > 127)
    if not len(rows):
        assert right - left < 2 or bottom - top < 2
        return
    slack = 1.5
    assert left - slack <= columns.min() and columns.max() + 1 <= right + slack
    assert top - slack <= rows.min() and rows.max() + 1 <= bottom + slack
    if not isinstance(step, RandomRotation):
        assert abs(left - columns.min()) <= slack and abs(right - columns.max() - 1) <= slack
        assert abs(top - rows.min()) <= slack and abs(bottom - rows.max() - 1) <= slack


def test_draws_depend_on_seed_epoch_clip_repetition_and_view_alone() -> None:
    recipe = Recipe(WholeClip(), [RandomCrop(16)], 0, 2)

    def crops(seed: int = 0, **changed: object) -> tuple[object, object]:
        job = ClipRequest(0, 0, "clip", 0, 3, 48, 64, 0, 3)._replace(**changed)
        views = Recipe(WholeClip(), [RandomCrop(16)], seed, 2).draw(job, None)
        return views[0].steps[0], views[1].steps[0]

    assert crops() == crops() == crops(clip=5)
    assert crops()[0] != crops()[1]
    others = [crops(seed=1), crops(epoch=1), crops(clip_id="other"), crops(repeat=1)]
    assert len({crops(), *others}) == 5
    assert recipe.views == 2


def test_another_augmentation_does_not_change_the_draws_before_it() -> None:
    assert steps_of([RandomCrop(16)], 3) == steps_of([RandomCrop(16), HorizontalFlip(1.0)], 3)[:1]


def test_flip_rotation_and_reversal() -> None:
    image = picture()
    assert np.array_equal(run(steps_of([HorizontalFlip(1.0)], 0), image), image[:, ::-1])
    assert steps_of([HorizontalFlip(0.0)], 0) == []
    flips = sum(bool(steps_of([HorizontalFlip(0.3)], seed)) for seed in range(2000))
    assert 520 < flips < 680
    angles = [steps_of([RandomRotation(20)], seed)[0].degrees for seed in range(300)]
    assert -20 <= min(angles) < -18 and 18 < max(angles) <= 20
    quarter = pixel_steps.Rotated(90, 64, 64)
    assert np.array_equal(quarter.image(picture(64, 64)), np.rot90(picture(64, 64)))
    assert (pixel_steps.Rotated(45, 64, 64).image(np.full((64, 64, 3), 200, np.uint8))[0, 0] == 0).all()
    picked = np.array([3, 5, 7, -1])
    assert ReverseTime(1.0).reorder(picked, Draws()).tolist() == [7, 5, 3, -1]
    assert ReverseTime(0.0).reorder(picked, Draws()).tolist() == [3, 5, 7, -1]


@given(st.integers(0, 10**6))
def test_random_resized_crops_keep_their_bounds(seed: int) -> None:
    crop, resized = steps_of([RandomResizedCrop(28, scale=(0.25, 0.5), ratio=(0.8, 1.25))], seed)
    assert isinstance(crop, pixel_steps.Crop)
    assert isinstance(resized, pixel_steps.Resized)
    assert 0.22 < crop.width * crop.height / (48 * 64) < 0.55
    assert 0.75 < crop.width / crop.height < 1.35
    assert 0 <= crop.left <= 64 - crop.width and 0 <= crop.top <= 48 - crop.height


def test_multi_scale_crops_take_the_thirteen_places() -> None:
    crops = [steps_of([MultiScaleCrop(28, scales=(0.5,))], seed)[0] for seed in range(400)]
    places = {(crop.left, crop.top) for crop in crops}  # type: ignore[attr-defined]
    assert len(places) == 13
    assert {(0, 0), (40, 0), (0, 24), (40, 24), (20, 12)} <= places


def test_three_crops_follow_the_longer_side() -> None:
    wide = [steps_of([ThreeCrops(48)], 0, view=view)[0] for view in range(3)]
    assert [(crop.left, crop.top) for crop in wide] == [(0, 0), (8, 0), (16, 0)]  # type: ignore[attr-defined]
    tall = [steps_of([ThreeCrops(48)], 0, (64, 48), view)[0] for view in range(3)]
    assert [(crop.left, crop.top) for crop in tall] == [(0, 0), (0, 8), (0, 16)]  # type: ignore[attr-defined]


def test_crop_or_pad_is_about_the_middle() -> None:
    made = run(steps_of([CropOrPad((60, 40))], 0), picture())
    assert np.array_equal(made[6:54], picture()[:, 12:52])
    assert not made[:6].any() and not made[54:].any()


def test_short_side_keeps_the_aspect() -> None:
    assert Resize(short_side=24).size((48, 64)) == (24, 32)
    assert Resize(short_side=24).size((64, 48)) == (32, 24)
    sides = {min(steps_of([RandomShortSide(20, 22)], seed)[0].size(48, 64)) for seed in range(60)}
    assert sides == {20, 21, 22}


def test_colour_jitter_moves_each_quality_by_itself() -> None:
    image = np.random.default_rng(0).integers(60, 160, (32, 32, 3)).astype(np.uint8)
    values = image.astype(float)
    for seed in range(20):
        factor = run(steps_of([ColourJitter(brightness=0.5)], seed), image) / values
        assert np.ptp(factor) < 0.03 and 0.49 < factor.mean() < 1.51
        contrast = (run(steps_of([ColourJitter(contrast=0.5)], seed), image) - 128.0) / np.where(
            image == 128, 1, values - 128
        )
        assert np.ptp(contrast[np.abs(values - 128) > 40]) < 0.05
        for jitter in (ColourJitter(saturation=0.5), ColourJitter(hue=0.1)):
            luma = run(steps_of([jitter], seed), image) @ pixel_steps.LUMA
            assert np.abs(luma - values @ pixel_steps.LUMA).max() < 2
    still = steps_of([ColourJitter()], 0)
    assert np.abs(run(still, image).astype(int) - image).max() <= 1


def test_normalise() -> None:
    made = run(steps_of([Normalise((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))], 0), picture())
    expected = (picture() / 255 - [0.5, 0.4, 0.3]) / [0.2, 0.3, 0.4]
    assert made.dtype == np.float32
    assert np.abs(made - expected).max() < 1e-6


def test_functions_get_the_random_key_of_their_view() -> None:
    def noisy(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return frames + random.integers(0, 9, frames.shape, np.uint8)

    frames = np.zeros((3, 8, 8, 3), np.uint8)
    first, again = (steps_of([Function(noisy)], 5)[0].image(frames) for _ in range(2))
    assert np.array_equal(first, again)
    assert first.any()
    assert not np.array_equal(first, steps_of([Function(noisy)], 6)[0].image(frames))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Resize(), "either a size or short_side"),
        (lambda: Resize(8, method="lanczos"), "method='lanczos': not one of linear, area, cubic, nearest"),
        (lambda: RandomCrop(0), "must be positive"),
        (lambda: RandomShortSide(9, 8), "low 9 is above high 8"),
        (lambda: RandomResizedCrop(8, scale=(0.5, 1.5)), "is no range"),
        (lambda: MultiScaleCrop(8, scales=(2.0,)), "are not all in"),
        (lambda: Recipe(WholeClip(), [Normalise(), Resize(8)], 0, 1), "Resize stands after Normalise"),
        (lambda: Recipe(WholeClip(), [ThreeCrops(8), ThreeCrops(4)], 0, 1), "only one step may make several views"),
        (
            lambda: Recipe(WholeClip(), [RandomCrop(50)], 0, 1).size([(48, 64)]),
            "50x50 does not fit into frames of 64x48",
        ),
        (lambda: Recipe(WholeClip(), [], 0, 1).size([(48, 64), (40, 64)]), "end augment with a step of fixed size"),
        (lambda: Recipe(WholeClip(), [RandomShortSide(8, 9)], 0, 1).size([(48, 64)]), "or a random one"),
    ],
)
def test_what_cannot_work_is_refused(make: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make()  # type: ignore[operator]
