"""Publishing: account for every row, write the version's tables, move the pointer."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from clipmill import content_names, layout
from clipmill.dataset.account import Account
from clipmill.dataset.clip_table import join
from clipmill.dataset.ledger_file import Ledger
from clipmill.dataset.links import link_shards, relink_shards
from clipmill.dataset.run_lock import alone
from clipmill.dataset.shard_rows import NAMED_HDR
from clipmill.dataset.shared_content import SharedContent, find_shared_content
from clipmill.dataset.tfds_files import tables
from clipmill.errors import Interrupted
from clipmill.layout import Manifest, SplitEntry, split_order
from clipmill.ledger import Failure
from clipmill.messages import ShardWritten, Verdict
from clipmill.options import BuildOptions
from clipmill.options.table import that_change_bytes
from clipmill.records import get_schema
from clipmill.storage import Storage
from clipmill.storage.concurrent import delete_all, each

OUTCOME = "outcome.json"
#: Pairs of clips that share frames which an outcome names, of each kind.
_NAMED_PAIRS = 100

#: For each (output, run): what came first in this process, "stop" (Ctrl-C) or "publish" (moving the pointer).
#: Invariant: only one of the two happens. The graph runs in a thread that Ctrl-C does not reach, so they race: the
#: first call of `_decide` decides, and the other one gets its answer. Without this, a run could print "stopped" (exit
#: 130) although CURRENT had moved already, or move CURRENT after the command had said so and had ended its children.
_decided: dict[tuple[str, str], str] = {}
_deciding = threading.Lock()


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended; runs/<id>/outcome.json.

    Attributes:
        code: exit code of the command.
        message: why nothing was published; "" where something was.
        version: the version that was made, or None.
        before: the version that was published when the run began, or None.
        changed: whether this run changed which version is published.
        ended: when, in UTC, as 2026-03-01T04:05:06Z.
        by: "build" or "rollback".
        rows, clips, frames, bytes, shards, classes: counts; bytes are those of the shards.
        trimmed, ranged: clips with times whose files were already cut to them, and clips that are a part of a file.
        oblong: clips whose pixels are not square.
        hdr: clips of HDR videos.
        hdr_first: the ids of some.
        splits: clips by split.
        shared: clips that share frames with one of another split or class; the first of them are named.
        failed: ledger rows by reason.
        first_failures: some ledger rows, to be shown.
    """

    code: int
    message: str = ""
    version: str | None = None
    before: str | None = None
    changed: bool = False
    ended: str = ""
    by: str = "build"
    rows: int = 0
    clips: int = 0
    frames: int = 0
    bytes: int = 0
    shards: int = 0
    classes: int = 0
    trimmed: int = 0
    ranged: int = 0
    oblong: int = 0
    hdr: int = 0
    hdr_first: list[str] = []
    splits: dict[str, int] = {}
    shared: SharedContent = SharedContent()
    failed: dict[str, int] = {}
    first_failures: list[Failure] = []


