"""`tfds`, `mediaseq`, `frames-example`: TFRecord files of another schema."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from clipmill.dataset.tfds_files import tables
from clipmill.export.base import DataSet, ExportFile, ExportOptions, ExportPlan, by_split, records_of, write_record
from clipmill.layout import MULTI_LABEL, Manifest, ShardEntry, SplitEntry
from clipmill.records import get_schema
from clipmill.records.base import ClipRecord, Schema
from clipmill.storage import Storage


class Records:
    """The same clips as records of one schema, with TFDS's files where the schema has them.

    Args:
        schema: its name.
        name: after --to, where it is not the schema's.
        container: kind of the files, as TFDS calls it.
    """

    order = "random"

    def __init__(self, schema: str, name: str = "", container: str = "tfrecord") -> None:
        self.name = name or schema
        self._schema = schema
        self._container = container

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan files under the names that TFDS expects."""
        pattern = "{dataset}-{split}." + self._container + "-{index:05d}-of-{count:05d}"
        return by_split(data, options, self.order, pattern)

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one TFRecord file."""
        schema = self.schema_for(data)
        with dest.writer(file.name) as out:
            for _, record, frames in records_of(data, file.clips):
                write_record(out, self.payload(schema, record, frames))

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return the label file and, for Examples, TFDS's features.json and dataset_info.json."""
        schema = self.schema_for(data)
        return tables(_manifest(data, schema.name, plan), data.labels, schema, self._container)

    def schema_for(self, data: DataSet) -> Schema:
        """Return the schema, or its variant for lists of labels."""
        return get_schema(self._schema + MULTI_LABEL if data.manifest.multi_label else self._schema)

    def payload(self, schema: Schema, record: ClipRecord, frames: Sequence[bytes]) -> bytes:
        """Return a clip's record."""
        pieces = [schema.head(record, [len(frame) for frame in frames])]
        for frame in frames:
            pieces += (schema.prefix(len(frame)), frame)
        return b"".join(pieces)


def _manifest(data: DataSet, schema: str, plan: ExportPlan) -> Manifest:
    """Return the manifest of a version with these files as its shards, as far as TFDS's tables need it."""
    shards = {}
    splits: dict[str, SplitEntry] = {}
    for file in plan.files:
        split = file.clips[0].split
        frames = sum(clip.frames for clip in file.clips)
        shards[file.name] = ShardEntry(len(file.clips), frames, file.nbytes, "", "", "")
        entry = splits.get(split, SplitEntry(0, 0, 0, []))
        splits[split] = SplitEntry(
            clips=entry.clips + len(file.clips),
            frames=entry.frames + frames,
            bytes=entry.bytes + file.nbytes,
            shards=[*entry.shards, file.name],
        )
    return msgspec.structs.replace(data.manifest, schema=schema, splits=splits, shards=shards)


#: The schema `frames` has a name of its own here, since `--to frames` is a folder of frames.
FORMATS = {one.name: one for one in (Records("tfds"), Records("mediaseq"), Records("frames", "frames-example"))}
