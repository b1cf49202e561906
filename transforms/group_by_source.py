"""GroupBySource: brings the rows of one source together, and finds duplicates and contradictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.ledger import Failure
from clipmill.messages import CachedProbe, ClipRow, SourceRows
from clipmill.options import BuildOptions, ListingOptions
from clipmill.sources.cache import Noted, read_known
from clipmill.sources.duplicates import unique_id, unique_ranges
from clipmill.storage import open_storage
from clipmill.transforms.joining import GroupRows, JoinByKey

Keyed = tuple[str, ClipRow]


class GroupBySource(beam.PTransform):
    """Groups rows by source, with what is known of it already; the group also spreads the work.

    Returns:
        sources (`SourceRows`), and the ledger rows of ids that are taken, of duplicates and of contradictions.
    """

    def __init__(self, options: BuildOptions) -> None:
        super().__init__()
        self._options = options

    def expand(self, rows: beam.PCollection) -> dict[str, beam.PCollection]:
        """Group by clip id first, since ids must be unique over all sources, then by source."""
        by_id = (
            rows
            | "ById" >> beam.WithKeys(lambda row: row.clip_id).with_output_types(Keyed)
            | "GroupById" >> GroupRows(ClipRow)
            | "UniqueIds"
            >> beam.FlatMap(_one_per_id)
            .with_output_types(ClipRow, failures=Failure)
            .with_outputs("failures", main="rows")
        )
        keyed = by_id.rows | "BySource" >> beam.WithKeys(lambda row: row.video).with_output_types(Keyed)
        known = rows.pipeline | "Once" >> beam.Impulse() | "ReadKnown" >> beam.FlatMap(_known, self._options)
        by_source = (
            {"rows": keyed, "known": known}
            | "Group" >> JoinByKey(rows=ClipRow, known=CachedProbe)
            | "UniqueRanges"
            >> beam.FlatMap(_one_per_range, self._options.listing)
            .with_output_types(SourceRows, failures=Failure)
            .with_outputs("failures", main="sources")
        )
        return {"sources": by_source.sources, "taken": by_id.failures, "duplicates": by_source.failures}


def _one_per_id(keyed: tuple[str, Iterable[ClipRow]]) -> Iterator[Any]:
    rows, failures = unique_id(keyed[1])
    yield from rows
    yield from (pvalue.TaggedOutput("failures", failure) for failure in failures)


def _known(_: bytes, options: BuildOptions) -> Iterator[Noted]:
    if not options.rehash:
        yield from read_known(open_storage(options.out), open_storage(options.videos))


def _one_per_range(joined: tuple[str, dict[str, list[Any]]], options: ListingOptions) -> Iterator[Any]:
    source, found = joined
    if not found["rows"]:
        return
    rows, failures = unique_ranges(found["rows"], drawn=bool(options.splits) and options.split_by == "clip")
    if rows:
        yield SourceRows(source, rows, found["known"])
    yield from (pvalue.TaggedOutput("failures", failure) for failure in failures)
