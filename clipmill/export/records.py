"""`tfds`, `mediaseq`, `frames-example`, or a TOML file: TFRecord files of another schema."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from clipmill.dataset.clip_table import further_in, read_clips
from clipmill.dataset.tfds_files import tables
from clipmill.errors import UsageError
from clipmill.export.base import DataSet, ExportFile, ExportOptions, ExportPlan, StoredClip, by_split, records_of
from clipmill.layout import MULTI_LABEL, OWN, Manifest, ShardEntry, SplitEntry
from clipmill.records import get_schema
from clipmill.records.base import Schema
from clipmill.records.column_types import cell, read_columns, write_columns
from clipmill.shards.shard_file import ShardClip, write_record
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
        """Plan files under the names that TFDS expects.

        Raises:
            UsageError: the clip table does not have a column that records are to hold.
        """
        pattern = "{dataset}-{split}." + self._container + "-{index:05d}-of-{count:05d}"
        clips = _with_columns(data, list(self.schema_for(data, options).columns), options)
        return by_split(data._replace(clips=clips), options, self.order, pattern)

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one TFRecord file."""
        schema = self.schema_for(data, options)
        with dest.writer(file.name) as out:
            if as_stored(data, schema):
                for stored in file.clips:
                    for part in data.stored(stored):
                        out.write(part)
            else:
                for clip in self.clips_of(data, file):
                    write_record(out, schema, clip)

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return the label file and, for Examples, TFDS's features.json and dataset_info.json."""
        schema = self.schema_for(data, options)
        return tables(_manifest(data, schema.name, plan), data.labels, schema, self._container)

    def schema_for(self, data: DataSet, options: ExportOptions) -> Schema:
        """Return the schema with the columns that it is to hold: by default those of the exported records."""
        columns = options.record_columns or write_columns(get_schema(data.manifest.schema).columns)
        declared = f":{columns}" if columns and not self._schema.startswith(OWN) else ""
        return get_schema(self._schema + declared + (MULTI_LABEL if data.manifest.multi_label else ""))

    def clips_of(self, data: DataSet, file: ExportFile) -> Iterator[ShardClip]:
        """Read the clips of a file, as they are written."""
        for clip, record, frames in records_of(data, file.clips):
            said = msgspec.structs.replace(record, columns=dict(clip.further))
            yield ShardClip(said, [len(frame) for frame in frames], frames)


def as_stored(data: DataSet, schema: Schema) -> bool:
    """Return whether records of a schema are those of the data set, byte for byte; of adopted ones nobody knows."""
    return schema.name == data.manifest.schema and not data.manifest.adopted


def _with_columns(data: DataSet, columns: list[str], options: ExportOptions) -> list[StoredClip]:
    """Return the clips with what the clip table has of these columns.

    Raises:
        UsageError: it does not have one that was asked for, or a cell is not of its type.
    """
    version = data.manifest.version
    there = further_in(data.storage, version)
    asked = read_columns(options.record_columns)
    lacking = next((name for name in asked if name not in there), None)
    if lacking is not None:
        raise UsageError(f"--record-columns {lacking}: the clip table has no such column; it has {', '.join(there)}")
    columns = [name for name in columns if name in there]
    if not columns:
        return data.clips
    table = read_clips(data.storage, version, ["clip_id", *columns])
    found = dict(zip(table["clip_id"].to_pylist(), table.select(columns).to_pylist(), strict=True))
    for name, kind in asked.items():
        for clip in data.clips:
            try:
                cell(kind, found[clip.clip_id][name])
            except ValueError as error:
                raise UsageError(f"--record-columns {name}={kind}: {clip.clip_id}: {error}") from None
    return [clip._replace(further=tuple((k, v) for k, v in found[clip.clip_id].items() if v)) for clip in data.clips]


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
