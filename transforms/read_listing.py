"""ReadListing: one row per clip, read at run time, never baked into the graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam import pvalue
from apache_beam.transforms import combiners

from clipmill import listings
from clipmill.ledger import Failure
from clipmill.listings import Counts
from clipmill.listings.label_table import LabelTable
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.sources.by_name import VideosThere
from clipmill.sources.limit import Candidate, Ranked, chance, class_of, rows_there, turn
from clipmill.strata import Cuts
from clipmill.transforms.counters import count
from clipmill.transforms.joining import GroupRows


class ReadListing(beam.PTransform):
    """Reads the listing in parallel slices.

    Returns:
        rows (`ClipRow`, with their final split), failures (`Failure`), and labels (one `LabelTable`).
    """

    def __init__(self, options: ListingOptions) -> None:
        super().__init__()
        self._options = options

    def expand(self, root: beam.Pipeline) -> dict[str, beam.PCollection]:
        """Read the slices, then choose clips, which needs the rows of all slices."""
        options = self._options
        read = (
            root
            | "Start" >> beam.Impulse()
            | "FindSlices" >> beam.FlatMap(_slices, options).with_output_types(bytes)
            | "SpreadSlices" >> beam.Reshuffle()
            | "ReadSlices"
            >> beam.ParDo(_ReadSlice(options))
            .with_output_types(ClipRow, failures=Failure)
            .with_outputs("failures", main="rows")
        )
        rows, failures = read.rows, [read.failures]
        if options.multi_label:
            merged = (
                rows
                | "ByPlace" >> beam.WithKeys(listings.place).with_output_types(tuple[str, ClipRow])
                | "GroupByPlace" >> GroupRows(ClipRow)
                | "Merge"
                >> beam.FlatMap(_merged, options)
                .with_output_types(ClipRow, failures=Failure)
                .with_outputs("failures", main="rows")
            )
            rows, failures = merged.rows, [*failures, merged.failures]
        if options.splits:
            rows = rows | "DrawSplits" >> _DrawSplits(options)
        labels = (
            rows
            | "CountLabels" >> beam.CombineGlobally(_CountLabels(options))
            | "SettleLabels"
            >> beam.Map(lambda counts: listings.settle_labels(options, counts)).with_output_types(LabelTable)
        )
        labelled = rows | "Label" >> beam.ParDo(_Label(options), pvalue.AsSingleton(labels)).with_output_types(
            ClipRow, failures=Failure
        ).with_outputs("failures", main="rows")
        rows = labelled.rows
        bad = (*failures, labelled.failures) | "BadRows" >> beam.Flatten()
        if options.limit is not None:
            rows = rows | "Limit" >> _Spread(options, options.limit)
        rows = rows | "Count" >> beam.Map(_counted).with_output_types(ClipRow)
        return {"rows": rows, "failures": bad, "labels": labels}


def _merged(keyed: tuple[str, list[ClipRow]], options: ListingOptions) -> Iterator[Any]:
    rows, failures = listings.merge_rows(options, keyed[1])
    yield from rows
    yield from (pvalue.TaggedOutput("failures", failure) for failure in failures)


def _slices(start: bytes, options: ListingOptions) -> list[bytes]:
    return [msgspec.msgpack.encode(slice_) for slice_ in listings.slices(options)]


class _DrawSplits(beam.PTransform):
    """Gives rows their random splits, cut by the number of clips of each group in each class."""

    def __init__(self, options: ListingOptions) -> None:
        super().__init__()
        self._options = options

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        options = self._options
        cuts = (
            rows
            | "Strata" >> beam.FlatMap(lambda row: listings.strata(options, row)).with_output_types(tuple[str, str])
            | "CountGroups" >> combiners.Count.PerElement()
            | "GatherGroups" >> combiners.ToList()
            | "CutClasses" >> beam.Map(_cuts, options)
        )
        return rows | "Split" >> beam.Map(_split, options, pvalue.AsSingleton(cuts)).with_output_types(ClipRow)


def _cuts(counted: list[tuple[tuple[str, str], int]], options: ListingOptions) -> Cuts | None:
    return listings.draw_splits(options, ((*stratum, clips) for stratum, clips in counted))


def _split(row: ClipRow, options: ListingOptions, cuts: Cuts | None) -> ClipRow:
    return msgspec.structs.replace(row, split=listings.assign_split(options, row, cuts))


class _ReadSlice(beam.DoFn):
    def __init__(self, options: ListingOptions) -> None:
        self._options = options

    def process(self, slice_: bytes) -> Iterator[Any]:
        for row in listings.read_slice(self._options, msgspec.msgpack.decode(slice_, type=listings.ListingSlice)):
            if isinstance(row, Failure):
                yield pvalue.TaggedOutput("failures", row)
            elif listings.selected(self._options, row):
                yield msgspec.structs.replace(row, split=listings.assign_split(self._options, row))


class _CountLabels(beam.CombineFn):
    def __init__(self, options: ListingOptions) -> None:
        self._options = options

    def create_accumulator(self) -> Counts:
        return {}

    def add_input(self, counts: Counts, row: ClipRow) -> Counts:
        return listings.count_label(self._options, counts, row)

    def merge_accumulators(self, several: Iterable[Counts]) -> Counts:
        return listings.merge_counts(several)

    def extract_output(self, counts: Counts) -> Counts:
        return counts


class _Label(beam.DoFn):
    """Puts labels into rows; the table is indexed once for each bundle, not for each row."""

    def __init__(self, options: ListingOptions) -> None:
        self._options = options

    def start_bundle(self) -> None:
        self._labeller: listings.Labeller | None = None

    def process(self, row: ClipRow, labels: LabelTable) -> Iterator[Any]:
        if self._labeller is None:
            self._labeller = listings.Labeller(self._options, labels)
        found = self._labeller(row)
        if isinstance(found, Failure):
            yield pvalue.TaggedOutput("failures", found)
        elif found is not None:
            yield found


def _counted(row: ClipRow) -> ClipRow:
    count("rows")
    return row


class _Spread(beam.PTransform):
    """Takes at most `limit` clips whose files are there, spread over classes and splits, by a hash of the clip id."""

    def __init__(self, options: ListingOptions, limit: int) -> None:
        super().__init__()
        self._options = options
        self._limit = limit

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        limit = self._limit
        return (
            rows
            | "WhetherThere" >> beam.ParDo(_WhetherThere(self._options)).with_output_types(Candidate)
            | "ByClass" >> beam.WithKeys(class_of).with_output_types(tuple[str, Candidate])
            | "FirstOfEach" >> combiners.Top.SmallestPerKey(limit, key=chance)
            | "Rank" >> beam.FlatMap(lambda of_class: enumerate(of_class[1])).with_output_types(Ranked)
            | "FirstOfAll" >> combiners.Top.Smallest(limit, key=turn)
            | "Chosen" >> beam.FlatMap(_rows_there).with_output_types(ClipRow)
        )


class _WhetherThere(beam.DoFn):
    """Every process walks the roots once, and a tree's rows are all there."""

    def __init__(self, options: ListingOptions) -> None:
        self._options = options

    def setup(self) -> None:
        self._there: VideosThere | None = None

    def process(self, row: ClipRow) -> Iterator[Candidate]:
        if self._options.format != "tree" and self._there is None:
            self._there = VideosThere(self._options)
        yield self._there is None or row in self._there, row


def _rows_there(ranked: Iterable[Ranked]) -> list[ClipRow]:
    return rows_there(candidate for _, candidate in ranked)
