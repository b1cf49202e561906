"""Counting what a listing holds: clips, splits and classes, in one pass, and a sample of the rows."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from clipmill import content_names, listings
from clipmill.estimate.repeats import RepeatFinder, Repeats
from clipmill.ledger import Failure
from clipmill.listings.label_table import LabelTable
from clipmill.messages import ClipRow
from clipmill.options import BuildOptions, ListingOptions
from clipmill.sources.by_name import VideosThere
from clipmill.strata import Cuts

#: Bad rows of which is said what is wrong.
_EXAMPLES = 3
#: Listing, number of the row, and video.
_Where = tuple[str, int, str]


class Census(msgspec.Struct, frozen=True):
    """What a listing holds.

    Attributes:
        clips: rows that name a clip, after all choices.
        bad_rows: rows that do not, or name one that another row names.
        more_bad: some rows that may name a clip again were not compared.
        bad_examples: where the first of those are and what is wrong with each, in words.
        unlabelled: rows that name a clip and no class.
        several: rows that name a clip and more than one class.
        ignored: files of a folder that are not named like videos, and folders that are hidden or a system's.
        splits: clips by split.
        labels: the classes, and notes on their numbers.
        cuts: of the random split, if there is one.
        example: a path that --include does not match; "" if there is none.
        sample: some of the rows, drawn evenly by a hash.
        there: rows whose files are there, from which --limit takes; None where it takes from all.
        repeats: where the rows stand that name a clip again: listing, number of the row, and video.
    """

    clips: int
    bad_rows: int
    unlabelled: int
    several: int
    ignored: int
    splits: dict[str, int]
    labels: LabelTable
    cuts: Cuts | None
    example: str
    sample: list[ClipRow]
    bad_examples: list[str] = []
    there: int | None = None
    more_bad: bool = False
    repeats: frozenset[_Where] = frozenset()


def take_census(options: BuildOptions, sample: int) -> Census:
    """Count what a listing holds in one pass, and sample its rows; random splits and rows that repeat take another."""
    chosen = options.listing
    cuts = _draw_splits(chosen) if chosen.splits else None
    counts: Counter[tuple[str, tuple[listings.Said, ...]]] = Counter()
    said: listings.Counts = {}
    bad = number = 0
    examples: list[str] = []
    example = ""
    heap: list[tuple[bool, float, int, ClipRow]] = []
    videos = VideosThere(chosen) if chosen.limit is not None and chosen.format != "tree" else None
    counts_there: Counter[tuple[str, tuple[listings.Said, ...]]] = Counter()
    repeats = RepeatFinder()
    slices = listings.slices(chosen)
    ignored = sum(listings.ignored(chosen, slice_) for slice_ in slices)
    for row in _rows(chosen, slices):
        if isinstance(row, Failure):
            bad += 1
            if len(examples) < _EXAMPLES:
                examples.append(_told(row))
            continue
        if not listings.selected(chosen, row):
            example = row.video
            continue
        number += 1
        row = msgspec.structs.replace(row, split=listings.assign_split(chosen, row, cuts))
        there = videos is None or row in videos
        key = row.split, listings.said_by(chosen, row)
        counts[key] += 1
        if videos is not None:
            counts_there[key] += there
        listings.count_label(chosen, said, row)
        repeats.add(row)
        entry = (there, -content_names.unit("census", row.clip_id), number, row)
        if len(heap) < sample * chosen.class_every:
            heapq.heappush(heap, entry)
        elif entry > heap[0]:
            heapq.heapreplace(heap, entry)
    labels = listings.settle_labels(chosen, said)
    labeller = listings.Labeller(chosen, labels)
    clips: Counter[tuple[str, tuple[str, ...]]] = Counter()
    there_are = sum(counts_there.values())
    for (split, words), times in counts.items():
        meant = labeller.meant(words)
        if isinstance(meant, str):
            bad += times
            if len(examples) < _EXAMPLES:
                examples.append(meant)
        elif meant is not None:
            clips[split, tuple(meant)] += counts_there[split, words] if there_are else times
    again = Repeats((), (), all=True)
    if chosen.limit is None:  # else a clip that is named again is most likely none of those
        again = repeats.find(_labelled(chosen, slices, labeller, cuts), chosen)
        clips.subtract((row.split, _classes(row)) for row in again.rows)
        examples += [_told(failure) for failure in again.failures[: _EXAMPLES - len(examples)]]
    taken = frozenset(map(_where, again.rows))
    drawn = map(labeller, [row for *_, row in sorted(heap, reverse=True) if _where(row) not in taken])
    rows = [row for row in drawn if isinstance(row, ClipRow)]
    splits = _splits(clips, chosen.limit)
    unlabelled = sum(times for (_, classes), times in clips.items() if not classes)
    return Census(
        clips=sum(splits.values()),
        bad_rows=bad + len(again.rows),
        unlabelled=unlabelled,
        several=sum(times for (_, classes), times in clips.items() if len(classes) > 1),
        ignored=ignored,
        splits=splits,
        labels=labels,
        cuts=cuts,
        example=example,
        sample=rows[:sample],
        bad_examples=examples,
        there=None if videos is None else there_are,
        more_bad=not again.all,
        repeats=taken,
    )


def _told(failure: Failure) -> str:
    return f"{failure.listing}:{failure.row}: {failure.message}" if failure.row else failure.message


def _where(row: ClipRow) -> _Where:
    return row.listing, row.row, row.video


def _classes(row: ClipRow) -> tuple[str, ...]:
    return row.label if isinstance(row.label, tuple) else () if row.label is None else (row.label,)


def _rows(chosen: ListingOptions, slices: Sequence[listings.ListingSlice]) -> Iterator[ClipRow | Failure]:
    rows = (row for slice_ in slices for row in listings.read_slice(chosen, slice_))
    return listings.merge_all(chosen, rows) if chosen.multi_label else rows


def _draw_splits(chosen: ListingOptions) -> Cuts | None:
    counts: Counter[tuple[str, str]] = Counter()
    for row in _rows(chosen, listings.slices(chosen)):
        if isinstance(row, ClipRow) and listings.selected(chosen, row):
            counts.update(listings.strata(chosen, row))
    return listings.draw_splits(chosen, ((*stratum, clips) for stratum, clips in counts.items()))


def _splits(counts: Counter[tuple[str, tuple[str, ...]]], limit: int | None) -> dict[str, int]:
    """Count clips by split; --limit takes one of each class of each split, then a second one of each, and so on."""
    left = min(sum(counts.values()), sum(counts.values()) if limit is None else limit)
    taken: Counter[str] = Counter()
    level = 0
    while left:
        groups = [(split, times) for (split, _), times in counts.items() if times > level]
        rounds = min(min(times for _, times in groups) - level, left // len(groups))
        if not rounds:
            # Hashes choose the classes of the last clips: the more clips a class has, the more likely.
            taken.update(_in_proportion(groups, left))
            break
        for split, _ in groups:
            taken[split] += rounds
        left -= rounds * len(groups)
        level += rounds
    return {split: clips for split, clips in taken.items() if clips}


def _in_proportion(groups: Sequence[tuple[str, int]], number: int) -> dict[str, int]:
    """Divide `number` into whole numbers in proportion to the weights of each name."""
    weights: Counter[str] = Counter()
    for name, weight in groups:
        weights[name] += weight
    exact = {name: number * weight / sum(weights.values()) for name, weight in weights.items()}
    whole = {name: int(share) for name, share in exact.items()}
    rest = number - sum(whole.values())
    for name in sorted(exact, key=lambda name: whole[name] - exact[name])[:rest]:
        whole[name] += 1
    return whole


def rows_of(options: BuildOptions, census: Census) -> Iterator[ClipRow]:
    """Iterate over the selected rows that name a clip of their own; --limit is ignored."""
    chosen = options.listing
    labeller = listings.Labeller(chosen, census.labels)
    rows = _labelled(chosen, listings.slices(chosen), labeller, census.cuts)
    return (row for row in rows if not census.repeats or _where(row) not in census.repeats)


def _labelled(
    chosen: ListingOptions, slices: Sequence[listings.ListingSlice], labeller: listings.Labeller, cuts: Cuts | None
) -> Iterator[ClipRow]:
    """Iterate over the selected rows with their splits and labels."""
    for row in _rows(chosen, slices):
        if isinstance(row, ClipRow) and listings.selected(chosen, row):
            split = listings.assign_split(chosen, row, cuts)
            found = labeller(msgspec.structs.replace(row, split=split))
            if isinstance(found, ClipRow):
                yield found
