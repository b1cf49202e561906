"""MatchPublished: what the published version holds already need not be decoded again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.options import BuildOptions
from clipmill.published import published_spans, waiting_spans
from clipmill.rows import ClipTask, SpanDone
from clipmill.storage import open_storage
from transforms.counters import count
from transforms.joining import JoinByKey


class MatchPublished(beam.PTransform):
    """Joins what is wanted with the clips of the published version, by clip key.

    Args:
        base: the published version's name, or None.

    Returns:
        tasks (`ClipTask`: to decode) and reused ((clip key, `SpanDone`)).
    """

    def __init__(self, options: BuildOptions, base: str | None) -> None:
        super().__init__()
        self._options = options
        self._base = base

    def expand(self, wanted: beam.PCollection) -> dict[str, beam.PCollection]:
        """A join of small rows."""
        published = (
            wanted.pipeline
            | "Base" >> beam.Create([self._base or ""])
            | "ReadPublished"
            >> beam.FlatMap(_published, self._options.out, self._options.schema).with_output_types(tuple[str, SpanDone])
        )
        matched = (
            {"wanted": wanted, "published": published}
            | "Join" >> JoinByKey(wanted=ClipTask, published=SpanDone)
            | "Match"
            >> beam.FlatMap(_match)
            .with_output_types(ClipTask, reused=tuple[str, SpanDone])
            .with_outputs("reused", main="tasks")
        )
        return {"tasks": matched.tasks, "reused": matched.reused}


def _published(version: str, out: str, schema: str) -> Iterator[tuple[str, SpanDone]]:
    storage = open_storage(out)
    if version:
        yield from published_spans(storage, version)
    yield from waiting_spans(storage, schema)


def _match(joined: tuple[str, dict[str, list[Any]]]) -> Iterator[Any]:
    key, found = joined
    # Several clips may want the same content, and a span is the same for all of them.
    wanted = {task.span.number: task for task in found["wanted"]}
    if not wanted:
        return
    if found["published"]:
        count("reused")
        yield pvalue.TaggedOutput("reused", (key, found["published"][0]))
    else:
        yield from wanted.values()
