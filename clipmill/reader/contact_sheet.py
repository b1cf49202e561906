"""Drawing contact sheets: a batch of clips as one picture, a row for each clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_MARGIN = 12
_GAP = 4
_LINE = 22
_PAPER = 250
_INK = (40, 40, 40)
_FONT = cv2.FONT_HERSHEY_DUPLEX
#: Frames narrower than this are enlarged, so that a person can see them.
_LEAST_WIDTH = 96


class Drawing(NamedTuple):
    """A picture that a notebook draws by itself.

    Attributes:
        pixels: (height, width, 3) uint8 RGB.
    """

    pixels: NDArray[np.uint8]

    def __repr__(self) -> str:
        height, width, _ = self.pixels.shape
        return f"<a drawing of {width} x {height} pixels>"

    def _repr_png_(self) -> bytes:
        """Return the bytes of a PNG file: what notebooks ask for."""
        return png(self.pixels)


def contact_sheet(frames: NDArray[np.uint8], captions: Sequence[str], columns: int = 8) -> NDArray[np.uint8]:
    """Draw clips as rows of frames, evenly spaced in time, each under its caption.

    Args:
        frames: (clips, time, height, width, 3) uint8 RGB.
        captions: one for each clip; shortened where it is wider than the sheet.
        columns: the most frames of each clip.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    clips, length, height, width, _ = frames.shape
    chosen = np.unique(np.linspace(0, length - 1, min(columns, length)).round().astype(int))
    scale = max(1.0, _LEAST_WIDTH / width)
    width, height = round(width * scale), round(height * scale)
    row = _LINE + height + _GAP
    sheet = np.full((2 * _MARGIN + clips * row, 2 * _MARGIN + len(chosen) * (width + _GAP) - _GAP, 3), _PAPER, np.uint8)
    for clip in range(clips):
        top = _MARGIN + clip * row
        _write(sheet, captions[clip], top + _LINE - 7)
        for column, time in enumerate(chosen):
            left = _MARGIN + column * (width + _GAP)
            frame = np.ascontiguousarray(frames[clip, time])
            picture = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
            sheet[top + _LINE : top + _LINE + height, left : left + width] = picture
    return sheet


def first_middle_last(frames: NDArray[Any], caption: str = "") -> Drawing:
    """Draw three frames of a sequence: the first, the middle and the last one.

    Args:
        frames: (time, height, width, 3) RGB, uint8 or any numbers.
        caption: above them.

    >>> batch = clips.batches(FirstFrames(4), batch_size=2).at(0, 0)
    >>> first_middle_last(batch["frames"][0], "a caption")
    <a drawing of 320 x 122 pixels>
    """
    last = len(frames) - 1
    return Drawing(contact_sheet(visible(frames[[0, last // 2, last]])[None], [caption]))


def visible(frames: NDArray[Any]) -> NDArray[np.uint8]:
    """Return frames as uint8; others than uint8 are stretched so that their darkest value is 0, their brightest 255."""
    if frames.dtype == np.uint8:
        return frames
    low, high = float(frames.min()), float(frames.max())
    return ((frames - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)


def _write(sheet: NDArray[np.uint8], text: str, baseline: int) -> None:
    # OpenCV's fonts hold ASCII only.
    text = text.encode("ascii", "replace").decode()
    size = 0.45
    while text and cv2.getTextSize(text, _FONT, size, 1)[0][0] > sheet.shape[1] - 2 * _MARGIN:
        text = text[:-4] + "..." if len(text) > 4 else ""
    cv2.putText(sheet, text, (_MARGIN, baseline), _FONT, size, _INK, 1, cv2.LINE_AA)


def png(picture: NDArray[np.uint8]) -> bytes:
    """Encode a picture as a PNG file's bytes.

    Args:
        picture: (height, width, 3) uint8 RGB.
    """
    return bytes(cv2.imencode(".png", picture[:, :, ::-1])[1])
