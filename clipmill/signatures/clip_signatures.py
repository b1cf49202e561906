"""Signatures of the clips of a version: the codes of a few samples a second, kept beside the clip table.

OUT/versions/<name>/signatures.arrow     Arrow IPC, not compressed, so that it can be mapped into memory
    clip_id   string
    codes     one fixed_size_binary(32) for each sample: little-endian uint32 codes, (views, quarters)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clipmill.layout import version_path
from clipmill.signatures.frame_codes import QUARTERS, VIEWS, Codes
from clipmill.storage import Storage

NAME = "signatures.arrow"
#: Raised when the codes of the same frames change.
EPOCH = 1

_SAMPLE = pa.binary(4 * VIEWS * QUARTERS)


class Signatures(NamedTuple):
    """The codes of clips.

    Attributes:
        codes: (samples, VIEWS, QUARTERS) uint32, of these clips and maybe of others.
        begins: (clips,) int64, where the codes of each clip begin, increasing.
        lengths: (clips,) int64, how many samples each clip has.
    """

    codes: Codes
    begins: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self.begins)

    def take(self, rows: npt.NDArray[Any] | slice) -> Signatures:
        """Return those of some clips, in their order; codes are not copied."""
        return Signatures(self.codes, self.begins[rows], self.lengths[rows])

    @property
    def samples(self) -> npt.NDArray[np.int64]:
        """The places of their codes, those of the first clip, then those of the second, ..."""
        ends = np.cumsum(self.lengths)
        return np.arange(self.lengths.sum()) + np.repeat(self.begins - ends + self.lengths, self.lengths)


def join(codes: Codes, lengths: npt.ArrayLike) -> Signatures:
    """Return signatures whose codes stand one after the other: so many of the first clip, then those of the second."""
    counts = np.asarray(lengths, np.int64)
    return Signatures(codes, np.cumsum(counts) - counts, counts)


def save_signatures(storage: Storage, version: str, ids: pa.ChunkedArray, made: Signatures) -> None:
    """Keep the signatures of a version.

    Args:
        storage: of the data set.
        version: its name.
        ids: of all its clips, in the order of its table.
        made: of the same clips, all the codes there are.

    Raises:
        StorageError: the data set cannot be written.
    """
    starts = np.append(made.begins, len(made.codes))
    samples = pa.FixedSizeBinaryArray.from_buffers(_SAMPLE, len(made.codes), [None, pa.py_buffer(made.codes)])
    columns = {
        "clip_id": pa.array(ids.to_pylist(), pa.string()),
        "codes": pa.LargeListArray.from_arrays(starts, samples),
    }
    table = pa.table(columns).replace_schema_metadata({"epoch": str(EPOCH)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table, max_chunksize=max(1, len(table)))
    storage.put(version_path(version, NAME), sink.getvalue().to_pybytes())


def load_signatures(storage: Storage, version: str) -> Signatures | None:
    """Return the signatures kept with a version, mapped from the file where it is local; None where there are none.

    Those that another clipmill made otherwise are as good as none.
    """
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
    return Signatures(flat.reshape(-1, VIEWS, QUARTERS)[: starts[-1]], starts[:-1], np.diff(starts))
