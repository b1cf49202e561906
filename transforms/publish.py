"""Publish: check that nothing is missing, write the tables, move the pointer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import apache_beam as beam
from apache_beam import pvalue

from clipmill.dataset.account import Account, Key
from clipmill.dataset.publish import publish
from clipmill.ledger import Failure
from clipmill.listings.label_table import LabelTable
from clipmill.messages import ShardWritten, Verdict
from clipmill.options import BuildOptions
from clipmill.storage import open_storage


class Publish(beam.PTransform):
    """Publishes the version, or writes why not.

    Args:
        base: the version that was current when the run began.
        side: "shards", "failures", "counts", "labels" and "verdict".
    """

    def __init__(self, options: BuildOptions, base: str | None, side: Mapping[str, beam.PCollection]) -> None:
        super().__init__()
        self._options = options
        self._base = base
        self._side = side

    def expand(self, root: beam.Pipeline) -> beam.PCollection:
        """Call `publish` once: gives the name of the published version, "" if there is none."""
        side = self._side
        return (
            root
            | "Once" >> beam.Impulse()
            | "Publish"
            >> beam.Map(
                _publish,
                self._options,
                self._base,
                pvalue.AsSingleton(side["labels"]),
                pvalue.AsSingleton(side["verdict"]),
                pvalue.AsDict(side["counts"]),
                pvalue.AsIter(side["shards"]),
                pvalue.AsIter(side["failures"]),
            ).with_output_types(str)
        )


def _publish(
    _: bytes,
    options: BuildOptions,
    base: str | None,
    labels: LabelTable,
    verdict: Verdict,
    counts: Mapping[Key, int],
    shards: Iterable[ShardWritten],
    failures: Iterable[Failure],
) -> str:
    storage = open_storage(options.out)
    account = Account.of(counts)
    outcome = publish(storage, options, base, labels.names, verdict, account, shards, failures)
    return "" if outcome.code or outcome.version is None else outcome.version
