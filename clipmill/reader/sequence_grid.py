"""Drawing sequence grids: a row for each clip, consecutive frames across, the next step below.

Step s of a grid with F frames shows frames s*F to s*F + F - 1 of each clip, as a reader of consecutive windows gives
them batch by batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.reader.batches import Batches
from clipmill.reader.clips import Clips
from clipmill.reader.draws import mix64
from clipmill.reader.markup import NO_LABEL
from clipmill.reader.options import make_options
from clipmill.reader.sampling.samplers import FirstFrames

Picture = npt.NDArray[np.uint8]

_PAPER, _INK, _FAINT = 250, (30, 30, 30), (120, 120, 120)
_FONT = cv2.FONT_HERSHEY_DUPLEX
_MARGIN, _GAP, _LINE = 12, 4, 20
#: Width of a frame in the picture, in pixels; its height follows from the clip's shape.
_WIDTH = 160


class ClipStrip(NamedTuple):
    """The first frames of one clip, to draw.

    Attributes:
        clip_id, label: text.
        frames: (time, height, width, 3) uint8 RGB.
        numbers: (time,) of the frames in the source.
    """

    clip_id: str
    label: str
    frames: Picture
    numbers: npt.NDArray[np.int64]


def read_strips(clips: Clips, rows: int, frames: int) -> list[ClipStrip]:
    """Read the first frames of a few clips, as many classes as possible among them.

    Args:
        rows: the most clips, those that are long enough first.
        frames: the most frames of each.

    Raises:
        UsageError: the set is empty, or a mix.
    """
    clips.single("show its members one by one")
    if not len(clips):
        raise UsageError("there are no clips to show")
    strips = []
    for index in choose(clips, rows, frames):
        one = clips.alone(index)
        sampler = FirstFrames(min(frames, int(one.lengths.frames[0])))
        options = make_options(sampler=sampler, augment=(), shuffle=False, batch_size=1)
        batch = Batches(one, options, threads=1).at(0, 0)
        name = clips.label_names(index) or NO_LABEL
        strips.append(ClipStrip(str(batch["id"][0]), name, np.array(batch["frames"][0]), batch["frame_index"][0]))
    return strips


def choose(clips: Clips, rows: int, frames: int) -> list[int]:
    """Choose up to `rows` clips: those of `frames` frames first, a class again only when all classes had their turn.

    Returns:
        Their numbers in the set.
    """
    labels = clips.table.label[clips.rows]
    lengths = clips.table.frames[clips.rows]
    # Neighbours in the table are alike: of equally long clips, take them by a hash of their place.
    place = mix64(np.arange(len(clips), dtype=np.uint64))
    turns: dict[int, int] = {}
    keyed: list[tuple[int, int, int]] = []
    for index in np.lexsort((place, -np.minimum(lengths, frames))).tolist():
        label = int(labels[index])
        keyed.append((turns.get(label, 0), len(keyed), index))
        turns[label] = turns.get(label, 0) + 1
    return [index for _, _, index in sorted(keyed)[:rows]]


def sequence_grid(strips: Sequence[ClipStrip], frames: int, steps: int) -> Picture:
    """Draw clips as rows of consecutive frames, step below step.

    Args:
        strips: with up to `frames * steps` frames each.
        frames: across.
        steps: the most steps; fewer where no clip is that long.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    longest = max(len(strip.frames) for strip in strips)
    steps = min(steps, -(-longest // frames))
    blocks = [_title(f"step {step}", frames, _INK) for step in range(steps)]
    drawn = [
        np.vstack([blocks[step], *(_row(strip, step * frames, frames) for strip in strips)]) for step in range(steps)
    ]
    sheet = np.vstack(drawn)
    return np.pad(sheet, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), constant_values=_PAPER)


def _row(strip: ClipStrip, first: int, frames: int) -> Picture:
    """Draw one clip's frames from `first` on, under its class and their numbers."""
    height = max(1, round(_WIDTH * strip.frames.shape[1] / strip.frames.shape[2]))
    row = np.full((_LINE + height + _GAP, _across(frames), 3), _PAPER, np.uint8)
    for column in range(frames):
        left = column * (_WIDTH + _GAP)
        if first + column >= len(strip.frames):
            break
        shrinks = strip.frames.shape[2] > _WIDTH
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        picture = cv2.resize(np.ascontiguousarray(strip.frames[first + column]), (_WIDTH, height), interpolation=how)
        row[_LINE : _LINE + height, left : left + _WIDTH] = picture
        number = f"frame {strip.numbers[first + column]}"
        text = strip.label if column == 0 else ""
        _write(row, number, left + _WIDTH - _width(number), _WIDTH, _FAINT)
        _write(row, text, left, _WIDTH - _width(number) - 2 * _GAP, _INK)
    return row


def _title(text: str, frames: int, ink: tuple[int, int, int]) -> Picture:
    title = np.full((_LINE, _across(frames), 3), _PAPER, np.uint8)
    _write(title, text, 0, title.shape[1], ink)
    return title


def _across(frames: int) -> int:
    return frames * (_WIDTH + _GAP) - _GAP


def _width(text: str) -> int:
    return int(cv2.getTextSize(text, _FONT, 0.4, 1)[0][0])


def _write(picture: Picture, text: str, left: int, room: int, ink: tuple[int, int, int]) -> None:
    # OpenCV's fonts hold ASCII only.
    text = text.encode("ascii", "replace").decode()
    while text and _width(text) > room:
        text = text[:-3] + ".." if len(text) > 3 else ""
    cv2.putText(picture, text, (left, _LINE - 6), _FONT, 0.4, ink, 1, cv2.LINE_AA)
