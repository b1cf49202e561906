"""The names that other readers expect: on local disks, a version's folder holds hard links to its shards."""

from __future__ import annotations

import contextlib

import msgspec

from clipmill.errors import NoSuchDataset
from clipmill.layout import Manifest, named_shard, read_manifest, shard_path, version_path
from clipmill.storage import Disk, Storage


def link_shards(storage: Storage, disk: Disk, manifest: Manifest) -> int:
    """Make the links that a version lacks, and replace those that are not its shards; returns how many."""
    folder, names = _names(manifest)
    stale = disk.stale(folder, names)
    for name in stale:
        storage.copy(names[name], f"{folder}/{name}")
    return len(stale)


def relink_shards(storage: Storage, disk: Disk, version: str, *, changed: bool) -> None:
    """Link every version to the new file of a shard that was damaged, deleted and rebuilt.

    Args:
        version: the one that is published by this run, or stays published.
        changed: whether it was not published before. If it was, its own links show whether a shard
            was rebuilt, so a rerun in which nothing changed looks at no other version.
    """
    if not changed and not disk.stale(*_names(read_manifest(storage, version))):
        return
    # The version itself last: if this run is killed here, its links make the next run do it again.
    for name in sorted(storage.children("versions")[0], key=lambda name: name == version):
        with contextlib.suppress(NoSuchDataset, msgspec.MsgspecError):  # half removed, or of a later clipmill
            if link_shards(storage, disk, read_manifest(storage, name)):
                storage.sync(version_path(name))


def _names(manifest: Manifest) -> tuple[str, dict[str, str]]:
    """Return a version's folder, and the shard that each name in it stands for."""
    names = {
        named_shard(manifest.dataset, split, index, len(entry.shards)): shard_path(shard)
        for split, entry in manifest.splits.items()
        for index, shard in enumerate(entry.shards)
    }
    return version_path(manifest.version), names
