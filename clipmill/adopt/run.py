"""Adopting shards: read each, put it into the output with its index, and publish them as a version."""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import msgspec

from clipmill import content_names, layout
from clipmill.adopt.labels import Classes, Said, settle
from clipmill.adopt.shard import FoundClip, FoundShard, read_shard
from clipmill.dataset.account import Account
from clipmill.dataset.budgets import judge_sources
from clipmill.dataset.publish import Outcome, publish
from clipmill.dataset.run_lock import live_run
from clipmill.dataset.shard_rows import keep_shard_rows
from clipmill.errors import ListingError, UsageError
from clipmill.layout import Label, LabelIndex, ShardEntry, shard_path
from clipmill.ledger import Failure, Reason, Stage
from clipmill.listings.label_files import read_labels
from clipmill.listings.splits import known_split, split_name, split_of_file
from clipmill.messages import Clip, ShardDone, ShardPlan, ShardWritten
from clipmill.options import Budget, BuildOptions, ListingOptions
from clipmill.records import get_schema
from clipmill.records.foreign import adopted_name
from clipmill.shards.adopted import write_sidecars
from clipmill.storage import Storage, open_storage, split_path

#: The order of an adopted version's clips: as the shards have them.
SORT = "as adopted"

_TFDS_NAME = re.compile(r".+-([A-Za-z]\w*)\.tfrecord-\d{5}-of-\d{5}")
_LABEL_FILE = "label.labels.txt"


class AdoptOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to adopt, and how.

    Attributes:
        shards: absolute paths or URLs of TFRecord files, in the order they are to have.
        out: root of the output.
        run: id of this run.
        name: of the data set.
        split: of all clips; None to take it from each file's name.
        labels: file of classes, or None.
        keys: features by role, see `clipmill.records.foreign.KNOWN`.
        copy: copy the shards rather than link them.
        max_missing, max_failures: budgets of the records, as of a build.
    """

    shards: tuple[str, ...]
    out: str
    run: str
    name: str = "clips"
    split: str | None = None
    labels: str | None = None
    keys: dict[str, str] = {}
    copy: bool = False
    max_missing: Budget = Budget()
    max_failures: Budget = Budget(least=3)


class _Taken(NamedTuple):
    """A shard that is in the output.

    Attributes:
        shard, split, entry: its id, its split, and what the manifest says of it.
        places: where each record is.
        clips: its clips, in order.
    """

    shard: str
    split: str
    entry: ShardEntry
    places: list[tuple[int, int, int]]
    clips: list[FoundClip]


def adopt(options: AdoptOptions, tell: Callable[[int, int], None]) -> Outcome:
    """Publish shards that others wrote as a version; the outcome says why nothing was published, if so.

    Args:
        tell: called with the shards read so far and all of them.

    Raises:
        UsageError: a shard is not there or cannot be linked, or the output holds a version that was built.
        DataError: the records contradict each other in what a class is called.
        StorageError: storage failed.
    """
    storage = open_storage(options.out)
    with live_run(storage, options.run):
        base = _base(storage)
        taken, failures = _take_all(storage, options, tell)
        said = [Said(clip.source, clip.labels, clip.texts) for shard in taken for clip in shard.clips]
        classes = settle(said, _declared(options))
        build = _as_build(options, classes)
        account = _account(taken, failures)
        verdict = judge_sources(account, build)
        written = [_written(storage, build, classes, shard, number) for number, shard in enumerate(taken)]
        return publish(storage, build, base, classes.names, verdict, account, written, failures)


def _base(storage: Storage) -> str | None:
    """Return the version that is published; only one that was adopted may be replaced."""
    base = layout.current_version(storage)
    if base is not None and not layout.read_manifest(storage, base).adopted:
        raise UsageError(f"--out {storage.root}: holds a data set that was built; name a new folder")
    return base


def _take_all(
    storage: Storage, options: AdoptOptions, tell: Callable[[int, int], None]
) -> tuple[list[_Taken], list[Failure]]:
    taken: list[_Taken] = []
    failures: list[Failure] = []
    ids: dict[str, FoundClip] = {}
    tell(0, len(options.shards))
    for done, path in enumerate(options.shards, 1):
        source, name = split_path(path)
        split = options.split or _split_of(path)
        try:
            found = read_shard(source, name, split, options.keys)
        except FileNotFoundError:
            raise ListingError(f"{path}: no such file") from None
        clips, again = _with_new_ids(found, path, split, ids)
        failures += [*found.failures, *again]
        if clips:
            taken.append(_take(storage, options, (source, name), split, found, clips))
        tell(done, len(options.shards))
    return taken, failures


def _split_of(path: str) -> str:
    """Return the split of a shard by its name: TFDS's pattern, else a known split in it or its folder's, else train."""
    folder, _, name = path.rpartition("/")
    match = _TFDS_NAME.fullmatch(name)
    return split_name(match[1]) if match else split_of_file(name) or known_split(os.path.basename(folder)) or "train"


def _with_new_ids(
    found: FoundShard, path: str, split: str, ids: dict[str, FoundClip]
) -> tuple[list[FoundClip], list[Failure]]:
    """Return the clips whose ids are not taken, and ledger rows for the others; adds their ids to `ids`."""
    clips, failures = [], []
    for clip in found.clips:
        other = ids.setdefault(clip.clip_id, clip)
        if other is clip:
            clips.append(clip)
            continue
        same = other.digest == clip.digest
        reason = Reason.DUPLICATE if same else Reason.BAD_ROW
        message = f"another record with {'the same frames and' if same else 'other frames and'} the id {clip.clip_id}"
        failures.append(
            Failure(
                listing=path,
                row=clip.row,
                clip_id=clip.clip_id,
                source=clip.source,
                split=split,
                stage=Stage.READ_LISTING.value,
                reason=reason.value,
                message=message,
            )
        )
    return clips, failures


def _take(
    storage: Storage,
    options: AdoptOptions,
    place: tuple[Storage, str],
    split: str,
    found: FoundShard,
    clips: Sequence[FoundClip],
) -> _Taken:
    """Put a shard and the files beside it into the output."""
    schema = get_schema(adopted_name(options.keys))
    shard = content_names.adopted_shard(schema.name, schema.epoch, found.sha256, [clip.row for clip in clips])
    entry, places = write_sidecars(
        storage, shard, [clip.record for clip in clips if clip.record], found.size, found.crc32c
    )
    if storage.stat(shard_path(shard)) is None:
        _put(storage, shard_path(shard), *place, copy=options.copy)
    # The arrays of a million clips would take gigabytes.
    bare = [clip._replace(record=None) for clip in clips]
    return _Taken(shard, split, entry, [(p.offset, p.length, p.frames_at) for p in places], bare)


def _put(storage: Storage, path: str, source: Storage, name: str, *, copy: bool) -> None:
    if not copy:
        if storage.disk is None or source.disk is None:
            raise UsageError(f"{source.root}/{name}: is not on a disk that --out is on as well; add --copy")
        try:
            storage.disk.hard_link(source.disk.path(name), path)
        except OSError as error:
            raise UsageError(
                f"{source.root}/{name}: no link to it can be made in {storage.root} ({error.strerror}); add --copy"
            ) from None
        return
    with source.fetch(name) as file, storage.writer(path) as out:
        shutil.copyfileobj(file, out, 8 << 20)


def _declared(options: AdoptOptions) -> list[str] | None:
    """Return the names of the classes from --labels, or from TFDS's file beside the shards."""
    if options.labels is not None:
        return [name for name, _ in read_labels(options.labels)]
    beside = {f"{path.rpartition('/')[0]}/{_LABEL_FILE}" for path in options.shards}
    there = [path for path in sorted(beside) if _is_there(path)]
    return [name for name, _ in read_labels(there[0])] if len(there) == 1 else None


