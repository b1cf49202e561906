"""Contact sheets."""

from __future__ import annotations

import cv2
import numpy as np

from clipmill.reader.contact_sheet import contact_sheet, png


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
