"""Checking one shard against its sidecars, the manifest and its rows of the clip table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import IO, Any

import msgspec
import numpy as np
import simplejpeg

from clipmill.dataset.verify_adopted import foreign_problems
from clipmill.decoding.fragments import clip_digest
from clipmill.errors import DataError, StorageError
from clipmill.layout import Manifest, frames_path, index_path, places_path, shard_path
from clipmill.records import get_schema
from clipmill.records.base import ClipRecord, Schema, body_size
from clipmill.records.columns import KINDS
from clipmill.records.foreign import AdoptedSchema
from clipmill.records.tfrecord import FRAMING, BadRecord, read_record
from clipmill.shards.adopted import read_places
from clipmill.shards.shard_file import file_crc, read_index, read_sizes
from clipmill.storage import Storage

TableRow = dict[str, Any]


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong; printed as one line.

    Attributes:
        file: relative to the data set.
        where: in the file: a byte, a clip, a line; "" for the whole file.
        what: is wrong.
    """

    file: str
    where: str
    what: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.where, self.what) if part)


class ShardCheck:
    """Finds what is wrong with one shard; never raises for what it finds.

    Args:
        storage: the data set's.
        manifest: of the version.
        shard: the shard's id.
        rows: its rows of the clip table, in the order of their offsets.
        deep: decode every frame, not just its header.
        checked: called after each record.
    """

    def __init__(
        self,
        storage: Storage,
        manifest: Manifest,
        shard: str,
        rows: list[TableRow],
        deep: bool,
        checked: Callable[[], None],
    ) -> None:
        self.storage = storage
        self.manifest = manifest
        self.shard = shard
        self.rows = {row["offset"]: row for row in rows}
        self.deep = deep
        self.checked = checked
        self.schema: Schema = get_schema(manifest.schema)
        self.file = shard_path(shard)
        self.problems: list[Problem] = []
        self.places: np.ndarray | None = None

    def run(self) -> list[Problem]:
        """Check everything.

        Returns:
            The problems, none if all is well.
        """
        entry = self.manifest.shards[self.shard]
        self._check_sum(index_path(self.shard), entry.index_crc32c)
        self._check_sum(frames_path(self.shard), entry.frames_crc32c)
        index, sizes = self._sidecar(read_index), self._sidecar(read_sizes)
        if self.schema.placed:
            self._check_sum(places_path(self.shard), entry.places_crc32c)
            self.places = self._sidecar(read_places)
            if self.places is not None:
                self._count(
                    places_path(self.shard), "entries", len(self.places), entry.frames, "frames in the manifest"
                )
        self._count(self.file, "records", entry.records, len(self.rows), "clips in the clip table")
        self._count(
            self.file, "frames", entry.frames, sum(row["frames"] for row in self.rows.values()), "in the clip table"
        )
        if index is not None:
            self._count(index_path(self.shard), "lines", len(index), entry.records, "records in the manifest")
        if sizes is not None:
            self._count(frames_path(self.shard), "sizes", len(sizes), entry.frames, "frames in the manifest")
        try:
            with self.storage.fetch(self.file) as file:
                size, crc = file_crc(file)
                self._count(self.file, "bytes", size, entry.bytes, "in the manifest")
                if crc != entry.crc32c:
                    self._add(self.file, "", f"its CRC-32C is {crc}, in the manifest {entry.crc32c}")
                self._check_records(file, size, index, sizes)
        except FileNotFoundError:
            self._add(self.file, "", "is missing")
        except (StorageError, OSError) as error:
            self._add(self.file, "", f"cannot be read: {error}")
        return self.problems

    def _check_records(
        self, file: IO[bytes], size: int, index: list[tuple[int, int]] | None, sizes: np.ndarray | None
    ) -> None:
        offsets = sorted(self.rows)
        seen = set()
        at = number = total = 0
        while at < size:
            if self.schema.placed and at not in self.rows:
                # A record that could not be adopted: the ledger of that run has it.
                at = next((offset for offset in offsets if offset > at), size)
                continue
            row = self.rows.get(at)
            where = f"clip {row['clip_id']}" if row else f"record at byte {at}"
            frames = row["frames"] if row else 0
            seen.add(at)
            try:
                data = read_record(file, at, size, self.file)
            except BadRecord as bad:
                self._add(self.file, f"{where}, at byte {at}" if row else where, bad.what)
                end = bad.end if bad.end is not None else next((o for o in offsets if o > at), size)
            else:
                end = at + len(data) + FRAMING
                if row is None:
                    self._add(self.file, where, "no clip of the clip table is here")
                elif row["length"] != end - at:
                    self._add(self.file, where, f"has {end - at} bytes, {row['length']} in the clip table")
                frames = self._check_record(where, data, row, sizes) or frames
            if index is not None and number < len(index) and index[number] != (at, end - at):
                offset, length = index[number]
                self._add(
                    index_path(self.shard),
                    f"line {number + 1}",
                    f"says byte {offset}, length {length}; the record is at {at}, length {end - at}",
                )
            if row:
                if row["frames_at"] != total:
                    self._add(self.file, where, f"frames_at is {row['frames_at']} in the clip table, not {total}")
                self.checked()
            at, number, total = end, number + 1, total + frames
        for offset in offsets:
            if offset not in seen:
                self._add(self.file, f"clip {self.rows[offset]['clip_id']}", f"no record begins at byte {offset}")

    def _check_record(self, where: str, data: bytes, row: TableRow | None, sizes: np.ndarray | None) -> int:
        """Check what is inside a record; returns the number of its frames, 0 if none can be read."""
        try:
            record, frames = self.schema.parse(data)
        except DataError as error:
            self._add(self.file, where, str(error))
            return 0
        lengths = [len(frame) for frame in frames]
        if row is not None and isinstance(self.schema, AdoptedSchema):
            places = self.places
            if places is not None:
                places = places[row["frames_at"] : row["frames_at"] + len(frames)]
            problems = foreign_problems(self.schema, data, row, places)
            record = msgspec.structs.replace(record, width=row["width"], height=row["height"])
        else:
            problems = self._layout_problems(record, data, lengths)
            problems += _record_problems(record, len(frames), row, self.manifest)
            problems += _column_problems(self.schema, record, row or {})
        for what in problems:
            self._add(self.file, where, what)
        if row is None:
            return len(frames)
        if sizes is not None and sizes[row["frames_at"] : row["frames_at"] + len(frames)].tolist() != lengths:
            self._add(frames_path(self.shard), where, "the sizes are not those of its frames")
        if clip_digest([hashlib.sha256(frame).digest() for frame in frames]) != row["digest"]:
            self._add(self.file, where, "its frames have another digest than in the clip table")
        if self.manifest.encoding == "jpeg":
            jpegs = frames[:1] if self.manifest.pairs else frames  # masks are PNGs
            bad = [(n, why) for n, frame in enumerate(jpegs) if (why := _jpeg_problem(frame, record, self.deep))]
            if bad:
                more = f" (and {len(bad) - 1} more of its frames)" if len(bad) > 1 else ""
                self._add(self.file, f"{where}, frame {bad[0][0]}", bad[0][1] + more)
        return len(frames)

    def _layout_problems(self, record: ClipRecord, data: bytes, lengths: list[int]) -> list[str]:
        head = self.schema.head(record, lengths)
        if data.startswith(head) and len(data) == len(head) + body_size(self.schema, lengths):
            return []
        return [f"is not laid out as schema {self.schema.name} does it"]

    def _check_sum(self, path: str, expected: str) -> None:
        try:
            with self.storage.fetch(path) as file:
                _, crc = file_crc(file)
        except FileNotFoundError:
            self._add(path, "", "is missing")
        except (StorageError, OSError) as error:
            self._add(path, "", f"cannot be read: {error}")
        else:
            if crc != expected:
                self._add(path, "", f"its CRC-32C is {crc}, in the manifest {expected}")

    def _sidecar(self, read: Callable[[Storage, str], Any]) -> Any:
        try:
            return read(self.storage, self.shard)
        except DataError as error:
            file, _, what = str(error).partition(": ")
            self._add(file, "", what)
        except (FileNotFoundError, StorageError):
            pass  # `_check_sum` has said so
        return None

    def _count(self, file: str, things: str, found: int, expected: int, where: str) -> None:
        if found != expected:
            self._add(file, "", f"{found} {things}, {expected} {where}")

    def _add(self, file: str, where: str, what: str) -> None:
        self.problems.append(Problem(file, where, what))


