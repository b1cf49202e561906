"""HTML of tables and pictures, which notebooks draw on light and dark pages without a request anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

Pixels = npt.NDArray[np.uint8]

#: Stands for the class of clips that have none.
NO_LABEL = "no label"
#: Of a frame in a strip, in pixels.
HEIGHT = 96
_GAP = 3
#: Grey lines on any ground; ink and ground are those of the page.
_CELL = "padding:2px 10px;border-bottom:1px solid rgba(128,128,128,.4)"


def evenly(length: int, most: int) -> list[int]:
    """Return the numbers of up to `most` things out of `length`, evenly spaced, the first and the last among them."""
    return sorted(set(np.linspace(0, length - 1, min(most, length)).round().astype(int).tolist()))


def strip(frames: Sequence[Pixels], height: int = HEIGHT) -> Pixels:
    """Put frames beside each other at one height.

    Args:
        frames: one or more, each (height, width, 3) uint8 RGB of any size.
        height: of the strip, in pixels.
    """
    parts = []
    for frame in frames:
        tall, wide = frame.shape[:2]
        size = max(1, round(wide * height / tall)), height
        how = cv2.INTER_AREA if tall > height else cv2.INTER_LINEAR
        parts += [cv2.resize(np.ascontiguousarray(frame), size, interpolation=how), np.zeros((height, _GAP, 3))]
    return np.hstack(parts[:-1]).astype(np.uint8)


def coloured(mask: npt.NDArray[np.int32]) -> Pixels:
    """Return a mask with a colour for each value, those of PASCAL VOC's palette: 0 is black.

    Args:
        mask: (height, width) int32.

    Returns:
        (height, width, 3) uint8 RGB. Bit n of a colour is bit 3 (7 - n) of the value, one higher for each channel.
    """
    planes = [sum(((mask >> (3 * (7 - bit) + channel)) & 1) << bit for bit in range(8)) for channel in range(3)]
    return np.stack(planes, -1).astype(np.uint8)


def data_uri(pixels: Pixels) -> str:
    """Return a picture, (height, width, 3) uint8 RGB, as a JPEG that stands in the page itself."""
    return uri_of_jpeg(
        simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=85, colorspace="RGB", colorsubsampling="420")
    )


def uri_of_jpeg(jpeg: bytes) -> str:
    """Return a JPEG that stands in the page itself."""
    return f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"


def figure(pixels: Pixels, caption: str) -> str:
    """Return a picture under its caption, which is also what is read out in its place."""
    text = escape(caption)
    return (
        f'<figure style="margin:6px 0"><figcaption>{text}</figcaption>'
        f'<img alt="{text}" src="{data_uri(pixels)}" style="max-width:100%;height:auto"></figure>'
    )


def table(rows: Sequence[Sequence[object]]) -> str:
    """Return a table, its first row as headings: the first column to the left, the others to the right."""
    lines = []
    for number, row in enumerate(rows):
        tag = "th" if number == 0 else "td"
        cells = "".join(
            f'<{tag} style="{_CELL};text-align:{"right" if column else "left"}">{escape(str(cell))}</{tag}>'
            for column, cell in enumerate(row)
        )
        lines.append(f"<tr>{cells}</tr>")
    return f'<table style="border-collapse:collapse;margin:6px 0">{"".join(lines)}</table>'


def folded(summary: str, inner: str) -> str:
    """Return HTML that a click on its summary unfolds."""
    return f"<details><summary>{escape(summary)}</summary>{inner}</details>"


def block(title: str, *parts: str) -> str:
    """Return parts of HTML under a title."""
    return f"<div><strong>{escape(title)}</strong>{''.join(parts)}</div>"


def note(text: str) -> str:
    """Return a line of text."""
    return f"<p>{escape(text)}</p>"