def _is_there(path: str) -> bool:
    storage, name = split_path(path)
    return storage.stat(name) is not None


def _as_build(options: AdoptOptions, classes: Classes) -> BuildOptions:
    """Return the options of a build that would publish this version."""
    return BuildOptions(
        listing=ListingOptions(
            listings=options.shards, label_lists=classes.several, videos=options.shards[0].rpartition("/")[0]
        ),
        out=options.out,
        run=options.run,
        schema=adopted_name(options.keys),
        sort=SORT,
        name=options.name,
        max_missing=options.max_missing,
        max_failures=options.max_failures,
    )


def _account(taken: Sequence[_Taken], failures: Sequence[Failure]) -> Account:
    rows = Counter(failure.split for failure in failures)
    for shard in taken:
        rows[shard.split] += len(shard.clips)
    failed = Counter(failure.reason for failure in failures)
    lost = {reason: Fraction(number) for reason, number in failed.items()}
    return Account(rows=rows, segments={}, failed=failed, videos=sum(rows.values()), lost=lost)


def _written(storage: Storage, build: BuildOptions, classes: Classes, taken: _Taken, number: int) -> ShardWritten:
    """Write a shard's part of the clip table."""
    clips = [_row(clip, taken.split, *classes.of(Said(clip.source, clip.labels, clip.texts))) for clip in taken.clips]
    plan = ShardPlan(
        split=taken.split,
        band=0,
        number=number,
        shard=taken.shard,
        digest=content_names.rows_digest(clips),
        clips=clips,
    )
    return keep_shard_rows(storage, build, plan, ShardDone(taken.shard, taken.entry, taken.places), durable=True)


def _row(clip: FoundClip, split: str, label_index: LabelIndex, label_text: Label) -> Clip:
    return Clip(
        clip_id=clip.clip_id,
        split=split,
        folds=(),
        label_index=label_index,
        label_text=label_text,
        label_source=(None,) * len(label_index) if isinstance(label_index, tuple) else None,
        group=None,
        source=clip.source,
        start=None,
        end=None,
        trimmed=None,
        fingerprint=clip.fingerprint,
        clip_key=clip.fingerprint[:32],
        digest=clip.digest,
        frames=clip.frames,
        width=clip.width,
        height=clip.height,
        fps=clip.fps,
        duration=clip.seconds,
        bad_packets=0,
        extra={},
        nbytes=clip.nbytes,
        pieces=[],
        shared=False,
    )
