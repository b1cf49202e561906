"""Removing old versions, and the shards that no remaining version names."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec

from clipmill.dataset.history import Version, versions
from clipmill.dataset.reuse import PARTS
from clipmill.dataset.run_lock import sweeping
from clipmill.layout import MANIFEST, read_manifest, version_path
from clipmill.storage import Storage
from clipmill.storage.concurrent import delete_all


class Swept(msgspec.Struct, frozen=True):
    """What was removed.

    Attributes:
        versions: names, oldest first.
        shards: how many.
        bytes: of all removed shards.
        kept: names of the versions that are left, oldest first.
    """

    versions: list[str]
    shards: int
    bytes: int
    kept: list[str]


def collect_garbage(storage: Storage, token: str, *, keep: int, seconds: float, dry: bool = False) -> Swept:
    """Remove versions that are neither among the newest nor young; never the published one.

    A version that was never published counts by its age alone. Shards are removed that no
    remaining version names and no rerun of a killed build can use.

    Args:
        token: any, unique to this call.
        keep: how many of the versions published last stay, whatever their age. After a rollback
            the published version is not the newest, and stays as well.
        seconds: versions and shards that are younger stay.
        dry: remove nothing.

    Raises:
        NoSuchDataset: nothing is published there, or the published version has no manifest.
        TryAgain: a build is at work there.
    """
    with sweeping(storage, token):
        before = time.time() - seconds
        current = read_manifest(storage).version
        there = versions(storage)
        assert any(version.name == current for version in there)
        kept = _kept(there, keep, before)
        doomed = [version.name for version in there if version.name not in kept]
        needed = {shard for name in kept for shard in read_manifest(storage, name).shards} | _waiting(storage)
        shards = {
            path: stat.size
            for path, stat in storage.list("shards")
            if path.removeprefix("shards/").partition(".")[0] not in needed and stat.modified < before
        }
        if not dry:
            for name in [*doomed, *_headless(storage, there, before)]:
                _remove_version(storage, name)
            # The records last, so that a shard without sidecars is never taken for whole.
            for records in (True, False):
                delete_all(storage, [path for path in shards if path.endswith(".tfrecord") == records])
        names = {path.partition(".")[0] for path in shards if path.endswith(".tfrecord")}
        return Swept(doomed, len(names), sum(shards.values()), [v.name for v in there if v.name in kept])


def _kept(there: Sequence[Version], keep: int, before: float) -> set[str]:
    newest = [version.name for version in reversed(there) if version.published]
    return {version.name for version in there if version.current or version.time >= before} | set(newest[:keep])


def _waiting(storage: Storage) -> set[str]:
    """List the shards that a killed build wrote; its rerun will use them."""
    return {path.rpartition("/")[2].partition(".")[0] for path, _ in storage.list(PARTS)}


def _headless(storage: Storage, there: Sequence[Version], before: float) -> list[str]:
    """List the folders of versions without a manifest: half written, or half removed."""
    whole = {version.name for version in there}
    young = {
        path.split("/")[1]
        for path, stat in storage.list("versions")
        if path.split("/")[1] not in whole and stat.modified >= before
    }
    return [name for name in storage.children("versions")[0] if name not in whole and name not in young]


def _remove_version(storage: Storage, name: str) -> None:
    # The manifest first: without it no reader takes the rest for a version, even if this process is killed here.
    storage.delete(version_path(name, MANIFEST))
    delete_all(storage, [path for path, _ in storage.list(version_path(name))])