def publish(
    storage: Storage,
    options: BuildOptions,
    base: str | None,
    labels: Sequence[str],
    verdict: Verdict,
    account: Account,
    shards: Iterable[ShardWritten],
    failures: Iterable[Failure],
) -> Outcome:
    """Publish a version, or say why not; either way the ledger and the outcome are written.

    Args:
        storage: of the output.
        base: the version that was current when the run began; None if there was none.
        verdict: of the gates.
        shards: all that were written or found, in any order.

    Raises:
        Interrupted: it was stopped before the pointer was moved.
    """
    ledger = Ledger.write(storage, options.run, failures)
    written = sorted(shards, key=lambda shard: (split_order(shard.split), shard.band, shard.number))
    clips = _sum_by_split(written, "records")
    outcome = Outcome(
        code=verdict.code,
        message=verdict.message,
        before=base,
        rows=sum(account.rows.values()),
        clips=sum(clips.values()),
        frames=sum(shard.entry.frames for shard in written),
        bytes=sum(shard.entry.bytes for shard in written),
        shards=len({shard.shard for shard in written}),
        classes=len(labels),
        trimmed=sum(shard.trimmed for shard in written),
        ranged=sum(shard.ranged for shard in written),
        oblong=sum(shard.oblong for shard in written),
        hdr=sum(shard.hdr for shard in written),
        hdr_first=sorted(name for shard in written for name in shard.hdr_first)[:NAMED_HDR],
        splits=clips,
        failed=ledger.by_reason,
        first_failures=ledger.first,
    )
    if verdict.is_open:
        lost = account.unaccounted(clips, ledger.by_split)
        if lost:
            outcome = msgspec.structs.replace(outcome, code=1, message=lost)
        elif not written:
            message = f"no clip was made: nothing is published. See why with: clipmill failures {options.out}"
            outcome = msgspec.structs.replace(outcome, code=1, message=message)
        else:
            outcome = _publish_version(storage, options, base, labels, written, outcome)
    return write_outcome(storage, options.run, outcome)


def stop_publishing(options: BuildOptions) -> bool:
    """Keep a run of this process from publishing; returns False if it is too late: then wait for the run to end."""
    return _decide(options, "stop") == "stop"


def _decide(options: BuildOptions, what: str) -> str:
    with _deciding:
        return _decided.setdefault((options.out, options.run), what)


