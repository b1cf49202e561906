"""Verifying a published version: every file in it is checked against all others."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clipmill.dataset.clip_table import clip_schema, open_table
from clipmill.dataset.shared_content import SharedContent, find_shared_content
from clipmill.dataset.tfds_files import tables
from clipmill.dataset.verify_shard import Problem, ShardCheck, TableRow
from clipmill.errors import NoSuchDataset, UsageError
from clipmill.layout import (
    CLIPS,
    CURRENT,
    LABELS,
    MANIFEST,
    Manifest,
    current_version,
    named_shard,
    read_manifest,
    shard_path,
    version_path,
)
from clipmill.records import get_schema
from clipmill.shards.shard_file import file_crc
from clipmill.storage import Storage

#: Columns of the clip table that a record, or other clips, are held against.
_COLUMNS = (
    "clip_id", "source", "label_index", "label_text", "start", "end", "fingerprint", "digest", "frames", "width",
    "height", "fps", "split", "shard", "offset", "length", "frames_at",
)  # fmt: skip


class Report(msgspec.Struct):
    """What `verify` found.

    Attributes:
        version: that was checked.
        splits, shards, clips, frames, bytes: how much of it there is, by the manifest.
        problems: what is wrong; empty if all is well.
        shared: clips that share frames with one of another split or class, which is no problem of the files.
    """

    version: str
    splits: int = 0
    shards: int = 0
    clips: int = 0
    frames: int = 0
    bytes: int = 0
    problems: list[Problem] = []
    shared: SharedContent = SharedContent()


def verify(
    storage: Storage,
    version: str | None = None,
    *,
    deep: bool = False,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> Report:
    """Check a version: its tables, checksums, indexes, order, and every record and frame header.

    Memory: the clip table and, for each worker, one record and its frames.

    Args:
        storage: the data set's.
        version: its name; by default the published one.
        deep: decode every frame as well.
        progress: called with the clips checked so far and all of them, by one thread at a time.
        workers: shards checked at once, by threads.

    Raises:
        NoSuchDataset: nothing is published there, or there is no such version.
    """
    name = version or current_version(storage)
    report = Report(name or "")
    try:
        manifest = read_manifest(storage, name)
        get_schema(manifest.schema)
    except NoSuchDataset:
        if name is None or version is not None or storage.stat(version_path(name, MANIFEST)):
            raise
        report.problems.append(Problem(CURRENT, "", f"names version {name}, which has no {MANIFEST}"))
        return report
    except (msgspec.MsgspecError, ValueError, TypeError, UsageError) as error:
        report.problems.append(Problem(version_path(report.version, MANIFEST), "", f"cannot be used: {error}"))
        return report
    _VersionCheck(storage, manifest, report).run(deep, progress, workers)
    return report


class _VersionCheck:
    """Checks one version and fills its report."""

    def __init__(self, storage: Storage, manifest: Manifest, report: Report) -> None:
        self.storage = storage
        self.manifest = manifest
        self.report = report
        self.version = report.version

    def run(self, deep: bool, progress: Callable[[int, int], None] | None, workers: int) -> None:
        self._check_pointer()
        self._check_manifest()
        self._check_names()
        labels = self._check_tables()
        table = self._read_clips()
        if table is None:
            return
        self._check_labels(table, labels)
        parts = _by_shard(table)
        self._check_splits(table, parts)
        self._check_order(parts)
        self.report.shared = find_shared_content(self.storage, self.version)
        self._check_shards(parts, deep, progress, workers)

    def _add(self, name: str, where: str, what: str) -> None:
        """Add a problem with an object of the version's folder."""
        self.report.problems.append(Problem(version_path(self.version, name), where, what))

    def _check_pointer(self) -> None:
        """Check that the link OUT/latest, where there is one, leads to the published version.

        Another version that is whole is no problem: a run that was killed after it moved CURRENT
        leaves that.
        """
        if self.storage.disk is not None:
            link = self.storage.disk.path("latest")
            current = current_version(self.storage)
            if not current or not os.path.islink(link) or os.path.basename(os.readlink(link)) == current:
                return
            if not os.path.isfile(os.path.join(link, MANIFEST)):
                self.report.problems.append(Problem("latest", "", f"leads to {os.readlink(link)}, not to {current}"))

    def _check_manifest(self) -> None:
        manifest, report = self.manifest, self.report
        epoch = get_schema(manifest.schema).epoch
        if manifest.version != self.version:
            self._add(MANIFEST, "", f"calls its version {manifest.version}")
        if manifest.schema_epoch != epoch:
            self._add(MANIFEST, "", f"schema {manifest.schema} has epoch {manifest.schema_epoch}, here {epoch}")
        uses = Counter(shard for split in manifest.splits.values() for shard in split.shards)
        for shard in sorted(uses.keys() | manifest.shards.keys()):
            if shard not in manifest.shards:
                self._add(MANIFEST, f"shard {shard}", "is in a split but not among the shards")
            elif uses[shard] != 1:
                self._add(MANIFEST, f"shard {shard}", f"is {uses[shard]} times in the splits, not once")
        for name, split in manifest.splits.items():
            shards = [manifest.shards[shard] for shard in split.shards if shard in manifest.shards]
            for thing, found, expected in (
                ("clips", split.clips, sum(shard.records for shard in shards)),
                ("frames", split.frames, sum(shard.frames for shard in shards)),
                ("bytes", split.bytes, sum(shard.bytes for shard in shards)),
            ):
                if found != expected:
                    self._add(MANIFEST, f"split {name}", f"{found} {thing}, {expected} in its shards")
            report.clips += split.clips
            report.frames += split.frames
            report.bytes += split.bytes
        report.splits, report.shards = len(manifest.splits), len(manifest.shards)

    def _check_names(self) -> None:
        """Check that the names other readers expect are the shards themselves, or the same bytes."""
        expected = set()
        for split, entry in self.manifest.splits.items():
            for index, shard in enumerate(entry.shards):
                name = named_shard(self.manifest.dataset, split, index, len(entry.shards))
                expected.add(version_path(self.version, name))
                if what := self._name_problem(version_path(self.version, name), shard):
                    self._add(name, "", what)
        for path, _ in self.storage.list(version_path(self.version)):
            if ".tfrecord-" in path and path not in expected:
                self.report.problems.append(Problem(path, "", "is not one of the manifest's shards"))

    def _name_problem(self, path: str, shard: str) -> str | None:
        if self.storage.stat(path) is None:
            return "is missing" if self.storage.local else None
        disk = self.storage.disk
        if disk is not None:
            with contextlib.suppress(OSError):
                if os.path.samefile(disk.path(path), disk.path(shard_path(shard))):
                    return None
        with self.storage.fetch(path) as file:
            _, crc = file_crc(file)
        known = self.manifest.shards.get(shard)
        return None if known and crc == known.crc32c else f"is not the same as {shard_path(shard)}"

    def _check_tables(self) -> list[str]:
        """Check the label file and TFDS's files; returns the labels."""
        labels = (self._read(LABELS) or b"").decode("utf-8", "replace").split("\n")[:-1]
        try:
            expected = tables(self.manifest, labels, get_schema(self.manifest.schema))
        except (UsageError, KeyError) as error:
            self._add(MANIFEST, "", f"no tables can be made of it: {error}")
            return labels
        for name, data in expected.items():
            found = data if name == LABELS else self._read(name)
            if found is not None and not _same_table(name, found, data):
                self._add(name, "", f"does not agree with {MANIFEST} and {LABELS}")
        return labels

    def _read(self, name: str) -> bytes | None:
        try:
            return self.storage.read(version_path(self.version, name))
        except FileNotFoundError:
            self._add(name, "", "is missing")
            return None

    def _read_clips(self) -> pa.Table | None:
        data = self._read(CLIPS)
        if data is None:
            return None
        found = hashlib.sha256(data).hexdigest()
        if found != self.manifest.clips_sha256:
            self._add(CLIPS, "", f"its SHA-256 is {found}, in the manifest {self.manifest.clips_sha256}")
        try:
            file = open_table(io.BytesIO(data))
            there = file.schema_arrow.names
            further = tuple(name for name in get_schema(self.manifest.schema).columns if name in there)
            schema = clip_schema(further, multi_label=self.manifest.multi_label)
            table = file.read(columns=[name for name in (*_COLUMNS, *further) if name in there])
            table = table.cast(pa.schema([schema.field(name) for name in table.column_names]))
        except (pa.ArrowException, OSError) as error:
            self._add(CLIPS, "", f"cannot be used, so that no record was checked: {str(error).splitlines()[0]}")
            return None
        lacking = [name for name in _COLUMNS if name not in table.column_names]
        nullable = ("start", "end", *further)
        lacking += [name for name in table.column_names if name not in nullable and table[name].null_count]
        if lacking:
            self._add(CLIPS, "", f"lacks values of {', '.join(lacking)}, so that no record was checked")
            return None
        return table

    def _check_labels(self, table: pa.Table, labels: list[str]) -> None:
        if self.manifest.multi_label:
            columns = [table[name].combine_chunks() for name in ("label_index", "label_text")]
            if not columns[0].offsets.equals(columns[1].offsets):
                self._add(CLIPS, "", "has clips with more labels than names of labels, or fewer")
                return
            table = pa.table([column.flatten() for column in columns], ["label_index", "label_text"])
        for pair in table.group_by(["label_index", "label_text"]).aggregate([]).to_pylist():
            index, text = pair["label_index"], pair["label_text"]
            known = labels[index] if 0 <= index < len(labels) else None
            if index == -1 and not self.manifest.multi_label:
                known = ""
            if text != known:
                self._add(LABELS, f"class {index}", f"is {known!r}, in {CLIPS} {text!r}")

    def _check_splits(self, table: pa.Table, parts: dict[str, pa.Table]) -> None:
        counts = pc.value_counts(table["clip_id"])
        for count in counts.filter(pc.greater(counts.field("counts"), 1)).to_pylist():
            self._add(CLIPS, f"clip {count['values']}", f"is there {count['counts']} times")
        shards = {shard: name for name, split in self.manifest.splits.items() for shard in split.shards}
        for shard, rows in parts.items():
            splits = rows["split"].unique().to_pylist()
            if shard not in shards:
                self._add(CLIPS, f"shard {shard}", f"has {len(rows)} clips but is not in the manifest")
            elif splits != [shards[shard]]:
                self._add(CLIPS, f"shard {shard}", f"is of split {shards[shard]}, its clips of {', '.join(splits)}")

    def _check_order(self, parts: dict[str, pa.Table]) -> None:
        if self.manifest.options.get("sort", "length") != "length":
            return
        for name, split in self.manifest.splits.items():
            last = (-1, "")
            for shard in split.shards:
                if shard not in parts:
                    continue
                for row in parts[shard].select(["frames", "clip_id"]).to_pylist():
                    this = (row["frames"], row["clip_id"])
                    if this <= last:
                        what = f"with {this[0]} frames it comes after {last[1]} with {last[0]} in split {name}"
                        self._add(CLIPS, f"clip {this[1]}", what)
                    last = this

    def _check_shards(
        self, parts: dict[str, pa.Table], deep: bool, progress: Callable[[int, int], None] | None, workers: int
    ) -> None:
        lock = threading.Lock()
        done = 0

        def checked() -> None:
            nonlocal done
            with lock:
                done += 1
                if progress:
                    progress(done, self.report.clips)

        def check(shard: str) -> list[Problem]:
            rows: list[TableRow] = parts[shard].to_pylist() if shard in parts else []
            return ShardCheck(self.storage, self.manifest, shard, rows, deep, checked).run()

        pool = ThreadPoolExecutor(workers)
        try:
            for problems in pool.map(check, self.manifest.shards):
                self.report.problems += problems
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _by_shard(table: pa.Table) -> dict[str, pa.Table]:
    """Group the rows by shard, in the order of their offsets."""
    table = table.take(pc.sort_indices(table, [("shard", "ascending"), ("offset", "ascending")]))
    parts = {}
    start = 0
    for count in pc.value_counts(table["shard"]).to_pylist():  # in the order of their first row
        parts[count["values"]] = table.slice(start, count["counts"])
        start += count["counts"]
    return parts


def _same_table(name: str, found: bytes, expected: bytes) -> bool:
    if not name.endswith(".json"):
        return found == expected
    try:
        return bool(json.loads(found) == json.loads(expected))
    except ValueError:
        return False
