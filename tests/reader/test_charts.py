"""Charts show the numbers that they are given."""

from __future__ import annotations

import numpy as np

from clipmill.reader.charts import confusion_chart, share_chart

BLUE, ORANGE = (30, 90, 180), (200, 90, 30)


def rows_of(chart, color: tuple[int, int, int], columns: slice) -> np.ndarray:
    """The rows of a chart, below its names, where a color stands in some columns."""
    found = (chart[60:, columns] == color).all(axis=2).any(axis=1)
    return 60 + np.flatnonzero(found)


def test_higher_shares_stand_higher() -> None:
    chart = share_chart({"rises": [0.0, 0.5, 0.9], "stays": [0.2, 0.2, 0.2]}, "epoch", chance=0.25)
    assert chart.shape == (460, 800, 3) and chart.dtype == np.uint8
    left, right = slice(55, 70), slice(770, 785)
    assert rows_of(chart, BLUE, left).mean() > rows_of(chart, BLUE, right).mean() + 250
    assert abs(rows_of(chart, ORANGE, left).mean() - rows_of(chart, ORANGE, right).mean()) < 2


def test_one_step_is_a_point() -> None:
    chart = share_chart({"one": [0.5]}, "epoch")
    assert len(rows_of(chart, BLUE, slice(0, 800)))


def test_what_is_right_stands_on_the_diagonal() -> None:
    labels = ["clockwise", "a very long name of a class", "ünusual"]
    right = confusion_chart([0, 1, 2, 2], [0, 1, 2, 2], labels)
    wrong = confusion_chart([0, 1, 2, 2], [1, 2, 0, 0], labels)
    assert right.shape == wrong.shape

    def full(chart) -> set[tuple[int, int]]:
        """Cells whose whole row of clips went there: their corner has the full color."""
        margin = chart.shape[1] - 20 - 3 * 56
        return {(r, c) for r in range(3) for c in range(3) if tuple(chart[43 + 56 * r, margin + 56 * c + 3]) == BLUE}

    assert full(right) == {(0, 0), (1, 1), (2, 2)}
    assert full(wrong) == {(0, 1), (1, 2), (2, 0)}


def test_an_empty_class_has_no_shade() -> None:
    chart = confusion_chart([0], [0], ["a", "b"])
    assert (chart[40 + 56 : 40 + 112, -20 - 56 : -24] == 250).all(axis=2).mean() > 0.9
