"""Pictures of pairs: the frames of one clip above those of the other, at the same moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.leaks.found import Pair, PairedClip
from clipmill.leaks.samples import read_samples
from clipmill.reader.contact_sheet import contact_sheet
from clipmill.reader.dataset import Dataset
from clipmill.signatures.moments import RATE

Pixels = npt.NDArray[np.uint8]

#: Height and width of a frame in the picture; frames of other shapes are stretched, as they are compared.
_SIZE = (120, 160)
_MOMENTS = 5


def draw_pairs(pairs: Sequence[Pair], datasets: Mapping[str, Dataset]) -> Pixels:
    """Draw pairs below each other: two rows each, of frames at five moments that both clips show.

    Args:
        pairs: at least one.
        datasets: those of the clips, by path.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        DataError: a clip cannot be read.
    """
    rows, captions = [], []
    for pair in pairs:
        rows += frames_of_pair(pair, datasets)
        for clip, begin in _begins(pair):
            captions.append(f"{clip.id}  {clip.split}  {clip.label}  from {begin:.2f} s")
        captions[-2] += f"  score {pair.score:.2f}{'  mirrored' * pair.mirrored}{'  cropped' * pair.cropped}"
    return contact_sheet(np.array(rows, np.uint8), captions, _MOMENTS)


def frames_of_pair(pair: Pair, datasets: Mapping[str, Dataset]) -> list[list[Pixels]]:
    """Return frames of both clips of a pair at five moments that both show, each (120, 160, 3) uint8 RGB.

    Raises:
        DataError: a clip cannot be read.
    """
    shared = np.linspace(0, round(pair.seconds * RATE) - 1, _MOMENTS).round().astype(int)
    rows: list[list[Pixels]] = []
    for clip, begin in _begins(pair):
        jpegs = read_samples(datasets[clip.dataset].table, clip.row, (shared + round(begin * RATE)).tolist())
        rows.append([np.asarray(cv2.resize(simplejpeg.decode_jpeg(jpeg), _SIZE[::-1]), np.uint8) for jpeg in jpegs])
    return rows


def _begins(pair: Pair) -> list[tuple[PairedClip, float]]:
    """Return each clip of a pair, and its second at which the other one is shown too."""
    return [(pair.first, max(0.0, pair.offset)), (pair.second, max(0.0, -pair.offset))]
