"""Finding encoded frames in the output: in the published version, and in shards that no version has yet."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain
from typing import IO

import pyarrow as pa

from clipmill.dataset.clip_table import open_table
from clipmill.layout import CLIPS, LABELS, read_manifest, shard_path, version_path
from clipmill.messages import Piece, SpanDone
from clipmill.storage import Storage
from clipmill.storage.concurrent import each

#: Parts of clip tables, written when their shard is durable, deleted when it is published.
PARTS = "work/parts"


def shard_rows_path(run: str, shard: str, schema: str) -> str:
    """Return the path where a run keeps a shard's part of the clip table until it publishes."""
    return f"{PARTS}/{run}/{shard}.{schema}.parquet"


_COLUMNS = [
    "clip_key",
    "digest",
    "frames",
    "width",
    "height",
    "fps",
    "duration",
    "bytes",
    "bad_packets",
    "shard",
    "offset",
    "length",
]


def published_spans(storage: Storage, version: str) -> Iterator[tuple[str, SpanDone]]:
    """Iterate over (clip key, where its frames are) for every clip of a version."""
    manifest = read_manifest(storage, version)
    paths = [shard_path(shard) for shard in manifest.shards]
    # A shard that somebody deleted, perhaps because it was damaged, is rebuilt.
    there = {path for path, stat in zip(paths, each(storage, storage.stat, paths), strict=True) if stat is not None}
    with storage.fetch(version_path(version, CLIPS)) as file:
        yield from ((key, span) for key, span in _spans(file, manifest.schema) if span.piece.path in there)


def waiting_spans(storage: Storage, schema: str) -> Iterator[tuple[str, SpanDone]]:
    """Iterate over (clip key, where its frames are) for every clip in a shard that a run wrote and did not publish.

    Args:
        schema: only shards of this schema are considered.
    """

    def of_part(path: str) -> list[tuple[str, SpanDone]]:
        try:
            spans = list(_spans(io.BytesIO(storage.read(path)), schema))
        except (FileNotFoundError, pa.ArrowException):  # published meanwhile, or damaged by a power cut
            return []
        present = {piece for piece in {span.piece.path for _, span in spans} if storage.stat(piece)}
        return [(key, span) for key, span in spans if span.piece.path in present]

    paths = (path for path, _ in storage.list(PARTS) if path.endswith(f".{schema}.parquet"))
    yield from chain.from_iterable(each(storage, of_part, paths))


def _spans(file: IO[bytes], schema: str) -> Iterator[tuple[str, SpanDone]]:
    table = open_table(file)
    if "duration" not in table.schema_arrow.names:
        return  # written before CODEC_EPOCH 2: none of its clip keys can match
    for batch in table.iter_batches(batch_size=8192, columns=_COLUMNS):
        for row in batch.to_pylist():
            key = row["clip_key"]
            yield (
                key,
                SpanDone(
                    clip_key=key,
                    number=0,
                    of=1,
                    piece=Piece(shard_path(row["shard"]), schema, row["offset"], row["length"]),
                    frames=row["frames"],
                    nbytes=row["bytes"],
                    width=row["width"],
                    height=row["height"],
                    fps=row["fps"],
                    bad_packets=row["bad_packets"],
                    digest=row["digest"],
                    duration=row["duration"],
                ),
            )


def published_labels(storage: Storage, version: str) -> list[str]:
    """Return the classes of a version, in order."""
    return storage.read(version_path(version, LABELS)).decode().splitlines()
