"""A build of the same plain functions that the graph calls, in their order, in this process and without Beam."""

from __future__ import annotations

import hashlib
import itertools
import os
import time
from collections import Counter, defaultdict
from pathlib import Path

import msgspec
import numpy as np

from clipmill import listings
from clipmill.dataset.account import Account
from clipmill.dataset.leftovers import remove_leftovers
from clipmill.dataset.publish import Outcome, publish
from clipmill.dataset.reuse import published_spans, waiting_spans
from clipmill.dataset.run_lock import live_run
from clipmill.dataset.shard_rows import keep_shard_rows
from clipmill.decoding.assemble_clips import group_frames
from clipmill.decoding.decode_span import decode_task
from clipmill.errors import ClipError
from clipmill.layout import current_version, frames_path, index_path, read_manifest, shard_path, version_path
from clipmill.ledger import Reason
from clipmill.messages import CachedProbe, Clip, Piece, SpanDone, Verdict
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline.demo.synthetic import write_video
from clipmill.shards.plan import landmark, order_of, outline, plan_band
from clipmill.shards.write import assemble_shard, published_shard
from clipmill.sources.cache import Notes, read_known, recall_source
from clipmill.sources.clips import settle, source_tasks
from clipmill.sources.probe import resolve_source
from clipmill.storage import open_storage
from clipmill.storage.local import is_temporary

_numbers = itertools.count()


def write_videos(folder: Path, lengths: dict[str, int], seed: int = 0) -> None:
    """Tiny videos of noise, old enough to be noted: {path without suffix: frames}."""
    long_ago = time.time() - 3600
    for number, (name, frames) in enumerate(lengths.items()):
        pictures = np.random.default_rng([seed, number]).integers(0, 255, (frames, 32, 48, 3), np.uint8)
        path = folder / f"{name}.avi"
        write_video(path, pictures, "mpeg4", {"flags": "+qscale", "global_quality": "1180"})
        os.utime(path, (long_ago, long_ago))


def plain_build(listed: Path, out: Path) -> Outcome:
    """Build a listing, in shards of some clips."""
    listing = listings.resolve(ListingOptions((str(listed),)))
    options = BuildOptions(listing, str(out), f"run{next(_numbers):06d}", shard_bytes=20_000)
    storage = open_storage(str(out))
    with live_run(storage, options.run):
        outcome = _run(options)
        if not outcome.code:
            remove_leftovers(storage, open_storage(options.videos), options.run)
    return outcome


def _run(options: BuildOptions) -> Outcome:
    storage, videos = open_storage(options.out), open_storage(options.videos)
    base = current_version(storage)
    rows = [row for slice_ in listings.slices(options.listing) for row in listings.read_slice(options.listing, slice_)]
    strata = Counter(stratum for row in rows for stratum in listings.strata(options.listing, row))
    cuts = listings.draw_splits(options.listing, ((*stratum, clips) for stratum, clips in strata.items()))
    rows = [msgspec.structs.replace(row, split=listings.assign_split(options.listing, row, cuts)) for row in rows]
    counts: listings.Counts = {}
    for row in rows:
        listings.count_label(options.listing, counts, row)
    table = listings.settle_labels(options.listing, counts)
    rows = list(map(listings.Labeller(options.listing, table), rows))
    labels = table.names
    index = {label: number for number, label in enumerate(labels)}
    known = defaultdict(list)
    for source, packed in read_known(storage, videos):
        known[source].append(msgspec.msgpack.decode(packed, type=CachedProbe))
    notes = Notes(storage, videos)
    jobs, tasks, failures = defaultdict(list), defaultdict(list), []
    for row in rows:
        for group, task in source_tasks([row], options):
            try:
                before = recall_source(videos, task, known[row.video])
                answer = before.source if before else resolve_source(task, options.videos, known[row.video])
                if before is None:
                    notes.add(row.video, task, answer, time.time())
            except ClipError as error:
                answer = error
            settled = settle(group, answer, index, options)
            failures += settled.failures
            for job, spans in settled.jobs:
                jobs[job.whole.clip_key].append(job)
                tasks[job.whole.clip_key] += spans
    notes.write()
    held = dict(published_spans(storage, base)) if base else {}
    held = dict(waiting_spans(storage, options.schema)) | held
    clips = []
    for key in jobs:
        spans = [held[key]] if key in held else [_decode(task, options) for task in tasks[key]]
        for made in group_frames(jobs[key], spans, storage, options):
            (clips if isinstance(made, Clip) else failures).append(made)
    published = read_manifest(storage, base).shards if base else {}
    written = []
    for plan in _plans(clips, options):
        entry = published.get(plan.shard)
        done = published_shard(storage, plan, entry) if entry else None
        durable = done is None
        done = done or assemble_shard(options.out, plan.shard, options.schema, options.name, plan.clips)
        written.append(keep_shard_rows(storage, options, plan, done, durable=durable))
    account = Account(Counter(row.split for row in rows), {})
    return publish(storage, options, base, labels, Verdict(), account, written, failures)


def _decode(task, options: BuildOptions) -> SpanDone:
    try:
        return decode_task(task, options.videos, options.out, options.frames)
    except ClipError as error:
        return SpanDone(task.clip_key, 0, 1, Piece(""), failure=(Reason(error.reason).value, error.message))


def _plans(clips: list[Clip], options: BuildOptions):
    for split in sorted({clip.split for clip in clips}):
        members = [clip for clip in clips if clip.split == split]
        places = [place for clip in members if (place := landmark(clip, options.sort))]
        found = outline(sum(clip.nbytes for clip in members), places, options)
        assert not found.edges, "one band"
        members.sort(key=lambda clip: order_of(clip, options.sort))
        yield from plan_band(split, 0, found.target, [msgspec.msgpack.encode(clip) for clip in members], options)


def published_bytes(out: Path) -> dict[str, str]:
    """A hash of every published byte by its path: the pointer, the version's folder, its shards."""
    version = (out / "CURRENT").read_text().strip()
    storage = open_storage(str(out))
    paths = [out / "CURRENT", *(p for p in (out / version_path(version)).iterdir() if not is_temporary(p.name))]
    for shard in read_manifest(storage, version).shards:
        paths += [out / path(shard) for path in (shard_path, index_path, frames_path)]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
