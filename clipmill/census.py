"""What a listing holds, and what building it will take: counted where cheap, else estimated from samples."""

from __future__ import annotations

import heapq
import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from clipmill import keys, listings
from clipmill.foresight import Foreseen
from clipmill.jobs import SampleJob
from clipmill.ledger import Failure, Reason
from clipmill.options import BuildOptions
from clipmill.planning import target_bytes
from clipmill.pool import Pool
from clipmill.resolving import source_tasks
from clipmill.rows import ClipRow, Sample

#: Dataflow batch workers, us-central1, dollars per vCPU hour with 4 GB of memory, 2026 list prices, rounded up.
DOLLARS_PER_CORE_HOUR = 0.075


class Census(msgspec.Struct, frozen=True):
    """What a listing holds.

    Attributes:
        clips: rows that name a clip, after all choices.
        bad_rows: rows that do not.
        splits: clips by split.
        classes: names of the classes, in order.
        sample: some of the rows, drawn evenly by a hash.
    """

    clips: int
    bad_rows: int
    splits: dict[str, int]
    classes: list[str]
    sample: list[ClipRow]


def take_census(options: BuildOptions, sample: int) -> Census:
    """Read a listing once, holding no more than a sample of it."""
    chosen = options.listing
    counts: Counter[tuple[str, str | None]] = Counter()
    labels: set[tuple[str, int | None]] = set()
    bad = 0
    heap: list[tuple[float, int, ClipRow]] = []
    number = 0
    for part in listings.parts(chosen):
        for row in listings.read_part(chosen, part):
            if isinstance(row, Failure):
                bad += 1
                continue
            if not listings.selected(chosen, row):
                continue
            number += 1
            counts[listings.assign_split(chosen, row), row.label] += 1
            if row.label is not None:
                labels.add((row.label, row.label_number))
            entry = (-keys.unit("census", row.clip_id), number, row)
            if len(heap) < sample * chosen.class_every:
                heapq.heappush(heap, entry)
            elif entry > heap[0]:
                heapq.heapreplace(heap, entry)
    classes = listings.class_table(listings.declared_classes(chosen) or labels)[:: chosen.class_every]
    kept = {None, *classes}
    splits: Counter[str] = Counter()
    for (split, label), times in counts.items():
        if label in kept:
            splits[split] += times
    rows = [row for _, _, row in sorted(heap, reverse=True) if row.label in kept][:sample]
    clips = sum(splits.values())
    if chosen.limit is not None and clips > chosen.limit:
        splits = Counter({split: round(times * chosen.limit / clips) for split, times in splits.items()})
        clips = chosen.limit
    return Census(clips, bad, dict(splits), classes, rows)


def rows_of(options: BuildOptions, census: Census) -> Iterator[ClipRow]:
    """The rows that a census counted, one at a time; all that there are where --limit takes some."""
    kept = {None, *census.classes}
    for part in listings.parts(options.listing):
        for row in listings.read_part(options.listing, part):
            if isinstance(row, ClipRow) and row.label in kept and listings.selected(options.listing, row):
                yield row


class Band(msgspec.Struct, frozen=True):
    """An estimate and how far off it may be (two standard errors, to either side)."""

    value: float
    error: float


class Estimate(msgspec.Struct, frozen=True):
    """What a build will take.

    Attributes:
        missing: share of the clips whose file is not there.
        held: share of the clips whose frames are in the output already.
        frames, bytes: of the data set.
        peak_bytes: of the output's disk at the worst moment.
        shards: how many.
        minutes: on this machine, with the workers asked for.
        dollars: on rented cores.
        sampled, encoded: clips that were looked at, and those of which frames were encoded.
    """

    missing: float
    held: float
    frames: Band
    bytes: Band
    peak_bytes: float
    shards: int
    minutes: Band
    dollars: Band
    sampled: int
    encoded: int


def estimate(
    census: Census,
    options: BuildOptions,
    pool: Pool,
    foreseen: Sequence[Foreseen],
    rewritten: float,
    *,
    encode: int,
    frames: int = 8,
) -> Estimate:
    """Estimate a build from a sample of its clips.

    Args:
        foreseen: what is known of the census's sample; only clips that are new are looked at.
        rewritten: share of the shards that is not published yet.
        encode: clips of which `frames` frames are encoded, since headers do not predict the size of a JPEG.
    """
    new = [row for row, seen in zip(census.sample, foreseen, strict=True) if not seen.held and not seen.problem]
    fresh = _take_samples(new, options, pool, encode, frames)
    held = [Sample("", seen.frames, 0, seen.nbytes / max(1, seen.frames), 0.0) for seen in foreseen if seen.held]
    failed = [Sample(seen.problem, 0.0, 0, 0.0, 0.0) for seen in foreseen if seen.problem]
    samples = fresh + held + failed
    present = [sample for sample in samples if not sample.problem]
    missing = sum(sample.problem == Reason.MISSING for sample in samples) / max(1, len(samples))
    share = len(present) / max(1, len(samples))
    clips = census.clips * share
    per_clip = _mean([sample.frames for sample in present], census.clips)
    total_frames = Band(clips * per_clip.value, clips * per_clip.error)
    encoded = [sample for sample in present if sample.bytes_per_frame]
    size = _mean([sample.bytes_per_frame for sample in encoded], census.clips)
    cost = _mean([sample.seconds_per_frame for sample in encoded if sample.seconds_per_frame], census.clips)
    nbytes = _times(total_frames, size)
    share_new = 1 - sum(sample.frames for sample in held) / max(1.0, sum(sample.frames for sample in present))
    seconds = _times(Band(total_frames.value * share_new, total_frames.error * share_new), cost)
    target = target_bytes(int(nbytes.value), options)
    in_flight = (2 * options.workers + 1) * 2 * min(target, nbytes.value)
    new_bytes = (nbytes.value + nbytes.error) * share_new
    minutes = Band(seconds.value / options.workers / 60, seconds.error / options.workers / 60)
    dollars = Band(*(value / 3600 * DOLLARS_PER_CORE_HOUR for value in (seconds.value, seconds.error)))
    return Estimate(
        missing,
        len(held) / max(1, len(samples)),
        total_frames,
        nbytes,
        (nbytes.value + nbytes.error) * rewritten + min(in_flight, new_bytes),
        max(len(census.splits), math.ceil(nbytes.value / (1.09 * target))),
        minutes,
        dollars,
        len(samples),
        len(encoded),
    )


def _take_samples(rows: Sequence[ClipRow], options: BuildOptions, pool: Pool, encode: int, frames: int) -> list[Sample]:
    tasks = [task for row in rows for _, task in source_tasks([row], options)]
    looks = ((number, SampleJob(task, options.videos, 0)) for number, task in enumerate(tasks))
    samples = {number: result for number, result in pool.window(looks) if isinstance(result, Sample)}
    present = [number for number in sorted(samples) if not samples[number].problem][:encode]
    closer = ((number, SampleJob(tasks[number], options.videos, frames)) for number in present)
    samples |= {number: result for number, result in pool.window(closer) if isinstance(result, Sample)}
    return list(samples.values())


def _mean(values: Sequence[float], population: int) -> Band:
    if not values:
        return Band(0.0, 0.0)
    mean = statistics.fmean(values)
    if len(values) < 2 or len(values) >= population:
        return Band(mean, 0.0)
    return Band(mean, 2 * statistics.stdev(values) / math.sqrt(len(values)))


def _times(a: Band, b: Band) -> Band:
    value = a.value * b.value
    relative = math.hypot(a.error / a.value if a.value else 0, b.error / b.value if b.value else 0)
    return Band(value, value * relative)
