"""GroupBySource: brings the rows of one source together, and finds duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.ledger import Failure
from clipmill.resolving import unique_id, unique_ranges
from clipmill.rows import ClipRow
from transforms.joining import GroupRows

Keyed = tuple[str, ClipRow]


class GroupBySource(beam.PTransform):
    """Groups rows by source; the group also spreads the work.

    Returns:
        sources ((source, its rows)) and failures (`Failure`: duplicates, ids that are taken).
    """

    def expand(self, rows: beam.PCollection) -> dict[str, beam.PCollection]:
        """By clip id first, since ids must be unique over all sources."""
        by_id = (
            rows
            | "ById" >> beam.WithKeys(lambda row: row.clip_id).with_output_types(Keyed)
            | "GroupById" >> GroupRows(ClipRow)
            | "UniqueIds"
            >> beam.FlatMap(_one_per_id)
            .with_output_types(ClipRow, failures=Failure)
            .with_outputs("failures", main="rows")
        )
        by_source = (
            by_id.rows
            | "BySource" >> beam.WithKeys(lambda row: row.source).with_output_types(Keyed)
            | "Group" >> GroupRows(ClipRow)
            | "UniqueRanges"
            >> beam.FlatMap(_one_per_range)
            .with_output_types(tuple[str, list[ClipRow]], failures=Failure)
            .with_outputs("failures", main="sources")
        )
        failures = (by_id.failures, by_source.failures) | "Failures" >> beam.Flatten()
        return {"sources": by_source.sources, "failures": failures}


def _one_per_id(keyed: tuple[str, Iterable[ClipRow]]) -> Iterator[Any]:
    row, failures = unique_id(keyed[1])
    yield row
    yield from (pvalue.TaggedOutput("failures", failure) for failure in failures)


def _one_per_range(keyed: tuple[str, Iterable[ClipRow]]) -> Iterator[Any]:
    rows, failures = unique_ranges(keyed[1])
    yield keyed[0], rows
    yield from (pvalue.TaggedOutput("failures", failure) for failure in failures)
