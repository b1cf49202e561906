"""The commands: their words, and which function each calls."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from clipmill import inspection, layout
from clipmill.ledger_file import read_ledger
from clipmill.storage import absolute, open_storage
from pipeline import words


def add_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add every command to the parser."""
    from pipeline.arguments import add_build_arguments

    for name, text, run in (
        ("build", "read a listing, decode, encode, write shards and publish them", _build),
        ("plan", "say what a build would make and take; write nothing", _plan),
    ):
        parser = _command(commands, name, text, run)
        add_build_arguments(parser)
        parser.set_defaults(parser=parser)

    verify = _command(commands, "verify", "check everything that is published", _verify)
    _add_out(verify)
    verify.add_argument("--deep", action="store_true", help="decode every frame, too")

    inspect = _command(commands, "inspect", "splits, classes, lengths, sizes, or one clip", _inspect)
    _add_out(inspect)
    inspect.add_argument("--clip", metavar="ID", help="all that is known of one clip")

    failures = _command(commands, "failures", "what the last run could not make, and why", _failures)
    _add_out(failures)
    failures.add_argument("--run", dest="run_id", metavar="ID", help="of another run (see OUT/runs)")

    path = _command(commands, "path", "where the published shards are", _path)
    _add_out(path)
    path.add_argument("--split", metavar="S", help="of one split")

    versions = _command(commands, "versions", "what is there, and what changed from one version to the next", _versions)
    _add_out(versions)

    gc = _command(commands, "gc", "remove old versions, and shards that no kept one names", _gc)
    _add_out(gc)
    gc.add_argument("--keep", type=_count, default=3, metavar="K", help="the K newest stay (default 3)")
    gc.add_argument("--older-than", type=_days, default=7.0, metavar="DAYS", help="younger ones stay (default 7)")
    gc.add_argument("--dry-run", action="store_true", help="remove nothing, say what would go")

    rollback = _command(commands, "rollback", "publish an earlier version again", _rollback)
    _add_out(rollback)
    rollback.add_argument("version", nargs="?", metavar="VERSION", help="by default the one before the current one")

    demo = _command(commands, "demo", "make a small synthetic data set, build it, and look at it", _demo)
    demo.add_argument("--out", default="clipmill-demo", metavar="OUT", help="a new folder (default clipmill-demo)")


def _command(
    commands: argparse._SubParsersAction[Any], name: str, text: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text.capitalize() + ".")
    if name != "demo":
        parser.add_argument("--json", action="store_true", help="print what a program wants to read")
    parser.set_defaults(run=run)
    return parser


def _add_out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", metavar="OUT", help="the data set: a folder, s3://... or gs://...")


def _print_json(value: Any) -> None:
    print(msgspec.json.encode(value).decode())


def _build(arguments: argparse.Namespace) -> int:
    from pipeline.cli import needs

    needs("clipmill build", "build", "apache_beam", "av", "cv2")
    from pipeline.arguments import build_options
    from pipeline.build import build
    from pipeline.runners import get_runner

    runner = get_runner(arguments)
    return build(build_options(arguments), runner, arguments.beam_words, as_json=arguments.json)


def _plan(arguments: argparse.Namespace) -> int:
    from pipeline.cli import needs

    needs("clipmill plan", "build", "apache_beam", "av", "cv2")
    from pipeline.arguments import build_options
    from pipeline.build import plan

    return plan(build_options(arguments), as_json=arguments.json)


def _verify(arguments: argparse.Namespace) -> int:
    from clipmill.verify import verify
    from pipeline.arguments import cores

    report = verify(open_storage(absolute(arguments.out)), deep=arguments.deep, workers=cores())
    if arguments.json:
        _print_json(report)
        return 1 if report.problems else 0
    for problem in report.problems:
        where = f", {problem.where}" if problem.where else ""
        print(f"{problem.file}{where}: {problem.what}")
    counted = f"{words.plural(report.clips, 'clip')}, {report.frames:,} frames, {words.plural(report.shards, 'shard')}"
    if report.problems:
        print(f"{report.version}: {counted}: {words.plural(len(report.problems), 'problem')}", file=sys.stderr)
        return 1
    how = "every frame decodes" if arguments.deep else "every record, checksum and header is right"
    print(f"{report.version}: {counted}, {words.size(report.bytes)}: {how}")
    return 0


