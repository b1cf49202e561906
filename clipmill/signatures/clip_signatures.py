"""Signatures of clips: the codes of a few samples a second, and the files that they are kept in.

OUT/versions/<name>/signatures.arrow     of a version's clips, in the order of its clip table
OUT/work/signatures/<hash>.arrow         of clips that a build has signed and not published yet

Arrow IPC, not compressed, so that it can be mapped into memory:
    clip_key  string
    codes     one fixed_size_binary(32) for each sample: little-endian uint32 codes, (views, quarters)

A clip's key names its frames, so the signature of a clip that did not change is taken over from any version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clipmill.layout import version_path
from clipmill.signatures.frame_codes import QUARTERS, VIEWS, Codes
from clipmill.storage import Storage

NAME = "signatures.arrow"
WORK = "work/signatures"
#: Raised when the codes of the same frames change.
EPOCH = 2

_SAMPLE = pa.binary(4 * VIEWS * QUARTERS)
_SCHEMA = pa.schema({"clip_key": pa.string(), "codes": pa.large_list(_SAMPLE)}, metadata={"epoch": str(EPOCH)})


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


def to_table(keys: Sequence[str], codes: Sequence[Codes]) -> pa.Table:
    """Return a table of signatures: the key of each clip, and its codes, (samples, VIEWS, QUARTERS)."""
    starts = np.cumsum([0, *map(len, codes)])
    flat = np.concatenate([np.empty((0, VIEWS, QUARTERS), "<u4"), *codes])
    samples = pa.FixedSizeBinaryArray.from_buffers(_SAMPLE, len(flat), [None, pa.py_buffer(flat)])
    return pa.table([pa.array(keys, pa.string()), pa.LargeListArray.from_arrays(starts, samples)], schema=_SCHEMA)


def to_signatures(table: pa.Table) -> Signatures:
    """Return the signatures in a table that was read or gathered; they are not copied."""
    codes = table["codes"].combine_chunks()
    starts = codes.offsets.to_numpy()
    flat = np.frombuffer(codes.values.buffers()[1] or b"", "<u4")
    return Signatures(flat.reshape(-1, VIEWS, QUARTERS)[: starts[-1]], starts[:-1], np.diff(starts))


def write_table(storage: Storage, path: str, table: pa.Table) -> None:
    """Keep a table of signatures as one object.

    Raises:
        StorageError: the data set cannot be written.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, _SCHEMA) as out:
        out.write_table(table.combine_chunks(), max_chunksize=max(1, len(table)))
    storage.put(path, sink.getvalue().to_pybytes())


def read_table(storage: Storage, path: str) -> pa.Table | None:
    """Read a table of signatures, mapped from the file where it is local; None where there is none.

    Those that another clipmill made otherwise are as good as none.
    """
    if storage.stat(path) is None:
        return None
    source = pa.BufferReader(storage.read(path)) if storage.disk is None else pa.memory_map(storage.disk.path(path))
    table = pa.ipc.open_file(source).read_all()
    return table if table.schema.equals(_SCHEMA, check_metadata=True) else None


def load_signatures(storage: Storage, version: str) -> Signatures | None:
    """Return the signatures kept with a version, in the order of its clip table; None where there are none."""
    table = read_table(storage, version_path(version, NAME))
    return None if table is None else to_signatures(table)


def work_path(keys: Iterable[str]) -> str:
    """Return the path where the signatures of these clips wait for a version."""
    return f"{WORK}/{hashlib.sha256(''.join(keys).encode()).hexdigest()[:32]}.arrow"


def kept_tables(storage: Storage) -> Iterator[pa.Table]:
    """Iterate over all signatures that are kept: those that wait for a version, then those of each version."""
    waiting = [read_table(storage, path) for path, _ in storage.list(WORK)]
    # One table: there may be thousands.
    yield pa.concat_tables([_SCHEMA.empty_table(), *(table for table in waiting if table is not None)])
    for version in storage.children("versions")[0]:
        table = read_table(storage, version_path(version, NAME))
        if table is not None:
            yield table


def gather(keys: pa.Array, tables: Iterable[pa.Table]) -> pa.Table:
    """Find the signatures of clips.

    Args:
        keys: of the clips.
        tables: where to look, one after the other until all are found.

    Returns:
        A row for each key, in their order; `codes` is null where there is no signature.
    """
    places = np.full(len(keys), -1)
    looked_at = [_SCHEMA.empty_table()]
    end = 0
    for table in tables:
        found = pc.index_in(keys, value_set=table["clip_key"]).fill_null(-1).to_numpy(zero_copy_only=False)
        new = (places < 0) & (found >= 0)
        places[new] = end + found[new]
        looked_at.append(table)
        end += len(table)
        if (places >= 0).all():
            break
    codes = pa.concat_tables(looked_at)["codes"].combine_chunks().take(pa.array(places, mask=places < 0))
    return pa.table([keys, codes], schema=_SCHEMA)


def remove_waiting(storage: Storage, keys: pa.Array) -> None:
    """Remove from the work folder the files of signatures that are all of clips with these keys."""
    for path, _ in storage.list(WORK):
        table = read_table(storage, path)
        if table is None or pc.all(pc.is_in(table["clip_key"], value_set=keys), min_count=0).as_py():
            storage.delete(path)
