"""Gate: judge the budgets; past one of them, nothing is decoded (or nothing is written)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.utils.windowed_value import WindowedValue

from clipmill.dataset.account import Account, Counted, Key, key
from clipmill.dataset.budgets import judge_change, judge_failures, judge_labels, judge_sources
from clipmill.dataset.reuse import published_labels
from clipmill.layout import read_manifest
from clipmill.ledger import Failure
from clipmill.listings.label_table import LabelTable
from clipmill.messages import ClipRow, Verdict
from clipmill.options import BuildOptions
from clipmill.storage import open_storage
from clipmill.transforms.children import in_global_window


class CountRows(beam.PTransform):
    """Counts rows by split, what they are and why they failed: (`Key`, number), to be summed."""

    def expand(self, collections: Mapping[Counted, tuple[beam.PCollection, ...]]) -> beam.PCollection:
        """Count collections of `ClipRow` or `Failure` rows, given by what they count as.

        A bad row counts as read and as failed, so its collection is given twice.
        """
        counts = [
            rows | f"Count_{what.value}_{number}" >> beam.ParDo(_CountBundle(what)).with_output_types(tuple[Key, int])
            for what, several in collections.items()
            for number, rows in enumerate(several)
        ]
        return counts | "Together" >> beam.Flatten()


class _CountBundle(beam.DoFn):
    """Counts the rows of each bundle: a pair for every row would cost more than reading it."""

    def __init__(self, what: Counted) -> None:
        self._what = what

    def start_bundle(self) -> None:
        self._counts: Counter[Key] = Counter()

    def process(self, row: ClipRow | Failure) -> None:
        if isinstance(row, Failure) and self._what is Counted.FAILED:
            self._counts[key(row.split, self._what, row.reason, row.of)] += 1
        else:
            self._counts[key(row.split, self._what)] += 1

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for counted in self._counts.items():
            yield in_global_window(counted)


class GateBeforeDecoding(beam.PTransform):
    """One `Verdict`: missing rows, sources that are no videos, labels that would move, published clips that would go.

    Args:
        labels: a PCollection of one `LabelTable`.
        lost: numbers of published clips that would go or change.
        base: the published version, or None.
    """

    def __init__(
        self, options: BuildOptions, labels: beam.PCollection, lost: beam.PCollection, base: str | None
    ) -> None:
        super().__init__()
        self._options = options
        self._labels = labels
        self._lost = lost
        self._base = base

    def expand(self, counts: beam.PCollection) -> beam.PCollection:
        """Judge the counts of `CountRows`, of all rows so far."""
        return (
            counts.pipeline
            | "Once" >> beam.Impulse()
            | "Judge"
            >> beam.Map(
                _judge,
                pvalue.AsDict(counts),
                pvalue.AsSingleton(self._labels),
                pvalue.AsIter(self._lost),
                self._options,
                self._base,
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
        """Judge the counts of `CountRows`, of all rows."""
        return self._before | "Judge" >> beam.Map(_judge_again, pvalue.AsDict(counts), self._options).with_output_types(
            Verdict
        )


def _judge(
    _: bytes,
    counts: Mapping[Key, int],
    labels: LabelTable,
    lost: Iterable[int],
    options: BuildOptions,
    base: str | None,
) -> Verdict:
    verdict = judge_sources(Account.of(counts), options)
    if verdict.is_open and base:
        storage = open_storage(options.out)
        verdict = judge_labels(published_labels(storage, base), labels.names, options)
        if verdict.is_open:
            published = sum(split.clips for split in read_manifest(storage, base).splits.values())
            verdict = judge_change(published, sum(lost), options)
    return verdict


def _judge_again(before: Verdict, counts: Mapping[Key, int], options: BuildOptions) -> Verdict:
    return judge_failures(Account.of(counts), options) if before.is_open else before
