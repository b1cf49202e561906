"""The versions of a data set: their order, what changed between them, and rollback.

A version's own folder holds no time, since its name and bytes depend only on its content.
The outcomes of the runs say when it was published; for a run that was killed before it
wrote its outcome, the time of the manifest's object is used.
"""

from __future__ import annotations

import hashlib
from calendar import timegm
from collections.abc import Sequence
from time import strptime
from typing import Any

import msgspec

from clipmill.dataset.clip_table import read_clips
from clipmill.dataset.links import relink_shards
from clipmill.dataset.publish import OUTCOME, Outcome, link_latest, move_pointer, write_outcome
from clipmill.dataset.run_lock import live_run
from clipmill.errors import DataError, NoSuchDataset, TryAgain
from clipmill.layout import (
    CLIPS,
    MANIFEST,
    current_version,
    frames_path,
    index_path,
    places_path,
    read_manifest,
    run_path,
    shard_path,
    version_path,
)
from clipmill.storage import Storage
from clipmill.storage.concurrent import each


class Version(msgspec.Struct, frozen=True):
    """One version in the output.

    Attributes:
        name: of its folder.
        time: when it was last published by a build, in seconds since the epoch.
        published: whether it ever was; a run that lost to another one leaves a version that was not.
        current: whether it is the published one.
    """

    name: str
    time: float
    published: bool
    current: bool


class Difference(msgspec.Struct, frozen=True):
    """What changed from one version to the next.

    Attributes:
        added, removed: clips whose id is in one version only.
        changed: clips with other frames.
        relabelled: clips with the same frames and another class.
        moved: clips with the same frames and class in another split.
        rewritten: shards that the version before does not have.
        shards: how many there are.
    """

    added: int
    removed: int
    changed: int
    relabelled: int
    moved: int
    rewritten: int
    shards: int


def versions(storage: Storage) -> list[Version]:
    """List all versions in the output, in the order in which they were published."""
    published: dict[str, float] = {}
    current = current_version(storage)
    named = {current}
    for outcome in _outcomes(storage):
        named |= {outcome.before}
        if outcome.changed and outcome.version:
            named |= {outcome.version}
            if outcome.by == "build" and outcome.ended:
                published[outcome.version] = _seconds(outcome.ended)
    found = []
    for name in storage.children("versions")[0]:
        manifest = storage.stat(version_path(name, MANIFEST))
        if manifest is not None:
            found.append(
                Version(
                    name=name,
                    time=published.get(name, manifest.modified),
                    published=name in named,
                    current=name == current,
                )
            )
    return sorted(found, key=lambda version: (version.time, version.name))


def _outcomes(storage: Storage) -> list[Outcome]:
    def read(run: str) -> Outcome | None:
        try:
            return msgspec.json.decode(storage.read(run_path(run, OUTCOME)), type=Outcome)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    return [outcome for outcome in each(storage, read, storage.children("runs")[0]) if outcome is not None]


def _seconds(text: str) -> float:
    return float(timegm(strptime(text, "%Y-%m-%dT%H:%M:%SZ")))


def difference(storage: Storage, before: str | None, after: str) -> Difference:
    """Count what changed between two versions; without a version before, everything was added."""
    shards = {name for split in read_manifest(storage, after).splits.values() for name in split.shards}
    new = _clips(storage, after)
    if before is None:
        return Difference(
            added=len(new), removed=0, changed=0, relabelled=0, moved=0, rewritten=len(shards), shards=len(shards)
        )
    old = _clips(storage, before)
    both = [(old[clip], new[clip]) for clip in new.keys() & old.keys()]
    same = [(was, is_) for was, is_ in both if was[0] == is_[0]]
    kept = [(was, is_) for was, is_ in same if was[1] == is_[1]]
    return Difference(
        added=len(new) - len(both),
        removed=len(old) - len(both),
        changed=len(both) - len(same),
        relabelled=len(same) - len(kept),
        moved=sum(was[2] != is_[2] for was, is_ in kept),
        rewritten=len(shards - read_manifest(storage, before).shards.keys()),
        shards=len(shards),
    )


def _clips(storage: Storage, version: str) -> dict[str, tuple[Any, ...]]:
    names = ["clip_id", "digest", "label_text", "split"]
    table = read_clips(storage, version, names)
    ids, *others = (table[name].to_pylist() for name in names)
    return dict(zip(ids, zip(*others, strict=True), strict=True))


def rollback(storage: Storage, run: str, version: str | None = None) -> Outcome:
    """Publish an earlier version again.

    Args:
        run: id of this run.
        version: its name or first digits; by default the one published before the current one.

    Raises:
        NoSuchDataset: there is no such version.
        DataError: it is damaged.
        TryAgain: a build published meanwhile, or gc is at work.
    """
    with live_run(storage, run):
        before = current_version(storage)
        manifest = read_manifest(storage, version or _previous(storage, versions(storage)))
        target = manifest.version
        problem = _damage(storage, target)
        if problem:
            raise DataError(f"{storage.root}: version {target} is damaged: {problem}")
        if storage.disk is not None:
            # A shard that was rebuilt since then is another file than the one that the version's names link to.
            relink_shards(storage, storage.disk, target, changed=True)
        if target != before:
            current = move_pointer(storage, before, target)
            if current != target:
                raise TryAgain(f"{storage.root}: another run published {current} meanwhile; try again")
        link_latest(storage, target)
        splits = manifest.splits
        outcome = Outcome(
            0,
            version=target,
            before=before,
            changed=target != before,
            by="rollback",
            clips=sum(split.clips for split in splits.values()),
            frames=sum(split.frames for split in splits.values()),
            bytes=sum(split.bytes for split in splits.values()),
            shards=len(manifest.shards),
            splits={name: split.clips for name, split in splits.items()},
        )
        return write_outcome(storage, run, outcome)


def _previous(storage: Storage, there: Sequence[Version]) -> str:
    before: Version | None = None
    for version in there:
        if version.current and before is not None:
            return before.name
        if version.published:
            before = version
    raise NoSuchDataset(f"{storage.root}: there is no version before the published one; see clipmill versions")


def _damage(storage: Storage, version: str) -> str:
    """Describe the first thing that a version lacks, by sizes and the clip table's hash; "" if nothing."""
    manifest = read_manifest(storage, version)
    try:
        if hashlib.sha256(storage.read(version_path(version, CLIPS))).hexdigest() != manifest.clips_sha256:
            return f"{CLIPS} is damaged"
    except FileNotFoundError:
        return f"{CLIPS} is missing"
    sizes: dict[str, int | None] = {}
    for shard, entry in manifest.shards.items():
        sizes |= {shard_path(shard): entry.bytes, frames_path(shard): 4 * entry.frames, index_path(shard): None}
        if manifest.adopted:
            sizes[places_path(shard)] = None
    for path, stat in zip(sizes, each(storage, storage.stat, sizes), strict=True):
        if stat is None or sizes[path] not in (None, stat.size):
            return f"{path} is {'missing' if stat is None else 'damaged'}"
    return ""
