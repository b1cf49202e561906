"""clips.parquet: written shard by shard, then joined in order, never whole in memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from clipmill.layout import CLIP_COLUMNS, CLIPS, LABEL_COLUMNS, version_path
from clipmill.messages import Clip
from clipmill.storage import Storage
from clipmill.storage.concurrent import ahead

_RESERVED = frozenset(name for name, _ in CLIP_COLUMNS)
_FROM_CLIP = [name for name, _ in CLIP_COLUMNS if name in Clip.__struct_fields__ and name != "folds"]
#: Rows of one row group.
_ROWS_AT_ONCE = 100_000


def clip_schema(extra: tuple[str, ...] = (), multi_label: bool = False) -> pa.Schema:
    """Return the Arrow schema of clips.parquet.

    Args:
        extra: the listing's own columns, all text.
        multi_label: every clip has a list of labels.
    """
    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "list<string>": pa.list_(pa.string()),
    }
    fields = [
        pa.field(name, pa.list_(types[kind]) if multi_label and name in LABEL_COLUMNS else types[kind])
        for name, kind in CLIP_COLUMNS
    ]
    return pa.schema(fields + [pa.field(name, pa.string()) for name in extra])


def read_clips(storage: Storage, version: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read the clip table of a version, or some of its columns."""
    with storage.fetch(version_path(version, CLIPS)) as file:
        return open_table(file).read(columns, use_threads=False)


def further_in(storage: Storage, version: str) -> list[str]:
    """Return the names of the listing's own columns in the clip table of a version."""
    with storage.fetch(version_path(version, CLIPS)) as file:
        return [name for name in open_table(file).schema_arrow.names if name not in _RESERVED]


def open_table(file: IO[bytes]) -> pq.ParquetFile:
    """Open a clip table, or a part of one, for reading."""
    # Without pre-buffering, whose threads crash the process if they still read a Python file when Python ends.
    return pq.ParquetFile(file, pre_buffer=False)


def further_columns(clips: Sequence[Clip]) -> list[str]:
    """Return the names of the listing's own columns, as the clip table has them."""
    return sorted({_column(name) for clip in clips for name in clip.extra})


def shard_rows(shard: str, clips: Sequence[Clip], places: Sequence[tuple[int, int, int]]) -> bytes:
    """Return the rows of one shard, as a small Parquet file.

    Args:
        places: (offset, length, first frame's place in .frames) of each record.
    """
    further = further_columns(clips)
    rows = []
    for clip, (offset, length, frames_at) in zip(clips, places, strict=True):
        row: dict[str, object] = {_column(name): text for name, text in clip.extra.items()}
        row |= {name: getattr(clip, name) for name in _FROM_CLIP}
        row |= {"folds": list(clip.folds), "bytes": clip.nbytes, "shard": shard}
        row |= {"offset": offset, "length": length, "frames_at": frames_at}
        rows.append(row)
    out = io.BytesIO()
    # All clips of a data set have lists of labels, or none has.
    schema = clip_schema(tuple(further), isinstance(clips[0].label_index, tuple))
    pq.write_table(pa.Table.from_pylist(rows, schema), out, compression="zstd")
    return out.getvalue()


def _column(name: str) -> str:
    """Rename a further column that has the name of one of ours."""
    return f"listing_{name}" if name in _RESERVED else name


def join(
    storage: Storage, parts: Iterable[str], further: Sequence[str], file: IO[bytes], multi_label: bool = False
) -> str:
    """Join parts, in order, into one clip table.

    Args:
        storage: that holds the parts.
        further: all further columns of the listings.
        file: what to write to.
        multi_label: every clip has a list of labels.

    Returns:
        SHA-256 of the table's bytes, hex.
    """
    schema = clip_schema(tuple(further), multi_label)
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        rows = 0
        for data in ahead(storage.read, parts):
            table = open_table(io.BytesIO(data)).read(use_threads=False)
            for name in further:
                if name not in table.column_names:
                    table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
            waiting.append(table.select(schema.names).cast(schema))
            rows += table.num_rows
            if rows >= _ROWS_AT_ONCE:
                writer.write_table(pa.concat_tables(waiting).combine_chunks())
                waiting.clear()
                rows = 0
        if waiting:
            writer.write_table(pa.concat_tables(waiting).combine_chunks())
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()
