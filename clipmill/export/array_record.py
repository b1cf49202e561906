"""`array_record`: ArrayRecord files, one record a group, which Grain and TFDS read at random.

A file that was never closed opens as an empty one, so each is opened again and its records are counted before it gets
its name.
"""

from __future__ import annotations

import os
import shutil
import tempfile

from clipmill.errors import MissingExtra, StorageError
from clipmill.export.base import DataSet, ExportFile, ExportOptions
from clipmill.export.records import Records, as_stored
from clipmill.storage import Storage

try:
    from array_record.python.array_record_module import ArrayRecordReader, ArrayRecordWriter
except ImportError:
    raise MissingExtra("clipmill export --to array_record", "array-record") from None

#: JPEGs do not shrink further. A group of one record is what is read for one record.
_OPTIONS = "group_size:1,uncompressed"


class ArrayRecords(Records):
    """The records of the schema `tfds`, as they are, in ArrayRecord files with TFDS's own files beside them."""

    def __init__(self) -> None:
        super().__init__("tfds", name="array_record", container="array_record")

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one ArrayRecord file.

        Raises:
            StorageError: the file does not hold what was written into it.
        """
        schema = self.schema_for(data, options)
        with tempfile.TemporaryDirectory(prefix="clipmill-") as folder:
            # Its writer takes a local path only.
            path = os.path.join(folder, "records")
            writer = ArrayRecordWriter(path, _OPTIONS)
            if as_stored(data, schema):
                for stored in file.clips:
                    writer.write(data.stored(stored)[1])
            else:
                for clip in self.clips_of(data, file):
                    pieces: list[bytes | memoryview] = [schema.head(clip.record, clip.sizes)]
                    for frame in clip.frames:
                        pieces += (schema.prefix(len(frame)), frame)
                    writer.write(b"".join(pieces))
            writer.close()
            _check(path, len(file.clips), file.name)
            with open(path, "rb") as made, dest.writer(file.name) as out:
                shutil.copyfileobj(made, out, 8 << 20)


def _check(path: str, records: int, name: str) -> None:
    reader = ArrayRecordReader(path, "")
    try:
        found = reader.num_records()
    finally:
        reader.close()
    if found != records:
        raise StorageError(f"{name}: {found} records where {records} were written; export again")


FORMATS = {"array_record": ArrayRecords()}
