"""Counting what a listing holds: clips, splits and classes, in one pass, and a sample of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from clipmill import listings
from clipmill.estimate.repeats import RepeatFinder, Repeats
from clipmill.estimate.sample import Sample
from clipmill.ledger import Failure
from clipmill.listings.label_table import LabelTable
from clipmill.messages import ClipRow
from clipmill.options import BuildOptions, ListingOptions
from clipmill.sources.by_name import VideosThere
from clipmill.sources.limit import take
from clipmill.strata import Cuts

#: Bad rows of which is said what is wrong.
_EXAMPLES = 3
#: Listing, number of the row, and video.
_Where = tuple[str, int, str]
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(ClipRow).decode


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
        limited: the rows that --limit takes; None without it.
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
    limited: list[ClipRow] | None = None
    there: int | None = None
    more_bad: bool = False
    repeats: frozenset[_Where] = frozenset()


class _Count:
    """Counts rows as they are read, and draws a sample of them.

    Args:
        sample: how many rows.

    Attributes:
        said: what rows say of classes, for the table of labels.
        by_words: rows by split and what they say of their classes.
        bad: rows that name no clip, and what is wrong with the first of them.
        example: the path of a row that is not chosen.
        repeats: finds rows that name a clip again.
    """

    def __init__(self, chosen: ListingOptions, cuts: Cuts | None, sample: int) -> None:
        self._chosen = chosen
        self._cuts = cuts
        self.said: listings.Counts = {}
        self.by_words: Counter[tuple[str, tuple[listings.Said, ...]]] = Counter()
        self.bad = 0
        self.examples: list[str] = []
        self.example = ""
        self.repeats = RepeatFinder()
        # Choosing every K-th class takes about so many of the rows.
        self._sample = Sample[ClipRow](sample * chosen.class_every)

    def add(self, row: ClipRow | Failure) -> None:
        """Count a row as it is read."""
        if isinstance(row, Failure):
            self.refuse(_told(row))
        elif not listings.selected(self._chosen, row):
            self.example = row.video
        else:
            row = msgspec.structs.replace(row, split=listings.assign_split(self._chosen, row, self._cuts))
            self.by_words[row.split, listings.said_by(self._chosen, row)] += 1
            listings.count_label(self._chosen, self.said, row)
            self.repeats.add(row)
            self._sample.add(row.clip_id, row)

    def refuse(self, why: str, times: int = 1) -> None:
        """Count bad rows."""
        self.bad += times
        if len(self.examples) < _EXAMPLES:
            self.examples.append(why)

    def classes(self, labeller: listings.Labeller) -> Counter[tuple[str, tuple[str, ...]]]:
        """Count rows by split and classes; those with bad labels are refused."""
        clips: Counter[tuple[str, tuple[str, ...]]] = Counter()
        for (split, words), times in self.by_words.items():
            meant = labeller.meant(words)
            if isinstance(meant, str):
                self.refuse(meant, times)
            elif meant is not None:
                clips[split, tuple(meant)] += times
        return clips

    def sample(self, labeller: listings.Labeller, without: frozenset[_Where], number: int) -> list[ClipRow]:
        """Return the sample, with labels."""
        drawn = map(labeller, [row for row in self._sample.items() if _where(row) not in without])
        return [row for row in drawn if isinstance(row, ClipRow)][:number]


def take_census(options: BuildOptions, sample: int, read: list[bytes] | None = None) -> Census:
    """Count what a listing holds and sample its rows, in one pass.

    Random splits, rows that repeat and --limit take another pass each.

    Args:
        options: of the build.
        sample: how many rows to draw.
        read: gets the rows, packed, so that `rows_of` need not read the listing again.
    """
    chosen = options.listing
    cuts = _draw_splits(chosen) if chosen.splits else None
    slices = listings.slices(chosen)
    count = _Count(chosen, cuts, sample)
    for row in _rows(chosen, slices):
        count.add(row)
        if read is not None and isinstance(row, ClipRow):
            read.append(_pack(row))
    labels = listings.settle_labels(chosen, count.said)
    labeller = listings.Labeller(chosen, labels)
    clips = count.classes(labeller)
    limited, there, again = None, None, Repeats((), (), all=True)
    if chosen.limit is None:  # else a clip that is named again is most likely none of those
        again = count.repeats.find(_labelled(chosen, _rows(chosen, slices), labeller, cuts), chosen)
        clips.subtract((row.split, _classes(row)) for row in again.rows)
        for failure in again.failures:
            count.refuse(_told(failure), 0)
    else:
        limited, there = _limited(chosen, chosen.limit, _labelled(chosen, _rows(chosen, slices), labeller, cuts))
        clips = Counter((row.split, _classes(row)) for row in limited)
    repeats = frozenset(map(_where, again.rows))
    return Census(
        clips=clips.total(),
        bad_rows=count.bad + len(again.rows),
        unlabelled=sum(times for (_, classes), times in clips.items() if not classes),
        several=sum(times for (_, classes), times in clips.items() if len(classes) > 1),
        ignored=sum(listings.ignored(chosen, slice_) for slice_ in slices),
        splits=_splits(clips),
        labels=labels,
        cuts=cuts,
        example=count.example,
        sample=count.sample(labeller, repeats, sample) if limited is None else _drawn(limited, sample),
        bad_examples=count.examples,
        limited=limited,
        there=there,
        more_bad=not again.all,
        repeats=repeats,
    )


def _told(failure: Failure) -> str:
    return f"{failure.listing}:{failure.row}: {failure.message}" if failure.row else failure.message


def _where(row: ClipRow) -> _Where:
    return row.listing, row.row, row.video


def _classes(row: ClipRow) -> tuple[str, ...]:
    return row.label if isinstance(row.label, tuple) else () if row.label is None else (row.label,)


def _splits(clips: Counter[tuple[str, tuple[str, ...]]]) -> dict[str, int]:
    splits: Counter[str] = Counter()
    for (split, _), times in clips.items():
        splits[split] += times
    return {split: times for split, times in splits.items() if times}


def _drawn(rows: Sequence[ClipRow], number: int) -> list[ClipRow]:
    sample = Sample[ClipRow](number)
    for row in rows:
        sample.add(row.clip_id, row)
    return sample.items()


def _rows(chosen: ListingOptions, slices: Sequence[listings.ListingSlice]) -> Iterator[ClipRow | Failure]:
    rows = (row for slice_ in slices for row in listings.read_slice(chosen, slice_))
    return listings.merge_all(chosen, rows) if chosen.multi_label else rows


def _draw_splits(chosen: ListingOptions) -> Cuts | None:
    counts: Counter[tuple[str, str]] = Counter()
    for row in _rows(chosen, listings.slices(chosen)):
        if isinstance(row, ClipRow) and listings.selected(chosen, row):
            counts.update(listings.strata(chosen, row))
    return listings.draw_splits(chosen, ((*stratum, clips) for stratum, clips in counts.items()))


def _limited(chosen: ListingOptions, limit: int, rows: Iterator[ClipRow]) -> tuple[list[ClipRow], int | None]:
    """Return the rows that --limit takes, and from how many with a file; None where it takes from all."""
    if chosen.format == "tree":
        return take(((True, row) for row in rows), limit), None
    videos = VideosThere(chosen)
    there = 0

    def looked_for() -> Iterator[tuple[bool, ClipRow]]:
        nonlocal there
        for row in rows:
            found = row in videos
            there += found
            yield found, row

    taken = take(looked_for(), limit)
    return taken, there


def rows_of(options: BuildOptions, census: Census, read: Sequence[bytes] | None = None) -> Iterator[ClipRow]:
    """Iterate over the rows that name a clip of their own, after all choices.

    Args:
        options: of the build.
        census: of the listing.
        read: what `take_census` read; by default the listing is read again.
    """
    if census.limited is not None:
        return iter(census.limited)
    chosen = options.listing
    labeller = listings.Labeller(chosen, census.labels)
    again = _rows(chosen, listings.slices(chosen)) if read is None else map(_unpack, read)
    rows = _labelled(chosen, again, labeller, census.cuts)
    return (row for row in rows if not census.repeats or _where(row) not in census.repeats)


def _labelled(
    chosen: ListingOptions, rows: Iterable[ClipRow | Failure], labeller: listings.Labeller, cuts: Cuts | None
) -> Iterator[ClipRow]:
    """Iterate over the selected rows with their splits and labels."""
    for row in rows:
        if isinstance(row, ClipRow) and listings.selected(chosen, row):
            split = listings.assign_split(chosen, row, cuts)
            found = labeller(msgspec.structs.replace(row, split=split))
            if isinstance(found, ClipRow):
                yield found
