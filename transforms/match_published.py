"""MatchPublished: what the published version holds already need not be decoded again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.dataset.reuse import published_spans, waiting_spans
from clipmill.decoding.packs import packed_spans
from clipmill.messages import ClipTask, SpanDone
from clipmill.options import BuildOptions
from clipmill.storage import open_storage
from clipmill.transforms.children import in_global_window
from clipmill.transforms.counters import count
from clipmill.transforms.joining import JoinByKey


class MatchPublished(beam.PTransform):
    """Joins what is wanted with the clips of the published version, by clip key.

    Args:
        base: the published version's name, or None.

    Returns:
        tasks (`ClipTask`: to decode), reused ((clip key, `SpanDone`)), and lost (numbers that add
        up to the number of published clips that are not wanted).
    """

    def __init__(self, options: BuildOptions, base: str | None) -> None:
        super().__init__()
        self._options = options
        self._base = base

    def expand(self, wanted: beam.PCollection) -> dict[str, beam.PCollection]:
        """Join the jobs with the published clips."""
        published = (
            wanted.pipeline
            | "Once" >> beam.Impulse()
            | "ReadPublished"
            >> beam.FlatMap(_published, self._options, self._base)
            .with_output_types(tuple[str, SpanDone], waiting=tuple[str, SpanDone])
            .with_outputs("waiting", main="published")
        )
        matched = (
            {"wanted": wanted, "published": published.published, "waiting": published.waiting}
            | "Join" >> JoinByKey(wanted=ClipTask, published=SpanDone, waiting=SpanDone)
            | "Match"
            >> beam.ParDo(_Match())
            .with_output_types(ClipTask, reused=tuple[str, SpanDone], lost=int)
            .with_outputs("reused", "lost", main="tasks")
        )
        return {name: matched[name] for name in ("tasks", "reused", "lost")}


def _published(_: bytes, options: BuildOptions, base: str | None) -> Iterator[Any]:
    storage = open_storage(options.out)
    if base:
        yield from published_spans(storage, base)
    waiting = chain(waiting_spans(storage, options.record_schema), packed_spans(storage))
    yield from (pvalue.TaggedOutput("waiting", span) for span in waiting)


class _Match(beam.DoFn):
    def start_bundle(self) -> None:
        self._lost = 0

    def process(self, joined: tuple[str, dict[str, list[Any]]]) -> Iterator[Any]:
        key, found = joined
        # Several clips may want the same content, and a span is the same for all of them.
        wanted = {task.span.number: task for task in found["wanted"]}
        there = found["published"] + found["waiting"]
        if not wanted:
            self._lost += len(found["published"])
        elif there:
            count("reused")
            yield pvalue.TaggedOutput("reused", (key, there[0]))
        else:
            yield from wanted.values()

    def finish_bundle(self) -> Iterator[pvalue.TaggedOutput]:
        yield pvalue.TaggedOutput("lost", in_global_window(self._lost))
