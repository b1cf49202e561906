"""Estimating a build from a sample of its clips: frames, bytes, disk, time and money."""

from __future__ import annotations

import heapq
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from clipmill.estimate.census import Census
from clipmill.estimate.forecast import Foreseen, Population
from clipmill.ledger import Reason
from clipmill.messages import ClipRow, ClipSample
from clipmill.options import BuildOptions
from clipmill.shards.plan import target_bytes
from clipmill.sources.clips import source_tasks
from clipmill.workers.jobs import SampleJob
from clipmill.workers.pool import Pool

#: Dataflow batch workers, us-central1, dollars per vCPU hour with 4 GB of memory, 2026 list prices, rounded up.
DOLLARS_PER_CORE_HOUR = 0.075
#: Seconds until the first clip is decoded; CPU seconds beside decoding, for each clip (the graph, hashing and probing
#: its file) and for each byte (writing, hashing, checking and copying).
_START_UP = 5.0
_SECONDS_PER_CLIP = 0.005
_SECONDS_PER_BYTE = 2e-9
#: The share by which frame counts from headers may be wrong.
_HEADERS = 0.01
#: Frames sampled after a seek are nearer to a key frame than most, and their JPEGs larger by up to this share.
_NEAR_KEY_FRAMES = 0.04
#: The share by which a machine's speed varies from hour to hour.
_CLOCK = 0.15
#: Shards are 1.09 times the target on average, and some are twice as large.
_MEAN_SHARD = 1.09
_LARGE_SHARD = 1.25
#: Clips of fewer bytes than that on average are counted as small images, whose packs stay until the run publishes.
_PACKED = 64 << 10
#: Bytes that a record holds for each frame beside its JPEG; bytes of tables, ledgers and notes, for each clip and
#: in all.
_RECORD = 11
_TABLES = (3_000, 100_000)
#: Videos that are named where the disk has no room for them.
_LARGEST = 3


class Band(msgspec.Struct, frozen=True):
    """An estimate and its error (two standard errors, to either side)."""

    value: float
    error: float

    def times(self, factor: float) -> Band:
        """Multiply value and error."""
        return Band(self.value * factor, self.error * factor)


class LargeVideo(msgspec.Struct, frozen=True):
    """What one video takes, as the listing names it: frames, and their bytes."""

    video: str
    frames: float
    bytes: float


class Estimate(msgspec.Struct, frozen=True):
    """What a build will take.

    Attributes:
        missing: share of the clips whose file is not there.
        held: share of the clips whose frames are in the output already.
        frames, bytes: of the data set.
        smaller_bytes: of the data set with --short-side 256; None where that was not tried.
        peak_bytes: that the output's disk must have free, for the worst moment.
        shards: how many.
        split_shards: how many, by split.
        minutes: on this machine, with the workers asked for.
        dollars: on rented cores, each as fast as one here, at `dollars_per_core_hour`.
        sampled, encoded: clips that were looked at, and those of which frames were encoded.
        largest: the videos of the sample that will take the most bytes.
    """

    missing: float
    held: float
    frames: Band
    bytes: Band
    smaller_bytes: float | None
    peak_bytes: float
    shards: int
    split_shards: dict[str, int]
    minutes: Band
    dollars: Band
    dollars_per_core_hour: float
    sampled: int
    encoded: int
    largest: list[LargeVideo]


