"""The signatures of a data set: those that are kept, and new ones from the stored JPEGs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

import pyarrow as pa

from clipmill.errors import DataError, StorageError, UsageError
from clipmill.layout import version_path
from clipmill.leaks.samples import read_samples
from clipmill.reader.clip_table import ClipTable
from clipmill.reader.dataset import Dataset
from clipmill.signatures.clip_codes import codes_of
from clipmill.signatures.clip_signatures import (
    NAME,
    Signatures,
    gather,
    kept_tables,
    load_signatures,
    to_signatures,
    to_table,
    write_table,
)
from clipmill.signatures.frame_codes import Codes
from clipmill.storage import open_storage
from clipmill.storage.concurrent import ahead

Progress = Callable[[int, int], None]


def signatures_of(data: Dataset, progress: Progress = lambda done, of: None) -> Signatures:
    """Return the signatures of all clips of a data set: those kept with it, or else new ones, which are then kept.

    Those of clips that another version has, or that a build signed, are taken over.

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
    keys = data.column("clip_key").combine_chunks()
    # An adopted clip's key names its bytes, but not which of their fields were taken for times.
    found = gather(keys, [] if data.manifest.adopted else kept_tables(storage))
    missing = found["codes"].is_null().to_numpy().nonzero()[0].tolist()
    if missing:
        made = to_table(keys.take(pa.array(missing)).to_pylist(), make_codes(data, missing, progress))
        found = gather(keys, [found.filter(found["codes"].is_valid()), made])
    # A data set that may only be read has its signatures made each time.
    with contextlib.suppress(StorageError):
        write_table(storage, version_path(data.version, NAME), found)
    return to_signatures(found)


def make_codes(data: Dataset, rows: Sequence[int], progress: Progress = lambda done, of: None) -> list[Codes]:
    """Make the codes of some clips of a data set from their frames; see `signatures_of`."""
    if data.manifest.pairs:
        raise UsageError(f"{data.path}: holds images with masks; signatures are of clips")
    made = []
    clips = len(data.table.frames)
    for codes in ahead(lambda row: clip_codes(data.table, row), rows):
        made.append(codes)
        progress(clips - len(rows) + len(made), clips)
    return made


def clip_codes(table: ClipTable, row: int) -> Codes:
    """Read a clip's samples and return their codes: (samples, VIEWS, QUARTERS).

    Raises:
        DataError: the clip cannot be read.
    """
    samples = read_samples(table, row)
    try:
        return codes_of(samples)
    except ValueError as error:
        raise DataError(f"{table.ids[row].as_py()}: a frame is not a whole JPEG: {error}") from None
