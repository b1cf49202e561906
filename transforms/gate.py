"""Gate: budgets that can be judged now; past one, nothing is decoded (or nothing is written)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import apache_beam as beam
from apache_beam import pvalue

from clipmill.judging import judge_failures, judge_labels, judge_sources
from clipmill.ledger import Failure
from clipmill.options import BuildOptions
from clipmill.published import published_labels
from clipmill.rows import ClipRow, LabelTable, Verdict
from clipmill.storage import open_storage

Key = tuple[str, str]
#: Stands in the place of a reason for rows that were read.
READ = ""


class CountRows(beam.PTransform):
    """How many rows there are of each split and reason: ((split, reason), number)."""

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """`ClipRow` or `Failure` rows."""
        return rows | "Key" >> beam.FlatMap(_keys).with_output_types(Key) | "Count" >> beam.combiners.Count.PerElement()


def _keys(row: ClipRow | Failure) -> list[Key]:
    if not isinstance(row, Failure):
        return [(row.split, READ)]
    # A row too bad to be read further was read all the same.
    read = [(row.split, READ)] if row.stage == "ReadListing" else []
    return [(row.split, row.reason), *read]


class GateBeforeDecoding(beam.PTransform):
    """One `Verdict`: missing rows, sources that are no videos, labels that would move.

    Args:
        labels: a PCollection of one `LabelTable`.
        base: the published version, or None.
    """

    def __init__(self, options: BuildOptions, labels: beam.PCollection, base: str | None) -> None:
        super().__init__()
        self._options = options
        self._labels = labels
        self._base = base

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Counts as `CountRows` gives them, of everything so far."""
        return (
            counts.pipeline
            | "Once" >> beam.Create([self._base or ""])
            | "Judge"
            >> beam.Map(
                _judge, pvalue.AsDict(counts), pvalue.AsSingleton(self._labels), self._options
            ).with_output_types(Verdict)
        )


class GateBeforeWriting(beam.PTransform):
    """One `Verdict`: the first gate's, or that too many clips failed.

    Args:
        before: the first gate's verdict.
    """

    def __init__(self, options: BuildOptions, before: beam.PCollection) -> None:
        super().__init__()
        self._options = options
        self._before = before

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Counts as `CountRows` gives them, of everything."""
        return self._before | "Judge" >> beam.Map(_judge_again, pvalue.AsDict(counts), self._options).with_output_types(
            Verdict
        )


def _judge(base: str, counts: Mapping[Key, int], labels: LabelTable, options: BuildOptions) -> Verdict:
    if base:
        verdict = judge_labels(published_labels(open_storage(options.out), base), labels.names, options)
        if not verdict.is_open:
            return verdict
    return _judged(judge_sources, counts, options)


def _judge_again(before: Verdict, counts: Mapping[Key, int], options: BuildOptions) -> Verdict:
    return _judged(judge_failures, counts, options) if before.is_open else before


def _judged(
    judge: Callable[[int, Mapping[str, int], BuildOptions], Verdict],
    counts: Mapping[Key, int],
    options: BuildOptions,
) -> Verdict:
    reasons: Counter[str] = Counter()
    for (_, reason), number in counts.items():
        reasons[reason] += number
    return judge(reasons.pop(READ, 0), reasons, options)