def estimate(
    census: Census,
    options: BuildOptions,
    pool: Pool,
    population: Population,
    rewritten: float,
    *,
    encode: int,
    frames: int = 8,
    opened: int | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> Estimate:
    """Estimate a build from a sample of its clips.

    Args:
        population: what is known of the clips; only new ones of its sample are looked at.
        rewritten: share of the shards that are not published yet.
        elsewhere: the paths of videos that are found by name.
        encode: clips of which `frames` frames are encoded, since headers do not predict the size of a JPEG.
        opened: new clips of the sample whose files are opened, at most; all by default.
    """
    new = [row for row, seen in population.sample if not seen.held and not seen.problem]
    chosen = new[:opened]
    samples = _take_samples(chosen, options, pool, encode, frames, elsewhere or {})
    there = [(row.video, sample) for row, sample in samples if not sample.problem]
    fresh = [sample for _, sample in there]
    held = [seen for _, seen in population.sample if seen.held]
    like_it = len(new) / max(1, len(chosen))  # new clips that one of the opened ones stands for
    absent = like_it * sum(sample.problem == Reason.MISSING for _, sample in samples)
    looked_at = max(1, len(population.sample))
    found = 1 - population.missing / max(1, population.looked_at)
    each = found * census.clips / looked_at
    content = _content(fresh, held, each * like_it, each)
    targets, split_shards = _shards(census, content.bytes.value, options)
    written = (content.bytes.value + content.bytes.error) * rewritten
    clips = round(found * census.clips)
    busy = _busy(content.cpu, clips, written)
    return Estimate(
        missing=1 - found * (1 - absent / looked_at),
        held=found * len(held) / looked_at,
        frames=content.frames,
        bytes=content.bytes,
        smaller_bytes=content.smaller_bytes,
        peak_bytes=_peak(content.new_bytes, written, clips, targets, options.workers),
        shards=sum(split_shards.values()),
        split_shards=split_shards,
        minutes=_sum(Band(_START_UP, 0.3 * _START_UP), busy.times(1 / options.workers)).times(1 / 60),
        dollars=busy.times(DOLLARS_PER_CORE_HOUR / 3600),
        dollars_per_core_hour=DOLLARS_PER_CORE_HOUR,
        sampled=len(population.sample) + population.missing - len(new) + len(chosen),
        encoded=sum(bool(sample.bytes_per_frame) for sample in fresh),
        largest=_largest(there, content.new_bytes.value / max(1.0, each * like_it)),
    )


class _Content(NamedTuple):
    """What the clips of a data set hold.

    Attributes:
        frames, bytes: of all clips.
        new_bytes: of the clips that are decoded now.
        smaller_bytes: of all clips with --short-side 256; None where that was not tried.
        cpu: seconds to decode and encode the new ones.
    """

    frames: Band
    bytes: Band
    new_bytes: Band
    smaller_bytes: float | None
    cpu: Band


def _content(fresh: Sequence[ClipSample], held: Sequence[Foreseen], each_new: float, each_held: float) -> _Content:
    """Estimate what all clips hold, from the clips of the sample that are new and from those that are held.

    Args:
        each_new, each_held: clips that one of them stands for.
    """
    clips = each_new * len(fresh)
    sizes = [_Clip(s, s.frames * _stored(s.bytes_per_frame), s.frames * s.spread) for s in fresh]
    small = [_Clip(s, s.frames * _stored(s.smaller), 0.0) for s in fresh]
    costs = [_Clip(s, s.frames * s.seconds_per_frame, 0.0) for s in fresh]
    new_frames = _total([sample.frames for sample in fresh], clips)
    new_frames = Band(new_frames.value, math.hypot(new_frames.error, _HEADERS * new_frames.value))
    new_bytes = _by_pixels(sizes, clips)
    held_frames = _total([float(seen.frames) for seen in held], each_held * len(held))
    held_bytes = _total([float(seen.nbytes) for seen in held], each_held * len(held))
    return _Content(
        frames=_sum(new_frames, held_frames),
        bytes=_sum(new_bytes, held_bytes),
        new_bytes=new_bytes,
        smaller_bytes=_by_pixels(small, clips).value if any(s.smaller for s in fresh) and not held else None,
        cpu=_by_pixels(costs, clips),
    )


def _shards(census: Census, nbytes: float, options: BuildOptions) -> tuple[dict[str, int], dict[str, int]]:
    """Estimate the size of a shard and the number of shards, by split; a split holds bytes as it holds clips."""
    split_bytes = {split: nbytes * clips / census.clips for split, clips in census.splits.items()}
    targets = {split: target_bytes(int(size), options) for split, size in split_bytes.items()}
    shards = {
        split: min(census.splits[split], math.ceil(size / (_MEAN_SHARD * targets[split])) or 1)
        for split, size in split_bytes.items()
    }
    return targets, shards


def _peak(new_bytes: Band, written: float, clips: int, targets: dict[str, int], workers: int) -> float:
    """Estimate the bytes that the output's disk must have free, for the worst moment."""
    # One shard for each job in flight; each keeps its fragments until it is durable.
    in_flight = (2 * workers + 1) * _LARGE_SHARD * max(targets.values(), default=0)
    if new_bytes.value < _PACKED * clips:
        in_flight = new_bytes.value + new_bytes.error
    tables = _TABLES[0] * clips + _TABLES[1]
    return written + min(in_flight, new_bytes.value + new_bytes.error) + (tables if written else 0)


def _busy(cpu: Band, clips: int, written: float) -> Band:
    """Estimate the CPU seconds of a build that decodes for `cpu` seconds and writes `written` bytes."""
    seconds = cpu.value + _SECONDS_PER_CLIP * clips + _SECONDS_PER_BYTE * written
    return Band(seconds, math.hypot(cpu.error, _CLOCK * seconds))


def _stored(bytes_per_frame: float) -> float:
    return bytes_per_frame and bytes_per_frame + _RECORD


def _take_samples(
    rows: Sequence[ClipRow],
    options: BuildOptions,
    pool: Pool,
    encode: int,
    frames: int,
    elsewhere: Mapping[str, str],
) -> list[tuple[ClipRow, ClipSample]]:
    tasks = [task for row in rows for _, task in source_tasks([row], options, elsewhere.get(row.video, ""))]
    looks = ((number, SampleJob(task, options.videos, 0)) for number, task in enumerate(tasks))
    samples = {number: result for number, result in pool.window(looks) if isinstance(result, ClipSample)}
    present = [number for number in sorted(samples) if not samples[number].problem][:encode]
    closer = ((number, SampleJob(tasks[number], options.videos, frames)) for number in present)
    samples |= {number: result for number, result in pool.window(closer) if isinstance(result, ClipSample)}
    return [(rows[number], sample) for number, sample in samples.items()]


def _largest(samples: Sequence[tuple[str, ClipSample]], nbytes: float) -> list[LargeVideo]:
    """Estimate which videos of the sample take the most of all bytes, in proportion to their pixels."""
    frames: defaultdict[str, float] = defaultdict(float)
    pixels: defaultdict[str, float] = defaultdict(float)
    for video, sample in samples:
        frames[video] += sample.frames
        pixels[video] += sample.frames * sample.pixels
    in_all = sum(pixels.values()) or 1.0
    largest = heapq.nlargest(_LARGEST, pixels, key=pixels.__getitem__)
    return [LargeVideo(video, frames[video], nbytes * pixels[video] / in_all) for video in largest]


class _Clip(NamedTuple):
    """A clip of the sample, a measured value (0 where it was not measured), and that value's standard error."""

    sample: ClipSample
    has: float
    error: float


def _by_pixels(clips: Sequence[_Clip], population: float) -> Band:
    """Estimate the sum of a value over all clips, of which some were measured.

    A ratio estimate by pixels, which are known of every clip of the sample: with the error
    of the ratio and that of the number of pixels.
    """
    measured = [clip for clip in clips if clip.has]
    if not measured:
        return Band(0.0, 0.0)
    pixels = _total([clip.sample.frames * clip.sample.pixels for clip in clips], population)
    of_measured = [clip.sample.frames * clip.sample.pixels for clip in measured]
    ratio = sum(clip.has for clip in measured) / sum(of_measured)
    number = len(measured)
    between = sum((clip.has - ratio * x) ** 2 for clip, x in zip(measured, of_measured, strict=True))
    between *= max(0.0, 1 - number / population) / max(1, number - 1) / number
    within = sum(clip.error**2 for clip in measured) / number**2
    relative = 2 * math.sqrt(between + within) / (ratio * statistics.fmean(of_measured))
    if number == 1 < population:
        relative = max(relative, 0.5)  # one clip says nothing about the spread
    relative = math.hypot(relative, pixels.error / pixels.value, _HEADERS, _NEAR_KEY_FRAMES)
    return Band(ratio * pixels.value, ratio * pixels.value * relative)


def _total(values: Sequence[float], population: float) -> Band:
    """Estimate the sum over a population of which these are a sample."""
    if not values:
        return Band(0.0, 0.0)
    error = 0.0
    if 1 < len(values) < population:
        error = 2 * statistics.stdev(values) * math.sqrt((1 - len(values) / population) / len(values))
    return Band(statistics.fmean(values), error).times(population)


def _sum(a: Band, b: Band) -> Band:
    return Band(a.value + b.value, math.hypot(a.error, b.error))
