"""Making the signatures of clips from their stored JPEGs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.errors import DataError, StorageError, UsageError
from clipmill.leaks.samples import read_samples
from clipmill.reader.clip_table import ClipTable
from clipmill.reader.dataset import Dataset
from clipmill.signatures.clip_signatures import Signatures, join, load_signatures, save_signatures
from clipmill.signatures.frame_codes import QUARTERS, VIEWS, Codes, encode
from clipmill.storage import open_storage
from clipmill.storage.concurrent import ahead

#: JPEGs are decoded at an eighth of their size, or the smallest multiple of it whose sides have so many pixels.
_LEAST_SIDE = 28


def signatures_of(data: Dataset, progress: Callable[[int, int], None] = lambda done, of: None) -> Signatures:
    """Return the signatures of all clips of a data set: those kept with it, or new ones, which are kept if possible.

    Args:
        data: the data set.
        progress: called with the number of clips done, and of all.

    Raises:
        UsageError: the data set holds images with masks.
        DataError: a clip cannot be read.
    """
    storage = open_storage(data.path)
    kept = load_signatures(storage, data.version)
    if kept is not None:
        return kept
    made = make_signatures(data, progress)
    # A data set that may only be read has its signatures made each time.
    with contextlib.suppress(StorageError):
        save_signatures(storage, data.version, data.table.ids, made)
    return made


def make_signatures(data: Dataset, progress: Callable[[int, int], None] = lambda done, of: None) -> Signatures:
    """Make the signatures of all clips of a data set from their frames; see `signatures_of`."""
    if data.manifest.pairs:
        raise UsageError(f"{data.path}: holds images with masks; signatures are of clips")
    made = []
    for codes in ahead(lambda row: clip_codes(data.table, row), range(len(data.table.frames))):
        made.append(codes)
        progress(len(made), len(data.table.frames))
    joined = np.concatenate(made) if made else np.empty((0, VIEWS, QUARTERS), np.uint32)
    return join(joined, [len(codes) for codes in made])


def clip_codes(table: ClipTable, row: int) -> Codes:
    """Read a clip's samples and return their codes: (samples, VIEWS, QUARTERS).

    Raises:
        DataError: the clip cannot be read.
    """
    jpegs = read_samples(table, row)
    frames = list({id(jpeg): jpeg for jpeg in jpegs}.values())
    numbers = {id(jpeg): number for number, jpeg in enumerate(frames)}
    try:
        codes = encode([_grey(jpeg) for jpeg in frames])
    except ValueError as error:
        raise DataError(f"{table.ids[row].as_py()}: a frame is not a whole JPEG: {error}") from None
    return codes[[numbers[id(jpeg)] for jpeg in jpegs]]


def _grey(jpeg: Any) -> npt.NDArray[np.uint8]:
    picture: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(jpeg, "GRAY", True, True, _LEAST_SIDE, _LEAST_SIDE, 8)
    return picture[..., 0]
