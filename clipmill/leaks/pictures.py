"""Pictures of pairs: the frames of one clip above those of the other, at the same moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.leaks.found import Pair
from clipmill.leaks.samples import read_samples
from clipmill.reader.contact_sheet import contact_sheet
from clipmill.reader.dataset import Dataset
from clipmill.signatures.moments import RATE

#: Height and width of a frame in the picture; frames of other shapes are stretched, as they are compared.
_SIZE = (120, 160)
_MOMENTS = 5


def draw_pairs(pairs: Sequence[Pair], datasets: Mapping[str, Dataset]) -> npt.NDArray[np.uint8]:
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
        shared = np.linspace(0, round(pair.seconds * RATE) - 1, _MOMENTS).round().astype(int)
        for clip, begin in ((pair.first, max(0.0, pair.offset)), (pair.second, max(0.0, -pair.offset))):
            table = datasets[clip.dataset].table
            jpegs = read_samples(table, clip.row, (shared + round(begin * RATE)).tolist())
            rows.append([cv2.resize(simplejpeg.decode_jpeg(jpeg), _SIZE[::-1]) for jpeg in jpegs])
            captions.append(f"{clip.id}  {clip.split}  {clip.label}  from {begin:.2f} s")
        captions[-2] += f"  score {pair.score:.2f}{'  mirrored' * pair.mirrored}{'  cropped' * pair.cropped}"
    return contact_sheet(np.array(rows, np.uint8), captions, _MOMENTS)