def _record_problems(record: ClipRecord, frames: int, row: TableRow | None, manifest: Manifest) -> list[str]:
    found: list[str] = []
    if record.dataset != manifest.dataset:
        found.append(f"its data set is {record.dataset!r}, in the manifest {manifest.dataset!r}")
    for name in ("timestamps", "frame_index"):
        numbers = getattr(record, name)
        if len(numbers) != frames:
            found.append(f"{frames} frames but {len(numbers)} {name}")
        if any(a >= b for a, b in pairwise(numbers)):
            found.append(f"its {name} do not increase strictly")
    if row is not None:
        # The record holds float32 and whole microseconds, the table doubles.
        expected = {
            **{name: row[name] for name in ("clip_id", "source", "width", "height")},
            **{name: _as_recorded(row[name]) for name in ("label_index", "label_text")},
            "fps": float(np.float32(row["fps"])),
            "start": _whole_micros(row["start"]),
            "end": _whole_micros(row["end"]),
        }
        for name, value in expected.items():
            if getattr(record, name) != value:
                found.append(f"its {name} is {getattr(record, name)!r}, in the clip table {value!r}")
        if frames != row["frames"]:
            found.append(f"{frames} frames, {row['frames']} in the clip table")
    return found


def _column_problems(schema: Schema, record: ClipRecord, row: Mapping[str, Any]) -> list[str]:
    """Hold the listing's further columns in a record against the clip table."""
    found = []
    for name, text in record.columns.items():
        encode = KINDS[schema.columns[name]].encode
        if name in row and encode(text) != encode(row[name]):
            found.append(f"its column {name} is {text!r}, in the clip table {row[name]!r}")
    return found


def _as_recorded(value: Any) -> Any:
    """Return a list of labels as records have it."""
    return tuple(value) if isinstance(value, list) else value


def _whole_micros(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e6) / 1e6


def _jpeg_problem(frame: memoryview, record: ClipRecord, deep: bool) -> str | None:
    if (bytes(frame[:2]), bytes(frame[-2:])) != (b"\xff\xd8", b"\xff\xd9"):
        return "not a whole JPEG: it lacks its first or last marker"
    try:
        height, width = simplejpeg.decode_jpeg_header(frame)[:2]
        if (width, height) != (record.width, record.height):
            return f"is {width}x{height}, its record says {record.width}x{record.height}"
        if deep:
            simplejpeg.decode_jpeg(frame)
    except ValueError as error:
        return f"not a good JPEG: {error}"
    return None
