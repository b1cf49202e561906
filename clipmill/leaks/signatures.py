"""Signatures of clips: the codes of a few frames a second, made from the stored JPEGs and kept beside the clip table.

OUT/versions/<name>/signatures.arrow     Arrow IPC, not compressed, so that it can be mapped into memory
    clip_id   string
    codes     one fixed_size_binary(32) for each sample: little-endian uint32 codes, (views, quarters)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import simplejpeg

from clipmill.errors import DataError, StorageError, UsageError
from clipmill.layout import version_path
from clipmill.leaks.frame_codes import QUARTERS, VIEWS, Codes, encode
from clipmill.leaks.samples import read_samples
from clipmill.reader.clip_table import ClipTable
from clipmill.reader.dataset import Dataset
from clipmill.storage import Storage, open_storage
from clipmill.storage.concurrent import ahead

NAME = "signatures.arrow"
#: Raised when the codes of the same frames change.
EPOCH = 1

#: JPEGs are decoded at an eighth of their size, or the smallest multiple of it whose sides have so many pixels.
_LEAST_SIDE = 28

_SAMPLE = pa.binary(4 * VIEWS * QUARTERS)


class Signatures(NamedTuple):
    """The codes of clips.

    Attributes:
        codes: (samples, VIEWS, QUARTERS) uint32, those of the first clip, then those of the second, ...
        starts: (clips + 1,) int64, where each clip's begin.
    """

    codes: Codes
    starts: npt.NDArray[np.int64]

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How many samples each clip has."""
        return np.diff(self.starts)


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
    kept = _load(storage, data.version)
    if kept is not None:
        return kept
    made = make_signatures(data, progress)
    # A data set that may only be read has its signatures made each time.
    with contextlib.suppress(StorageError):
        _save(storage, data, made)
    return made


def make_signatures(data: Dataset, progress: Callable[[int, int], None] = lambda done, of: None) -> Signatures:
    """Make the signatures of all clips of a data set from their frames; see `signatures_of`."""
    if data.manifest.pairs:
        raise UsageError(f"{data.path}: holds images with masks; signatures are of clips")
    made = []
    for codes in ahead(lambda row: clip_codes(data.table, row), range(len(data.table.frames))):
        made.append(codes)
        progress(len(made), len(data.table.frames))
    lengths = [len(codes) for codes in made]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Signatures(np.concatenate(made) if made else np.empty((0, VIEWS, QUARTERS), np.uint32), starts)


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


def _save(storage: Storage, data: Dataset, made: Signatures) -> None:
    samples = pa.FixedSizeBinaryArray.from_buffers(_SAMPLE, len(made.codes), [None, pa.py_buffer(made.codes)])
    codes = pa.LargeListArray.from_arrays(made.starts, samples)
    ids = pa.array(data.table.ids.to_pylist(), pa.string())
    table = pa.table({"clip_id": ids, "codes": codes}).replace_schema_metadata({"epoch": str(EPOCH)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table, max_chunksize=max(1, len(table)))
    storage.put(version_path(data.version, NAME), sink.getvalue().to_pybytes())


def _load(storage: Storage, version: str) -> Signatures | None:
    path = version_path(version, NAME)
    if storage.stat(path) is None:
        return None
    source = pa.BufferReader(storage.read(path)) if storage.disk is None else pa.memory_map(storage.disk.path(path))
    table = pa.ipc.open_file(source).read_all()
    if (table.schema.metadata or {}).get(b"epoch") != str(EPOCH).encode():
        return None
    codes = table["codes"].combine_chunks()
    flat = np.frombuffer(codes.values.buffers()[1] or b"", "<u4")
    starts = codes.offsets.to_numpy()
    return Signatures(flat.reshape(-1, VIEWS, QUARTERS)[: starts[-1]], starts)
