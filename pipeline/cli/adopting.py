"""clipmill adopt: TFRecord shards that others wrote become a version."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence

from clipmill import layout
from clipmill.adopt.run import AdoptOptions, adopt
from clipmill.errors import DataError, ListingError, TryAgain, UsageError
from clipmill.options import BuildOptions, ListingOptions
from clipmill.options.defaults import new_run
from clipmill.pipeline.cli.arguments import expand
from clipmill.pipeline.output_folder import check_out
from clipmill.pipeline.report import words
from clipmill.pipeline.report.progress import Line, bar
from clipmill.pipeline.report.summary import closing, refusal
from clipmill.records.foreign import KNOWN
from clipmill.storage import absolute, is_url, open_storage


def run_adopt(arguments: argparse.Namespace) -> int:
    """Publish TFRecord shards as they are."""
    if not arguments.listing:
        raise UsageError("SHARDS are missing: name TFRecord files, or a folder of them")
    if not arguments.out:
        raise UsageError("--out is missing: name a folder or a bucket")
    given = {name: getattr(arguments, name) for name in ("name", "split", "labels", "max_missing", "max_failures")}
    options = AdoptOptions(
        shards=tuple(_files(expand(arguments.listing))),
        out=absolute(arguments.out),
        run=new_run(),
        keys=_keys(arguments.keys) if arguments.keys else {},
        copy=arguments.copy,
        **{name: value for name, value in given.items() if value is not None},
    )
    storage = open_storage(options.out)
    check_out(storage)
    line = Line()
    began = time.monotonic()
    outcome = adopt(options, lambda done, total: line.show(f"{bar(done, total)} shards"))
    line.close()
    if arguments.json:
        words.print_json(outcome)
    shown = BuildOptions(ListingOptions(options.shards), options.out, options.run)
    if outcome.code:
        message = refusal(outcome, shown)
        raise TryAgain(message) if outcome.code == TryAgain.exit_code else DataError(message)
    if not arguments.json:
        splits = layout.read_manifest(storage, outcome.version).splits
        print(closing(outcome, splits, shown, time.monotonic() - began))
    return 0


def _keys(text: str) -> dict[str, str]:
    """Return which feature is what: frames=my/frames,label=tag.

    Raises:
        UsageError: a word is not like that.
    """
    found: dict[str, str] = {}
    for word in text.split(","):
        role, mark, key = (side.strip() for side in word.partition("="))
        if not mark or not key or role not in KNOWN or role in found:
            raise UsageError(f"--keys {text}: is not like frames=my/frames,label=tag, of {', '.join(KNOWN)}")
        found[role] = key
    return found


def _files(paths: Sequence[str]) -> list[str]:
    """Return the shards: of a folder all files with "tfrecord" in their names."""
    found: list[str] = []
    for path in paths:
        if not is_url(path) and not os.path.isdir(path):
            found.append(path)
            continue
        names = open_storage(path).children()[1]
        shards = [f"{path.rstrip('/')}/{name}" for name in names if "tfrecord" in name]
        if not shards and not is_url(path):
            raise ListingError(f"{path}: no file in this folder has tfrecord in its name")
        found += shards or [path]
    return found
