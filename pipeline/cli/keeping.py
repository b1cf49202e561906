"""Commands on the versions of a data set: versions, gc, rollback."""

from __future__ import annotations

import argparse
import time

import msgspec

from clipmill import layout
from clipmill.dataset.gc import collect_garbage
from clipmill.dataset.history import Difference, difference, rollback, versions
from clipmill.options.defaults import new_run
from clipmill.pipeline.report import words
from clipmill.storage import absolute, open_storage


def list_versions(arguments: argparse.Namespace) -> int:
    """Print all versions, and what changed from one to the next."""
    storage = open_storage(absolute(arguments.out))
    before = None
    found = []
    for version in versions(storage):
        manifest = layout.read_manifest(storage, version.name)
        found.append((version, manifest.splits.values(), difference(storage, before, version.name)))
        before = version.name
    if arguments.json:
        words.print_json([msgspec.structs.asdict(version) | {"since_before": since} for version, _, since in found])
        return 0
    rows = [("version", "published (UTC)", "clips", "size", *(name for name in Difference.__struct_fields__))]
    for version, splits, since in found:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(version.time)) if version.published else "never"
        clips, nbytes = sum(split.clips for split in splits), sum(split.bytes for split in splits)
        counts = (f"{number:,}" for number in msgspec.structs.astuple(since))
        mark = " *" if version.current else ""
        rows.append((words.version(version.name) + mark, when, f"{clips:,}", words.size(nbytes), *counts))
    print(words.table(rows))
    return 0


def collect(arguments: argparse.Namespace) -> int:
    """Remove old versions, and the shards that no remaining version uses."""
    storage = open_storage(absolute(arguments.out))
    seconds = 86400 * arguments.older_than
    swept = collect_garbage(storage, new_run(), keep=arguments.keep, seconds=seconds, dry=arguments.dry_run)
    if arguments.json:
        words.print_json(swept)
        return 0
    what = f"{words.plural(len(swept.versions), 'version')} and {words.plural(swept.shards, 'shard')}"
    done = "would be removed" if arguments.dry_run else "removed"
    print(f"{what} {done}, {words.size(swept.bytes)}; {words.plural(len(swept.kept), 'version')} kept")
    return 0


def roll_back(arguments: argparse.Namespace) -> int:
    """Publish an earlier version again."""
    out = absolute(arguments.out)
    outcome = rollback(open_storage(out), new_run(), arguments.version)
    if arguments.json:
        words.print_json(outcome)
    else:
        how = "again" if outcome.changed else "already"
        at = words.version(outcome.version or "")
        print(f"{words.place(out)} is at {at} {how}, {words.plural(outcome.clips, 'clip')}")
    return 0