def _inspect(arguments: argparse.Namespace) -> int:
    storage = open_storage(absolute(arguments.out))
    if arguments.clip:
        found = inspection.clip(storage, arguments.clip)
        if arguments.json:
            _print_json(found)
        else:
            print(words.table([(name, "" if value is None else str(value)) for name, value in found.items()]))
        return 0
    found = inspection.summary(storage)
    if arguments.json:
        _print_json(found)
        return 0
    print(f"{found['dataset']} {found['version']}, schema {found['schema']}")
    rows = [("split", "clips", "frames", "size", "shards", "shortest", "median", "longest")]
    for name, split in found["splits"].items():
        shortest, _, median, _, longest = split["lengths"]
        numbers = (f"{n:,}" for n in (split["shards"], shortest, median, longest))
        rows.append((name, f"{split['clips']:,}", f"{split['frames']:,}", words.size(split["bytes"]), *numbers))
    print(words.table(rows))
    counts = sorted(found["classes"].values())
    if counts:
        print(f"{words.plural(len(counts), 'class')} of {counts[0]:,} to {counts[-1]:,} clips", end="")
        print(f", {found['unlabelled']:,} clips unlabelled" if found["unlabelled"] else "")
    print("frame sizes: " + ", ".join(f"{size} ({clips:,})" for size, clips in list(found["sizes"].items())[:8]))
    return 0


def _failures(arguments: argparse.Namespace) -> int:
    storage = open_storage(absolute(arguments.out))
    run = arguments.run_id or inspection.last_run(storage)
    ledger = read_ledger(storage, run)
    if arguments.json:
        _print_json({"run": run, "failures": [msgspec.structs.asdict(failure) for failure in ledger]})
        return 0
    for failure in ledger:
        where = f"{words.place(failure.listing)}:{failure.row}" if failure.row else failure.source
        source = f" {failure.source}" if failure.row else ""
        print(f"{failure.reason:16}{where}{source}: {failure.message}")
    print(f"{words.plural(len(ledger), 'row')} of run {run} did not become a clip", file=sys.stderr)
    return 0


def _path(arguments: argparse.Namespace) -> int:
    storage = open_storage(absolute(arguments.out))
    paths = inspection.split_files(storage, arguments.split)
    if arguments.json:
        version = layout.current_version(storage)
        _print_json({"version": version, "files": paths})
    else:
        print("\n".join(paths))
    return 0


def _versions(arguments: argparse.Namespace) -> int:
    from clipmill.versions import Difference, difference, versions

    storage = open_storage(absolute(arguments.out))
    before = None
    found = []
    for version in versions(storage):
        manifest = layout.read_manifest(storage, version.name)
        found.append((version, manifest.splits.values(), difference(storage, before, version.name)))
        before = version.name
    if arguments.json:
        _print_json([msgspec.structs.asdict(version) | {"since_before": since} for version, _, since in found])
        return 0
    rows = [("version", "published (UTC)", "clips", "size", *(name for name in Difference.__struct_fields__))]
    for version, splits, since in found:
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(version.time)) if version.published else "never"
        clips, nbytes = sum(split.clips for split in splits), sum(split.bytes for split in splits)
        counts = (f"{number:,}" for number in msgspec.structs.astuple(since))
        mark = " *" if version.current else ""
        rows.append((version.name + mark, when, f"{clips:,}", words.size(nbytes), *counts))
    print(words.table(rows))
    return 0


def _gc(arguments: argparse.Namespace) -> int:
    from clipmill.gc import collect_garbage
    from pipeline.arguments import new_run

    storage = open_storage(absolute(arguments.out))
    seconds = 86400 * arguments.older_than
    swept = collect_garbage(storage, new_run(), keep=arguments.keep, seconds=seconds, dry=arguments.dry_run)
    if arguments.json:
        _print_json(swept)
        return 0
    what = f"{words.plural(len(swept.versions), 'version')} and {words.plural(swept.shards, 'shard')}"
    done = "would go" if arguments.dry_run else "removed"
    print(f"{what} {done}, {words.size(swept.bytes)}; {words.plural(len(swept.kept), 'version')} stay")
    return 0


def _rollback(arguments: argparse.Namespace) -> int:
    from clipmill.versions import rollback
    from pipeline.arguments import new_run

    out = absolute(arguments.out)
    outcome = rollback(open_storage(out), new_run(), arguments.version)
    if arguments.json:
        _print_json(outcome)
    else:
        how = "again" if outcome.changed else "already"
        print(f"{words.place(out)} is at {outcome.version} {how}, {words.plural(outcome.clips, 'clip')}")
    return 0


def _count(text: str) -> int:
    if not text.isdigit() or text == "0":
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return int(text)


def _days(text: str) -> float:
    try:
        days = float(text.removesuffix("d"))
    except ValueError:
        days = -1.0
    if days < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a number of days")
    return days


def _demo(arguments: argparse.Namespace) -> int:
    from pipeline.cli import needs

    needs("clipmill demo", "build", "apache_beam", "av", "cv2")
    from pipeline.demo import demo

    return demo(absolute(arguments.out))
