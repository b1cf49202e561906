"""The data set that a page is about, opened once for all its sections."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any

import msgspec
import pyarrow as pa

from clipmill.dataset.clip_table import read_clips
from clipmill.dataset.history import Version, versions
from clipmill.dataset.publish import OUTCOME, Outcome
from clipmill.layout import Manifest, read_manifest, run_path
from clipmill.options import BuildOptions
from clipmill.pipeline.page.originals import Originals, look_at_originals
from clipmill.reader import Dataset
from clipmill.reader import open as open_dataset
from clipmill.storage import Storage, open_storage


@dataclass(frozen=True)
class Subject:
    """A published version, and what its output says of it.

    Attributes:
        storage: of the output.
        data: the version, as the reader has it.
        manifest: of the version.
        table: its clip table, all columns.
        versions: all in the output, in the order in which they were published.
        run: id of the latest run that ended with this version; None where there is none.
        asked: what that run was asked for, as run.json has it.
        outcome: how it ended.
    """

    storage: Storage
    data: Dataset
    manifest: Manifest
    table: pa.Table
    versions: list[Version]
    run: str | None
    asked: dict[str, Any]
    outcome: Outcome | None

    @cached_property
    def build(self) -> BuildOptions | None:
        """The options of that run; None where sources cannot be looked at by them, for want of PyAV or of the run."""
        try:
            found = msgspec.convert(self.asked.get("options"), BuildOptions)
        except msgspec.ValidationError:  # there is no run, or it was of another clipmill
            return None
        return found if found.listing.videos is not None and find_spec("av") else None

    @cached_property
    def originals(self) -> Originals:
        """What is found of the sources, where they are still at hand and there is PyAV to look at them."""
        if self.build is None or self.manifest.pairs:
            return Originals(0, [], [])
        return look_at_originals(self.build, self.data, self.table)

    @property
    def before(self) -> str | None:
        """The version that was published before this one."""
        names = [version.name for version in self.versions if version.published or version.current]
        at = names.index(self.manifest.version)
        return names[at - 1] if at else None


def open_subject(out: str) -> Subject:
    """Open a data set to tell of it.

    Raises:
        NoSuchDataset: nothing is published there.
    """
    storage = open_storage(out)
    manifest = read_manifest(storage)
    run, outcome = _latest_run(storage, manifest.version)
    return Subject(
        storage=storage,
        data=open_dataset(out, version=manifest.version),
        manifest=manifest,
        table=read_clips(storage, manifest.version),
        versions=versions(storage),
        run=run,
        asked=_asked(storage, run) if run else {},
        outcome=outcome,
    )


def _latest_run(storage: Storage, version: str) -> tuple[str | None, Outcome | None]:
    for run in reversed(storage.children("runs")[0]):
        try:
            outcome = msgspec.json.decode(storage.read(run_path(run, OUTCOME)), type=Outcome)
        except (FileNotFoundError, msgspec.MsgspecError):
            continue
        if outcome.version == version and outcome.by == "build":
            return run, outcome
    return None, None


def _asked(storage: Storage, run: str) -> dict[str, Any]:
    try:
        found = json.loads(storage.read(run_path(run, "run.json")))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
