"""`parquet`: Parquet files and a README.md, so that Hugging Face's `load_dataset(DEST)` finds splits and features.

Columns: id, frames (`List(Image())`), label (`ClassLabel`, null where unlabelled; where clips have lists of labels,
a `List` of them), fps, timestamps (microseconds), frame_index. The features stand in the schema's metadata under the
key `huggingface`, as `datasets` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from clipmill.export.base import DataSet, ExportFile, ExportOptions, ExportPlan, StoredClip, by_split, records_of
from clipmill.records.base import ClipRecord
from clipmill.storage import Storage

#: Bytes of a row group: what a reader holds of a file at once.
_ROW_GROUP = 64 << 20


class Parquet:
    """One row a clip, frames as a list of images."""

    name = "parquet"
    order = "random"

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan files of about `shard_bytes`, named as `load_dataset` expects."""
        return by_split(data, options, self.order, "data/{split}-{index:05d}-of-{count:05d}.parquet")

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one file, a row group at a time."""
        schema = _schema(data.labels, data.manifest.multi_label)
        # JPEGs do not get smaller, and a dictionary of them would be held in memory.
        with (
            dest.writer(file.name) as out,
            pq.ParquetWriter(out, schema, compression="none", use_dictionary=False, write_statistics=False) as writer,
        ):
            for clips in _groups(file.clips):
                writer.write_table(_table(list(records_of(data, clips)), schema), row_group_size=len(clips))

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return README.md, whose head names the files of each split."""
        splits = dict.fromkeys(file.clips[0].split for file in plan.files)
        lines = [f"  - split: {json.dumps(split)}\n    path: {json.dumps(f'data/{split}-*')}" for split in splits]
        text = "\n".join(["---", "configs:", "- config_name: default", "  data_files:", *lines, "---", ""])
        clips = sum(len(file.clips) for file in plan.files)
        text += f"\n# {data.manifest.dataset}\n\n{clips:,} clips, exported by clipmill from version "
        text += f"{data.manifest.version}.\n"
        return {"README.md": text.encode()}


def _schema(labels: list[str], multi_label: bool) -> pa.Schema:
    one = {"names": labels, "_type": "ClassLabel"} if labels else {"dtype": "int64", "_type": "Value"}
    label = {"feature": one, "_type": "List"} if multi_label else one
    features = {
        "id": {"dtype": "string", "_type": "Value"},
        "frames": {"feature": {"_type": "Image"}, "_type": "List"},
        "label": label,
        "fps": {"dtype": "float32", "_type": "Value"},
        "timestamps": {"feature": {"dtype": "int64", "_type": "Value"}, "_type": "List"},
        "frame_index": {"feature": {"dtype": "int64", "_type": "Value"}, "_type": "List"},
    }
    image = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    fields = [
        pa.field("id", pa.string()),
        pa.field("frames", pa.list_(image)),
        pa.field("label", pa.list_(pa.int64()) if multi_label else pa.int64()),
        pa.field("fps", pa.float32()),
        pa.field("timestamps", pa.list_(pa.int64())),
        pa.field("frame_index", pa.list_(pa.int64())),
    ]
    return pa.schema(fields, {"huggingface": json.dumps({"info": {"features": features}})})


def _table(rows: list[tuple[StoredClip, ClipRecord, list[memoryview]]], schema: pa.Schema) -> pa.Table:
    """Return a row for each clip; the frames lie behind each other, since to hand each to Arrow takes twice as long."""
    frames = [frame for _, _, of_clip in rows for frame in of_clip]
    ends = np.cumsum([0, *map(len, frames)], dtype="<i4")
    stored = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(frames))]
    jpegs = pa.Array.from_buffers(pa.binary(), len(frames), stored)
    kind = schema.field("frames").type
    images = pa.StructArray.from_arrays([jpegs, pa.nulls(len(frames), pa.string())], fields=list(kind.value_type))
    clips = pa.array(np.cumsum([0, *(len(of_clip) for _, _, of_clip in rows)], dtype="<i4"))
    columns = {
        "id": [clip.clip_id for clip, _, _ in rows],
        "frames": pa.ListArray.from_arrays(clips, images, type=kind),
        "label": [None if clip.label_index == -1 else clip.label_index for clip, _, _ in rows],
        "fps": [record.fps for _, record, _ in rows],
        "timestamps": [record.timestamps for _, record, _ in rows],
        "frame_index": [record.frame_index for _, record, _ in rows],
    }
    return pa.Table.from_pydict(columns, schema)


def _groups(clips: list[StoredClip]) -> Iterator[list[StoredClip]]:
    group: list[StoredClip] = []
    size = 0
    for clip in clips:
        if group and size + clip.nbytes > _ROW_GROUP:
            yield group
            group, size = [], 0
        group.append(clip)
        size += clip.nbytes
    yield group


FORMATS = {Parquet.name: Parquet()}
