"""clipmill export: a published version in a format that others read."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator

from clipmill.errors import UsageError
from clipmill.export import FORMATS
from clipmill.export.base import ExportOptions, ExportPlan
from clipmill.export.run import ExportTask, claim, export, plan_export
from clipmill.options.defaults import cores
from clipmill.pipeline.export_job import export_job
from clipmill.pipeline.report import words
from clipmill.pipeline.report.progress import Line, bar
from clipmill.pipeline.runners import LOCAL, get_runner
from clipmill.storage import absolute

#: Options that one format alone knows.
_OF_RECORDS = (FORMATS["tfds"], FORMATS["array_record"])
_OF_WINDOWS = ("sequence_length", "batch_size", "first_label", "encoding", "last", "size", "fit")


def run_export(arguments: argparse.Namespace) -> int:
    """Write a published version in another format."""
    names = ("split", "order", "seed", "one_video", "record_columns", *_OF_WINDOWS)
    asked = {name: getattr(arguments, name) for name in names}
    asked = {name: value for name, value in asked.items() if value is not None}
    _check(arguments.to, asked)
    _check_runner(arguments)
    options = ExportOptions(arguments.to, shard_bytes=arguments.shard_mb << 20, **asked)
    task, plan = plan_export(absolute(arguments.out), absolute(arguments.dest), options)
    written = (_run_here if arguments.runner == LOCAL else _run_elsewhere)(arguments, task, plan)
    files, clips = len(plan.files), len({clip.clip_id for file in plan.files for clip in file.clips})
    nbytes = sum(file.nbytes for file in plan.files)
    if arguments.json:
        counts = {"files": files, "written": written, "clips": clips, "nbytes": nbytes}
        words.print_json({"version": task.version, **counts, "left_out": plan.left_out, "dest": task.dest})
        return 0
    for clip_id, why in plan.left_out[:10]:
        print(words.one_line(f"left out: {clip_id}: {why}"), file=sys.stderr)
    if len(plan.left_out) > 10:
        print(f"and {words.plural(len(plan.left_out) - 10, 'other clip')} (all of them with --json)", file=sys.stderr)
    there = f", {files - written:,} of them there already" if written < files else ""
    held = f"{words.plural(clips, 'clip')} in {words.plural(files, 'file')}{there}"
    print(f"{held}, {words.size(nbytes)} -> {task.dest}")
    return 0


def _run_here(arguments: argparse.Namespace, task: ExportTask, plan: ExportPlan) -> int:
    """Write the files in this process; returns how many were not there."""
    claim(task)
    with _progress(plan) as tell:
        return export(task, plan, workers=arguments.workers or cores(), tell=tell)


def _run_elsewhere(arguments: argparse.Namespace, task: ExportTask, plan: ExportPlan) -> int:
    """Let a cluster write the files; returns how many were not there, as far as it tells."""
    runner = get_runner(arguments)
    job = export_job(task, max((clip.length for file in plan.files for clip in file.clips), default=0))
    runner.check(job)
    claim(task)
    seen: dict[str, int] = {}
    with _progress(plan) as tell:

        def paint(counts: dict[str, int]) -> None:
            seen.update(counts)
            tell(counts.get("bytes", 0))

        runner.run(job, arguments.beam_words, paint)
    return len(plan.files) - seen.get("kept", 0)


@contextlib.contextmanager
def _progress(plan: ExportPlan) -> Iterator[Callable[[int], None]]:
    """Yield what shows how many bytes are done, for the length of a `with` block."""
    line = Line()
    total = sum(file.nbytes for file in plan.files)
    try:
        yield lambda done: line.show(f"{bar(round(done / 1e6), round(total / 1e6))} MB")
    finally:
        line.close()


def _check_runner(arguments: argparse.Namespace) -> None:
    """Raise UsageError for options that the chosen runner does not know."""
    if arguments.runner == LOCAL and arguments.beam_words:
        raise UsageError(f"{' '.join(arguments.beam_words)}: Beam options after -- want --runner flink or dataflow")
    if arguments.runner != LOCAL and arguments.workers:
        raise UsageError("--workers: on a cluster each slot or core writes one file at a time; leave it out")


def _check(target: str, asked: dict[str, object]) -> None:
    """Raise UsageError for an option that the format does not know."""
    odd = [name for name in _OF_WINDOWS if name in asked] if target != "windows" else []
    odd += ["one_video"] if "one_video" in asked and target != "webdataset" else []
    odd += ["record_columns"] if "record_columns" in asked and FORMATS.get(target) not in _OF_RECORDS else []
    if odd:
        word = "--" + odd[0].replace("_", "-")
        raise UsageError(f"{word} means nothing with --to {target}; leave it out")
    if "fit" in asked and "size" not in asked:
        raise UsageError("--fit says how frames are brought to --size WxH: give that, too")
