"""clipmill export: a published version in a format that others read."""

from __future__ import annotations

import argparse
import sys

import msgspec

from clipmill.errors import UsageError
from clipmill.export import FORMATS
from clipmill.export.base import ExportOptions
from clipmill.export.run import export
from clipmill.options.defaults import cores
from clipmill.pipeline.report import words
from clipmill.pipeline.report.progress import Line, bar
from clipmill.storage import absolute, open_storage

#: Options that one format alone knows.
_OF_RECORDS = (FORMATS["tfds"], FORMATS["array_record"])
_OF_WINDOWS = ("sequence_length", "batch_size", "first_label", "encoding", "last", "size", "fit")


def run_export(arguments: argparse.Namespace) -> int:
    """Write a published version in another format."""
    names = ("split", "order", "seed", "one_video", "record_columns", *_OF_WINDOWS)
    asked = {name: getattr(arguments, name) for name in names}
    asked = {name: value for name, value in asked.items() if value is not None}
    _check(arguments.to, asked)
    options = ExportOptions(arguments.to, shard_bytes=arguments.shard_mb << 20, **asked)
    line = Line()

    def tell(done: int, total: int) -> None:
        line.show(f"{bar(round(done / 1e6), round(total / 1e6))} MB")

    out, dest = absolute(arguments.out), absolute(arguments.dest)
    workers = arguments.workers or cores()
    done = export(open_storage(out), open_storage(dest), options, workers=workers, tell=tell)
    line.close()
    if arguments.json:
        words.print_json({**msgspec.structs.asdict(done), "dest": dest})
        return 0
    for clip_id, why in done.left_out[:10]:
        print(words.one_line(f"left out: {clip_id}: {why}"), file=sys.stderr)
    if len(done.left_out) > 10:
        print(f"and {words.plural(len(done.left_out) - 10, 'other clip')} (all of them with --json)", file=sys.stderr)
    kept = done.files - done.written
    there = f", {kept:,} of them there already" if kept else ""
    held = f"{words.plural(done.clips, 'clip')} in {words.plural(done.files, 'file')}{there}"
    print(f"{held}, {words.size(done.nbytes)} -> {dest}")
    return 0


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
