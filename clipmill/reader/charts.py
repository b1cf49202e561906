"""Drawing charts: curves of a training, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]

_WIDTH, _HEIGHT = 800, 460
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 40, 60
_PAPER, _INK, _FAINT = 250, (40, 40, 40), (215, 215, 215)
_COLORS = ((30, 90, 180), (200, 90, 30), (40, 140, 70), (140, 60, 150), (110, 110, 110))
_FONT = cv2.FONT_HERSHEY_DUPLEX
_CELL = 56


def share_chart(curves: Mapping[str, Sequence[float]], across: str, chance: float | None = None) -> Picture:
    """Draw curves of shares from 0 to 1, such as accuracies, over steps that are counted from 1.

    Args:
        curves: by name, one share for each step.
        across: what the steps are: "epoch".
        chance: the share that guessing reaches, drawn as a grey line.

    Returns:
        (460, 800, 3) uint8 RGB.
    """
    chart = np.full((_HEIGHT, _WIDTH, 3), _PAPER, np.uint8)
    steps = max(map(len, curves.values()))

    def place(step: float, share: float) -> tuple[int, int]:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * (step - 1) / max(1, steps - 1)
        return round(x), round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share))

    for tenths in range(0, 11, 2):
        cv2.line(chart, place(1, tenths / 10), place(max(2, steps), tenths / 10), _FAINT)
        _write(chart, f"{tenths / 10:.1f}", (_LEFT - 38, place(1, tenths / 10)[1] + 5))
    for step in range(1, steps + 1, -(-steps // 12)):
        _write(chart, str(step), (place(step, 0)[0] - 4, _HEIGHT - _BOTTOM + 20))
    _write(chart, across, (_WIDTH // 2 - 20, _HEIGHT - 12))
    left = _LEFT
    for number, (name, shares) in enumerate(curves.items()):
        color = _COLORS[number % len(_COLORS)]
        points = np.array([place(step, share) for step, share in enumerate(shares, 1)], np.int32)
        cv2.polylines(chart, [points], False, color, 2, cv2.LINE_AA)
        for point in points.tolist():
            cv2.circle(chart, point, 3, color, -1, cv2.LINE_AA)
        left = _write(chart, name, (left, 24), color) + 24
    if chance is not None:
        cv2.line(chart, place(1, chance), place(max(2, steps), chance), _COLORS[-1], 1, cv2.LINE_AA)
        _write(chart, f"chance {chance:.2f}", (left, 24), _COLORS[-1])
    return chart


def confusion_chart(true: Sequence[int], taken: Sequence[int], labels: Sequence[str]) -> Picture:
    """Draw how often clips of each class (rows) were taken for each class (columns), as counts and shades.

    Args:
        true, taken: a class's number for each clip.
        labels: the classes' names.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    counts = np.zeros((len(labels), len(labels)), int)
    np.add.at(counts, (np.asarray(true, int), np.asarray(taken, int)), 1)
    margin = 20 + max(_width(label) for label in labels)
    chart = np.full((40 + (len(labels) + 1) * _CELL, margin + len(labels) * _CELL + 20, 3), _PAPER, np.uint8)
    _write(chart, "rows: true class; columns: predicted", (10, 24))
    for row, label in enumerate(labels):
        top = 40 + row * _CELL
        _write(chart, label, (10, top + _CELL // 2 + 5))
        # Names of columns are cut to their cell; rows stand in the same order.
        _write(chart, _cut(label), (margin + row * _CELL + 2, 40 + len(labels) * _CELL + 20))
        for column in range(len(labels)):
            share = counts[row, column] / max(1, counts[row].sum())
            left = margin + column * _CELL
            shade = [round(_PAPER + (dark - _PAPER) * share) for dark in _COLORS[0]]
            cv2.rectangle(chart, (left, top), (left + _CELL - 2, top + _CELL - 2), shade, -1)
            if counts[row, column]:
                number = str(counts[row, column])
                ink = (255, 255, 255) if share > 0.5 else _INK
                _write(chart, number, (left + (_CELL - _width(number)) // 2, top + _CELL // 2 + 5), ink)
    return chart


def _write(chart: Picture, text: str, place: tuple[int, int], color: Any = _INK) -> int:
    """Write text from a place of its baseline on; returns where it ends, in pixels from the left."""
    # OpenCV's fonts hold ASCII only.
    cv2.putText(chart, text.encode("ascii", "replace").decode(), place, _FONT, 0.45, color, 1, cv2.LINE_AA)
    return place[0] + _width(text)


def _width(text: str) -> int:
    return int(cv2.getTextSize(text.encode("ascii", "replace").decode(), _FONT, 0.45, 1)[0][0])


def _cut(text: str) -> str:
    while _width(text) > _CELL - 6:
        text = text[:-3] + ".." if len(text) > 3 else ""
    return text
