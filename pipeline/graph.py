"""The graphs: of a build (read the listing, resolve, match, decode, group, plan, write, publish), and of an export."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apache_beam as beam
from apache_beam.utils import interactive_utils

from clipmill.dataset.account import Counted, Key
from clipmill.export.run import ExportTask
from clipmill.ledger import Failure
from clipmill.messages import ClipTask, ResolvedClip
from clipmill.options import BuildOptions
from clipmill.transforms import coders
from clipmill.transforms.decode_frames import DecodeFrames
from clipmill.transforms.export_files import ExportFiles
from clipmill.transforms.find_by_name import FindByName
from clipmill.transforms.gate import CountRows, GateBeforeDecoding, GateBeforeWriting
from clipmill.transforms.group_by_source import GroupBySource
from clipmill.transforms.group_frames_per_clip import GroupFramesPerClip
from clipmill.transforms.match_published import MatchPublished
from clipmill.transforms.plan_shards import PlanShards
from clipmill.transforms.publish import Publish
from clipmill.transforms.read_listing import ReadListing
from clipmill.transforms.resolve_sources import ResolveSources
from clipmill.transforms.write_shards import WriteShards


@contextmanager
def _outside_notebooks() -> Iterator[None]:
    """Keep Beam from renaming steps after a notebook's cell, for which it needs packages of its extra [interactive]."""
    is_in_ipython = interactive_utils.is_in_ipython
    interactive_utils.is_in_ipython = lambda: False
    try:
        yield
    finally:
        interactive_utils.is_in_ipython = is_in_ipython


@_outside_notebooks()
def build_graph(root: beam.Pipeline, options: BuildOptions, base: str | None) -> None:
    """Add the whole job to a pipeline. Rows are small; pixels go from fragment to shard by storage.

    Args:
        base: the version that is published now; what it holds is not decoded again.
    """
    coders.register()
    listing = root | "ReadListing" >> ReadListing(options.listing)
    grouped = listing["rows"] | "GroupBySource" >> GroupBySource(options)
    there = grouped["sources"] | "ResolveSources" >> ResolveSources(options, listing["labels"])
    # Sources that are not where their rows say are resolved again where FindByName found them.
    named = {"absent": there["absent"], "jobs": there["jobs"]} | "FindByName" >> FindByName(options)
    elsewhere = named["sources"] | "ResolveFound" >> ResolveSources(options, listing["labels"])
    resolved = {
        name: (there[name], elsewhere[name]) | f"All_{name}" >> beam.Flatten() for name in ("jobs", "tasks", "counts")
    }
    matched = resolved["tasks"] | "MatchPublished" >> MatchPublished(options, base)

    absent = (there["failures"], named["failures"], elsewhere["failures"])
    refused = (listing["failures"], grouped["taken"], grouped["duplicates"], *absent)
    # Bad rows count as read, too.
    read = (listing["rows"], listing["failures"])
    counted = {Counted.ROWS: read, Counted.FAILED: refused} | "CountSoFar" >> CountRows()
    so_far = (counted, resolved["counts"]) | "SoFar" >> beam.Flatten()
    may_decode = (
        so_far
        | "SumSoFar" >> beam.CombinePerKey(sum)
        | "Gate" >> GateBeforeDecoding(options, listing["labels"], matched["lost"], base)
    )

    decoded = matched["tasks"] | "DecodeFrames" >> DecodeFrames(options, may_decode)
    spans = (decoded, matched["reused"])
    clips = {"jobs": resolved["jobs"], "spans": spans} | "GroupFramesPerClip" >> GroupFramesPerClip(options)

    # Clips whose spans did not match the proof from their packets are decoded again, as one span.
    decoded_whole = (
        clips["again"]
        | "AsOneSpan" >> beam.Map(_whole).with_output_types(ClipTask)
        | "DecodeWhole" >> DecodeFrames(options, may_decode)
    )
    whole = {"jobs": clips["again"], "spans": decoded_whole} | "GroupWhole" >> GroupFramesPerClip(options)
    all_clips = (clips["clips"], whole["clips"]) | "Clips" >> beam.Flatten()

    failed = (clips["failures"], whole["failures"])
    failures = (*refused, *failed) | "Failures" >> beam.Flatten()
    again = so_far | "SoFarAgain" >> beam.Map(_same).with_output_types(tuple[Key, int])
    in_all = (again, {Counted.FAILED: failed} | "CountFailed" >> CountRows())
    counts = in_all | "Counts" >> beam.Flatten() | beam.CombinePerKey(sum)
    may_write = counts | "GateBeforeWriting" >> GateBeforeWriting(options, may_decode)
    if options.signs:
        # Loads the reader and OpenCV, which the graph of a build without signatures need not have.
        from clipmill.transforms import draw_similar, keep_signatures, sign_clips

        may_write = all_clips | "SignClips" >> sign_clips.SignClips(options, may_write)
    if options.listing.draws_similar:
        placed = all_clips | "DrawSimilar" >> draw_similar.DrawSimilar(options, may_write)
        all_clips = placed["clips"]
        before = counts | "CountsBefore" >> beam.Map(_same).with_output_types(tuple[Key, int])
        counts = (before, placed["moves"]) | "Moved" >> beam.Flatten() | "SumMoved" >> beam.CombinePerKey(sum)

    shards = all_clips | "PlanShards" >> PlanShards(options, may_write) | "WriteShards" >> WriteShards(options, base)
    outcome = {
        "shards": shards,
        "failures": failures | "Ledger" >> beam.Map(_same).with_output_types(Failure),
        "counts": counts,
        "labels": listing["labels"],
        "verdict": may_write,
    }
    published = root | "Publish" >> Publish(options, base, outcome)
    if options.signs:
        _ = published | "KeepSignatures" >> keep_signatures.KeepSignatures(options)


@_outside_notebooks()
def export_graph(root: beam.Pipeline, task: ExportTask) -> None:
    """Add the whole export to a pipeline. Rows say which clips are in which file; frames go from shard to file."""
    coders.register()
    _ = root | "ExportFiles" >> ExportFiles(task)


def _whole(again: tuple[str, ResolvedClip]) -> ClipTask:
    return again[1].whole


def _same(row: Any) -> Any:
    """Return a row unchanged: a stage between a collection that is flattened and another use of it.

    Runners that take the graph as it is written (Flink with --streaming, or without Python's optimizer) refuse what is
    flattened and also grouped, reshuffled, a side input, the main input of a step with one, or flattened again:
    "A PCollectionNode should have exactly one producing PTransformNode".
    """
    return row