def write_outcome(storage: Storage, run: str, outcome: Outcome) -> Outcome:
    """Write how a run ended, with the time."""
    outcome = msgspec.structs.replace(outcome, ended=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    storage.put(layout.run_path(run, OUTCOME), msgspec.json.format(msgspec.json.encode(outcome)) + b"\n")
    return outcome


def _sum_by_split(shards: Sequence[ShardWritten], what: str) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for shard in shards:
        sums[shard.split] += getattr(shard.entry, what)
    return dict(sums)


def _publish_version(
    storage: Storage,
    options: BuildOptions,
    base: str | None,
    labels: Sequence[str],
    written: Sequence[ShardWritten],
    outcome: Outcome,
) -> Outcome:
    changing = that_change_bytes(options)
    name = content_names.version_name(labels, changing, [(s.split, s.shard, s.digest) for s in written])
    outcome = msgspec.structs.replace(outcome, version=name)
    # The manifest is written last, so a version that has one is whole: then only the pointer moves.
    if name != base and not _is_whole(storage, name):
        try:
            _write_version(storage, options, name, labels, written)
        except FileNotFoundError as error:
            # An engine that takes a slow worker for a dead one runs it twice, and the first that publishes takes the
            # parts away.
            if not _is_whole(storage, name):
                return msgspec.structs.replace(outcome, code=3, message=f"{error}; run the build again")
    outcome = msgspec.structs.replace(outcome, shared=find_shared_content(storage, name, _NAMED_PAIRS))
    leaks = outcome.shared.in_two_splits.clips
    if leaks and options.strict_splits:
        (one, other), pair_splits, _ = msgspec.structs.astuple(outcome.shared.in_two_splits.pairs[0])
        message = (
            f"clips in two splits share frames, {leaks:,} in all, as {one} ({pair_splits[0]}) and {other} "
            f"({pair_splits[1]}): nothing is published, and the work is kept. {min(leaks, _NAMED_PAIRS)} are named in "
            f"{storage.root}/{layout.run_path(options.run, OUTCOME)}. Publish with them by leaving out --strict-splits"
        )
        return msgspec.structs.replace(outcome, code=1, message=message)
    if storage.disk is not None:
        relink_shards(storage, storage.disk, name, changed=name != base)
    if name != base:
        # Hours may have passed since a shard was found, and somebody may have deleted it: without this check, a
        # version could be published that lacks clips.
        gone = _missing_shard(storage, written)
        if gone:
            message = f"{storage.root}/{gone}: gone since it was written; run the build again"
            return msgspec.structs.replace(outcome, code=3, message=message)
        if _decide(options, "publish") == "stop":
            raise Interrupted("stopped")
        current = move_pointer(storage, base, name)
        if current != name:
            message = f"another run published {current} meanwhile; run the build again"
            return msgspec.structs.replace(outcome, code=3, message=message)
        outcome = msgspec.structs.replace(outcome, changed=True)
    link_latest(storage, name)
    # Only after the pointer moved: by these parts a rerun finds the shards of a run that was killed before that.
    delete_all(storage, [shard.part for shard in written])
    # Another live run may be about to read a fragment that two shards share; the last run removes it.
    shared = {path for shard in written for path in shard.shared}
    with alone(storage, options.run) as is_alone:
        if is_alone:
            delete_all(storage, shared)
    return outcome


def _is_whole(storage: Storage, version: str) -> bool:
    return storage.stat(layout.version_path(version, layout.MANIFEST)) is not None


def _missing_shard(storage: Storage, written: Sequence[ShardWritten]) -> str | None:
    paths = [layout.shard_path(shard.shard) for shard in written]
    return next(
        (path for path, stat in zip(paths, each(storage, storage.stat, paths), strict=True) if stat is None), None
    )


def move_pointer(storage: Storage, before: str | None, version: str) -> str | None:
    """Publish a whole version if `before` is still the published one; returns what is published then."""
    # Shards and tables are synced already; the links to the shards and the folders' names are not.
    storage.sync(layout.version_path(version))
    # Compare and swap, since two runs that began at one version may end together. If the second one just wrote its
    # version's name, the version of the first one would be lost, and both would report success.
    held = None if before is None else f"{before}\n".encode()
    return version if storage.swap(layout.CURRENT, held, f"{version}\n".encode()) else layout.current_version(storage)


def link_latest(storage: Storage, version: str) -> None:
    """Link OUT/latest, which is for people, to the published version, on local disks."""
    if storage.disk is not None:
        storage.disk.link(layout.version_path(version), "latest")


def _write_version(
    storage: Storage, options: BuildOptions, name: str, labels: Sequence[str], written: Sequence[ShardWritten]
) -> None:
    """Write a version's folder, the manifest last; no pointer names it yet."""
    further = sorted({column for shard in written for column in shard.columns})
    with tempfile.TemporaryFile(prefix="clipmill-") as file:
        sha256 = join(storage, [shard.part for shard in written], further, file, options.listing.label_lists)
        with storage.writer(layout.version_path(name, layout.CLIPS)) as out:
            shutil.copyfileobj(file, out, 8 << 20)
    schema = get_schema(options.record_schema)
    manifest = Manifest(
        layout=layout.LAYOUT,
        version=name,
        dataset=options.name,
        schema=schema.name,
        schema_epoch=schema.epoch,
        encoding=options.frames.encoding,
        options=that_change_bytes(options),
        clips_sha256=sha256,
        splits=_splits(written),
        shards={shard.shard: shard.entry for shard in written},
        codec_epoch=content_names.CODEC_EPOCH,
    )
    for file_name, content in tables(manifest, list(labels), schema).items():
        storage.put(layout.version_path(name, file_name), content)
    if storage.disk is not None:
        link_shards(storage, storage.disk, manifest)
    packed = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    storage.put(layout.version_path(name, layout.MANIFEST), packed)


def _splits(written: Sequence[ShardWritten]) -> dict[str, SplitEntry]:
    splits = {}
    for split in dict.fromkeys(shard.split for shard in written):
        shards = [shard for shard in written if shard.split == split]
        splits[split] = SplitEntry(
            clips=sum(shard.entry.records for shard in shards),
            frames=sum(shard.entry.frames for shard in shards),
            bytes=sum(shard.entry.bytes for shard in shards),
            shards=[shard.shard for shard in shards],
        )
    return splits
