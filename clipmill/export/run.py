"""Running an export: files that exist stay, the others are written, several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from clipmill.dataset.clip_table import read_clips
from clipmill.errors import UsageError
from clipmill.export import get_format
from clipmill.export.base import COLUMNS, DataSet, ExportFile, ExportOptions, ExportPlan, StoredClip
from clipmill.layout import LABELS, read_manifest, version_path
from clipmill.storage import Storage
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


class Exported(msgspec.Struct, frozen=True):
    """The result of an export.

    Attributes:
        version: what was exported.
        files, written: how many there are, and how many of them this run wrote.
        clips, nbytes: in all of them; bytes about.
        left_out: (clip id, why) of clips that are not in it.
    """

    version: str
    files: int
    written: int
    clips: int
    nbytes: int
    left_out: list[tuple[str, str]]


def export(
    storage: Storage, dest: Storage, options: ExportOptions, *, workers: int, tell: Callable[[int, int], None]
) -> Exported:
    """Export the published version.

    Args:
        storage: of the data set.
        dest: the destination; empty, or with the same export, perhaps in part.
        workers: files written at once.
        tell: called with the bytes done and all bytes, after each file.

    Raises:
        NoSuchDataset: nothing is published.
        UsageError: the data set cannot be exported in this format, or `dest` holds something else.
    """
    data = open_data(storage, options.split)
    target = get_format(options.to, pairs=data.manifest.pairs)
    plan = target.plan(data, options)
    mark = Mark(data.manifest.dataset, data.manifest.version, options, done=False)
    _claim(dest, mark)
    todo = [file for file in plan.files if dest.stat(file.name) is None]
    total = sum(file.nbytes for file in plan.files)
    done = total - sum(file.nbytes for file in todo)

    def write(file: ExportFile) -> ExportFile:
        target.write(data, options, file, dest)
        return file

    tell(done, total)
    for file in _several(write, todo, workers):
        done += file.nbytes
        tell(done, total)
    for name, content in target.tables(data, options, plan).items():
        dest.put(name, content)
    dest.put(MARK, _json(msgspec.structs.replace(mark, done=True)))
    return Exported(data.manifest.version, len(plan.files), len(todo), _clips(plan), total, plan.left_out)


def open_data(storage: Storage, split: str | None) -> DataSet:
    """Open the published version, or one split of it.

    Raises:
        NoSuchDataset: nothing is published.
        UsageError: there is no such split.
    """
    manifest = read_manifest(storage)
    if split is not None and split not in manifest.splits:
        raise UsageError(f"--split {split}: the data set has {', '.join(manifest.splits)}")
    table = read_clips(storage, manifest.version, COLUMNS)
    columns = [[tuple(v) if isinstance(v, list) else v for v in table[name].to_pylist()] for name in COLUMNS]
    rows = (StoredClip(*row) for row in zip(*columns, strict=True))
    clips = [row for row in rows if split in (None, row.split)]
    labels = storage.read(version_path(manifest.version, LABELS)).decode().splitlines()
    return DataSet(storage, manifest, labels, clips)


def _clips(plan: ExportPlan) -> int:
    return len({clip.clip_id for file in plan.files for clip in file.clips})


def _several(write: Callable[[ExportFile], ExportFile], files: list[ExportFile], workers: int) -> Iterator[ExportFile]:
    return map(write, files) if workers == 1 else ahead(write, files, most=workers)


def _claim(dest: Storage, mark: Mark) -> None:
    """Write to `dest` which export it holds.

    Raises:
        UsageError: it holds another one, or files of something else.
    """
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
