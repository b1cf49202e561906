"""The names other readers want: on local disks, a version's folder holds hard links to its shards."""

from __future__ import annotations

import contextlib

import msgspec

from clipmill.errors import NoSuchDataset
from clipmill.layout import Manifest, named_shard, read_manifest, shard_path, version_path
from clipmill.storage import Disk, Storage


def link_shards(storage: Storage, disk: Disk, manifest: Manifest) -> int:
    """Give a version the names it lacks, and anew those that are not its shards any more; returns how many."""
    folder, names = _names(manifest)
    stale = disk.stale(folder, names)
    for name in stale:
        storage.copy(names[name], f"{folder}/{name}")
    return len(stale)


def relink_shards(storage: Storage, disk: Disk, version: str, *, changed: bool) -> None:
    """Link every version to the new file of a shard that was damaged, taken away and made anew.

    Args:
        version: that is to be published, or stays.
        changed: whether it is another one than before. Otherwise its own names tell whether a
            shard was made anew, so that a rerun in which nothing changed looks at no other version.
    """
    if not changed and not disk.stale(*_names(read_manifest(storage, version))):
        return
    # Itself last: a run that is killed on the way is done again by the next one.
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
