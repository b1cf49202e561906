"""Contact sheets."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from miniature import Miniature

import clipmill
from clipmill.errors import UsageError
from clipmill.reader import FirstFrames, Normalise
from clipmill.reader.contact_sheet import contact_sheet, first_middle_last, png


def coloured(clips: int, length: int, height: int, width: int) -> np.ndarray:
    frames = np.zeros((clips, length, height, width, 3), np.uint8)
    for clip in range(clips):
        for time in range(length):
            frames[clip, time] = (40 * clip, 10 * time, 200)
    return frames


def test_each_clip_is_a_row_and_time_goes_to_the_right() -> None:
    sheet = contact_sheet(coloured(3, 16, 100, 120), ["a", "b", "c"])
    colours = {tuple(pixel) for pixel in sheet.reshape(-1, 3)}
    for clip in range(3):
        tops = []
        for time in (0, 2, 4, 6, 9, 11, 13, 15):
            where = np.argwhere((sheet == (40 * clip, 10 * time, 200)).all(axis=2))
            assert len(where) == 100 * 120
            tops.append(tuple(where.min(axis=0)))
        assert [left for _, left in tops] == sorted(left for _, left in tops)
        assert len({top for top, _ in tops}) == 1
    assert (0, 10, 200) not in colours, "only 8 of the 16 frames are shown"


def test_captions_are_drawn_above_their_rows_and_never_wider_than_the_sheet() -> None:
    plain = contact_sheet(coloured(1, 2, 96, 96), [""])
    long = contact_sheet(coloured(1, 2, 96, 96), ["x" * 400])
    assert plain.shape == long.shape
    drawn = np.argwhere((plain != long).any(axis=2))
    assert len(drawn) > 100
    assert drawn[:, 0].max() < 34 and drawn[:, 1].max() < plain.shape[1] - 12


def test_small_frames_are_enlarged() -> None:
    assert contact_sheet(coloured(1, 1, 8, 8), ["tiny"]).shape[0] > 96


def test_png_keeps_every_pixel_and_its_colour() -> None:
    sheet = contact_sheet(coloured(2, 4, 30, 40), ["clip", "Zürich"])
    read = cv2.imdecode(np.frombuffer(png(sheet), np.uint8), cv2.IMREAD_COLOR)
    assert (read[:, :, ::-1] == sheet).all()


def test_a_sequence_is_shown_by_three_of_its_frames() -> None:
    frames = coloured(1, 9, 96, 96)[0]
    pixels = first_middle_last(frames, "clip").pixels
    lefts = [np.argwhere((pixels == (0, 10 * time, 200)).all(axis=2)) for time in (0, 4, 8)]
    assert [len(left) for left in lefts] == [96 * 96] * 3
    assert lefts[0][0, 1] < lefts[1][0, 1] < lefts[2][0, 1]
    assert not (pixels == (0, 10, 200)).all(axis=2).any()
    assert first_middle_last(coloured(1, 1, 96, 96)[0]).pixels.shape[1] < 330


@pytest.mark.parametrize("views", [1, 2])
def test_a_batch_draws_itself_and_the_reader_stays(views: int, mini: Miniature) -> None:
    batches = clipmill.open(str(mini.path))["train"].batches(FirstFrames(3), batch_size=2, shuffle=True, views=views)
    batch = batches.at(0, 1)
    names = {row["clip_id"]: row["label_text"] or "no label" for row in batches.clips.clips.to_pylist()}
    captions = [f"{clip}  {names[clip]}" for clip in batch["id"] for _ in range(views)]
    expected = contact_sheet(batch["frames"].reshape(-1, *batch["frames"].shape[-4:]), captions)
    np.testing.assert_array_equal(batches.show(step=1).pixels, expected)
    assert (batches.epoch, batches.step) == (0, 0)
    with pytest.raises(UsageError, match="step 99"):
        batches.show(step=99)


def test_normalised_frames_are_drawn_and_jpegs_are_not(mini: Miniature) -> None:
    train = clipmill.open(str(mini.path))["train"]
    pixels = train.batches(FirstFrames(2), augment=[Normalise()], batch_size=2).show().pixels
    assert pixels.dtype == np.uint8 and len(np.unique(pixels)) > 5
    with pytest.raises(UsageError, match="decode=False"):
        train.batches(FirstFrames(2), batch_size=2, decode=False).show()


def test_one_host_draws_its_rows(mini: Miniature) -> None:
    train = clipmill.open(str(mini.path))["train"]
    batches = train.batches(FirstFrames(2), batch_size=3, hosts=(1, 2))
    assert all(len(batches.show(step).pixels) > 100 for step in range(len(batches)))
