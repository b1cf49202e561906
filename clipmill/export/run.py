"""Running an export, step by step: plan its files once, write each that is not there, finish.

Here several files are written at once in threads; on a cluster `transforms.export_files` deals them to workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from clipmill.dataset.clip_table import read_clips
from clipmill.errors import StorageError, UsageError
from clipmill.export import get_format
from clipmill.export.base import COLUMNS, DataSet, ExportFile, ExportFormat, ExportOptions, ExportPlan, StoredClip
from clipmill.layout import LABELS, read_manifest, version_path
from clipmill.storage import Storage, open_storage
from clipmill.storage.concurrent import ahead

#: The file that says which export a folder holds.
MARK = "export.json"


class Mark(msgspec.Struct, frozen=True):
    """export.json: which export a folder holds, so that a rerun continues it and no other is mixed in.

    Attributes:
        dataset, version: what was exported.
        options: of the export.
        done: whether all files are written.
    """

    dataset: str
    version: str
    options: ExportOptions
    done: bool


class ExportTask(msgspec.Struct, frozen=True):
    """One export, as each of its steps is told of it, wherever that runs.

    Attributes:
        dataset: name of the data set.
        out: path or URL of the data set.
        version: what is exported.
        dest: path or URL of the destination.
        options: of the export.
    """

    dataset: str
    out: str
    version: str
    dest: str
    options: ExportOptions


def export(task: ExportTask, plan: ExportPlan, *, workers: int, tell: Callable[[int], None]) -> int:
    """Write a planned export in this process; returns how many files were not there.

    Args:
        workers: files written at once.
        tell: called with the bytes done, at first and after each file.

    Raises:
        StorageError: storage failed.
        DataError: a record is damaged.
    """
    write = Writing(task).write
    done = written = 0
    tell(done)
    for file, is_new in zip(plan.files, _several(write, plan.files, workers), strict=True):
        done += file.nbytes
        written += is_new
        tell(done)
    finish(task, plan, len(plan.files))
    return written


def plan_export(out: str, dest: str, options: ExportOptions) -> tuple[ExportTask, ExportPlan]:
    """Return the export of the published version, and its files.

    Raises:
        NoSuchDataset: nothing is published.
        UsageError: the data set cannot be exported in this format.
    """
    manifest = read_manifest(open_storage(out))
    task = ExportTask(manifest.dataset, out, manifest.version, dest, options)
    return task, plan_files(task)


def plan_files(task: ExportTask) -> ExportPlan:
    """Return the files of an export: the same for the same task.

    Raises:
        UsageError: the data set cannot be exported in this format.
    """
    data = _open_data(task)
    return _format(task, data).plan(data, task.options)


class Writing:
    """Writes files of an export, one after the other or several in threads.

    Args:
        task: the export.
    """

    def __init__(self, task: ExportTask) -> None:
        self._data = _open_version(task)
        self._options = task.options
        self._format = _format(task, self._data)
        self._dest = open_storage(task.dest)

    def write(self, file: ExportFile) -> bool:
        """Write a file, whole or not at all; returns False where it was there.

        Raises:
            StorageError: storage failed.
            DataError: a record is damaged.
        """
        if self._dest.stat(file.name) is not None:
            return False
        self._format.write(self._data, self._options, file, self._dest)
        return True


def finish(task: ExportTask, plan: ExportPlan, files: int) -> None:
    """Write the small files beside the others once these are all there, and that the export is whole.

    Args:
        files: how many were written, or were there.

    Raises:
        StorageError: these are not all that were planned.
    """
    data, dest = _open_version(task), open_storage(task.dest)
    if files != len(plan.files):
        raise StorageError(f"--dest {task.dest}: {files:,} of {len(plan.files):,} files were written; export again")
    for name, content in _format(task, data).tables(data, task.options, plan).items():
        dest.put(name, content)
    dest.put(MARK, _json(Mark(task.dataset, task.version, task.options, done=True)))


def is_done(dest: Storage) -> bool:
    """Return whether a destination holds a whole export."""
    return msgspec.json.decode(dest.read(MARK), type=Mark).done


def _open_data(task: ExportTask) -> DataSet:
    """Open the version, with the clips that are exported.

    Raises:
        UsageError: there is no such split.
    """
    data, split = _open_version(task), task.options.split
    if split is not None and split not in data.manifest.splits:
        raise UsageError(f"--split {split}: the data set has {', '.join(data.manifest.splits)}")
    table = read_clips(data.storage, task.version, COLUMNS)
    columns = [[tuple(v) if isinstance(v, list) else v for v in table[name].to_pylist()] for name in COLUMNS]
    rows = (StoredClip(*row) for row in zip(*columns, strict=True))
    return data._replace(clips=[row for row in rows if split in (None, row.split)])


def _open_version(task: ExportTask) -> DataSet:
    """Open the version without its clips: all that writing a file needs."""
    storage = open_storage(task.out)
    labels = storage.read(version_path(task.version, LABELS)).decode().splitlines()
    return DataSet(storage, read_manifest(storage, task.version), labels, [])


def _format(task: ExportTask, data: DataSet) -> ExportFormat:
    return get_format(task.options.to, pairs=data.manifest.pairs)


def _several(write: Callable[[ExportFile], bool], files: list[ExportFile], workers: int) -> Iterator[bool]:
    return map(write, files) if workers == 1 else ahead(write, files, most=workers)


def claim(task: ExportTask) -> None:
    """Write to the destination which export it holds: it is empty, or has the same export, perhaps in part.

    Raises:
        UsageError: it holds another one, or files of something else.
    """
    dest, mark = open_storage(task.dest), Mark(task.dataset, task.version, task.options, done=False)
    try:
        held = msgspec.json.decode(dest.read(MARK), type=Mark)
    except FileNotFoundError:
        if any(dest.children()):
            raise UsageError(f"--dest {dest.root}: the folder is not empty; name a new one") from None
        dest.put(MARK, _json(mark))
        return
    except msgspec.DecodeError:
        raise UsageError(f"--dest {dest.root}: its {MARK} cannot be read; name a new folder") from None
    if msgspec.structs.replace(held, done=False) != mark:
        what = "version" if held.options == mark.options else "export, with other options"
        raise UsageError(f"--dest {dest.root}: the folder holds another {what}; name a new one, or remove it")


def _json(mark: Mark) -> bytes:
    return msgspec.json.format(msgspec.json.encode(mark), indent=1) + b"\n"
