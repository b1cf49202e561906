"""FindByName: look by name under the roots for sources that are not where their rows say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam import pvalue

from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.messages import SourceRows
from clipmill.options import BuildOptions
from clipmill.sources.by_name import choose, files_named, key_of_row, keys_of_file
from clipmill.sources.find import no_such_file
from clipmill.storage import open_storage
from clipmill.transforms.joining import JoinByKey


class FindByName(beam.PTransform):
    """Walks the roots once, if any source is absent, and finds files by name.

    Returns:
        sources (`SourceRows` with the path that was found), and failures (`Failure`: missing).
    """

    def __init__(self, options: BuildOptions) -> None:
        super().__init__()
        self._options = options

    def expand(self, found: dict[str, beam.PCollection]) -> dict[str, beam.PCollection]:
        """Look for absent sources.

        Args:
            found: "absent" (`SourceRows`), and "jobs" ((clip key, `ResolvedClip`)) of the sources that are where
                their rows say.
        """
        options = self._options
        absent = found["absent"] | "ByName" >> beam.Map(_keyed, options).with_output_types(tuple[str, SourceRows])
        names = (
            absent
            | "Names" >> beam.Keys()
            | "DistinctNames" >> beam.Distinct()
            | "Wanted" >> beam.Map(lambda name: (name, True)).with_output_types(tuple[str, bool])
        )
        wanted = pvalue.AsDict(names)
        once = found["absent"].pipeline | "Once" >> beam.Impulse()
        files = once | "WalkRoots" >> beam.FlatMap(_files, options, wanted).with_output_types(tuple[str, str])
        taken = (
            found["jobs"]
            # A step of its own: see `clipmill.pipeline.graph` on what Beam's fuser does not take.
            | "Paths" >> beam.Map(lambda job: job[1].whole.path).with_output_types(str)
            | "Taken" >> beam.FlatMap(_taken, wanted).with_output_types(tuple[str, str])
        )
        chosen = (
            {"absent": absent, "files": files, "taken": taken}
            | "Join" >> JoinByKey(absent=SourceRows, files=str, taken=str)
            | "Choose"
            >> beam.FlatMap(_choose, options)
            .with_output_types(SourceRows, failures=Failure)
            .with_outputs("failures", main="sources")
        )
        return {"sources": chosen.sources, "failures": chosen.failures}


def _keyed(source: SourceRows, options: BuildOptions) -> tuple[str, SourceRows]:
    return key_of_row(source.rows[0], options.listing), source


def _files(_: bytes, options: BuildOptions, wanted: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    if wanted:
        yield from files_named(open_storage(options.videos), options, wanted)


def _taken(path: str, wanted: Mapping[str, bool]) -> Iterator[tuple[str, str]]:
    yield from ((key, path) for key in keys_of_file(path) if key in wanted)


def _choose(joined: tuple[str, dict[str, list[Any]]], options: BuildOptions) -> Iterator[Any]:
    found = joined[1]
    videos = open_storage(options.videos)
    for source, path, why in choose(found["absent"], found["files"], set(found["taken"]), options):
        if path:
            yield msgspec.structs.replace(source, found=path)
            continue
        message = no_such_file(videos, source.video) + (f" ({why})" if why else "")
        for row in source.rows:
            failure = failure_of(row, Stage.RESOLVE_SOURCES, Reason.MISSING, message, of=len(source.rows))
            yield pvalue.TaggedOutput("failures", failure)
