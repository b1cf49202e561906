"""The commands: their words, and which function each calls."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from clipmill.errors import MissingExtra
from clipmill.ledger import Reason
from clipmill.options import values
from clipmill.pipeline.cli.export_arguments import add_export_arguments

_LISTINGS = """\
LISTING is a folder with a folder per class, official split lists (UCF50,
UCF101, HMDB51), Kinetics CSVs, or any CSV or JSONL with the columns path,
label, split, start, end, group, id (all but path may be left out).

  clipmill build UCF-101/ --out ucf
  clipmill build ucfTrainTestlist/ --videos UCF-101/ --fold 1 --out ucf
  clipmill build train.csv val.csv --videos k400/ --short-side 256 --out k400
  clipmill build mine.csv --out out
"""

Commands = Any  # what add_subparsers gives; argparse has no public name for it
Run = Callable[[argparse.Namespace], int]


def add_commands(commands: Commands) -> None:
    """Add every command to the parser."""
    _add_build(commands, "build", "read a listing, decode, write shards, publish", _build)
    _add_build(commands, "plan", "say what a build would make and take; write nothing", _plan)

    verify = _add(commands, "verify", "check all that is published", "looking.verify")
    verify.add_argument("--deep", action="store_true", help="decode every frame, too")

    inspect = _add(commands, "inspect", "splits, classes, lengths, sizes, or one clip", "looking.inspect")
    inspect.add_argument("--clip", metavar="ID", help="all that is known of one clip")
    inspect.add_argument("--shuffle", action="store_true", help="how even the orders of a reader are")
    inspect.add_argument("--split", default="train", metavar="S", help="with --shuffle: of one split (default train)")
    inspect.add_argument("--plots", metavar="DIR", help="with --shuffle: draw labels and records over the epoch there")

    failures = _add(commands, "failures", "which rows did not become clips, and why", "looking.failures")
    failures.add_argument(
        "--reason", choices=[reason.value for reason in Reason], metavar="R", help="only these: missing, truncated, ..."
    )
    failures.add_argument("--run", dest="run_id", metavar="ID", help="of an earlier run (default: the latest)")

    path = _add(commands, "path", "the files of the published shards", "looking.path")
    path.add_argument("--split", metavar="S", help="of one split (default: all)")

    replay = _add(commands, "replay", "the exact batch of a training step, from a reader's state", "reading.replay")
    replay.add_argument("--state", required=True, metavar="FILE", help="a reader's state, as JSON")
    replay.add_argument("--step", type=values.whole, metavar="N", help="of the epoch (default: the state's last)")
    replay.add_argument("--epoch", type=values.whole, metavar="N", help="default: the state's")
    replay.add_argument("--png", metavar="FILE", help="draw the batch there")

    show = _add(commands, "show", "a picture: clips down, consecutive frames across, step below step", "reading.show")
    show.add_argument("--rows", type=values.positive, default=4, metavar="N", help="clips (default 4)")
    show.add_argument("--frames", type=values.positive, default=5, metavar="N", help="frames of a step (default 5)")
    show.add_argument("--steps", type=values.positive, default=5, metavar="N", help="below each other (default 5)")
    show.add_argument("--split", metavar="S", help="of one split (default: all)")
    show.add_argument("--clip", metavar="ID", help="this clip alone")
    show.add_argument("--png", default="clipmill-show.png", metavar="FILE", help="(default clipmill-show.png)")

    export = _add(commands, "export", "write a published version in a format that others read", "exporting.run_export")
    add_export_arguments(export)

    unpack = commands.add_parser("unpack", help="unpack a zip, tar or rar archive, checked and safely")
    unpack.description = "Unpack a zip, tar or rar archive. What is there already is not unpacked again."
    unpack.add_argument("archive", metavar="ARCHIVE", help="a .zip, .tar, .tar.gz or .rar")
    unpack.add_argument("dest", metavar="DEST", help="a folder")
    unpack.add_argument("--json", action="store_true", help="print what a program wants to read")
    unpack.set_defaults(run=_unpack, parser=unpack)

    _add(commands, "versions", "what is there, and what changed from one to the next", "keeping.list_versions")

    gc = _add(commands, "gc", "remove old versions, and shards that no kept one names", "keeping.collect")
    gc.add_argument("--keep", type=values.positive, default=3, metavar="K", help="the K newest stay (default 3)")
    gc.add_argument("--older-than", type=values.days, default=7.0, metavar="DAYS", help="younger ones stay (default 7)")
    gc.add_argument("--dry-run", action="store_true", help="remove nothing, say what would go")

    rollback = _add(commands, "rollback", "publish an earlier version again", "keeping.roll_back")
    rollback.add_argument(
        "version", nargs="?", metavar="VERSION", help="its first digits (default: the one before the current)"
    )

    demo = commands.add_parser("demo", help="make a small data set, build it, look at it")
    demo.description = "Make a small data set of moving shapes, build it, verify it, draw a batch."
    demo.add_argument("--out", default="clipmill-demo", metavar="OUT", help="a new folder (default clipmill-demo)")
    demo.set_defaults(run=_demo, parser=demo)


def _add_build(commands: Commands, name: str, text: str, run: Run) -> None:
    from clipmill.pipeline.cli.arguments import add_build_arguments

    parser = commands.add_parser(
        name,
        help=text,
        usage=f"clipmill {name} LISTING... --out OUT [option ...]",
        description=f"{text.capitalize()}.\n\n{_LISTINGS}",
        add_help=False,
    )
    add_build_arguments(parser)
    parser.set_defaults(run=run, parser=parser)


def _add(commands: Commands, name: str, text: str, function: str) -> argparse.ArgumentParser:
    """Add a command on a data set.

    Args:
        function: its module in this package and its name, imported when the command is called.
    """
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
    parser.add_argument("out", metavar="OUT", help="the data set: a folder, s3://... or gs://...")
    parser.add_argument("--json", action="store_true", help="print what a program wants to read")
    module, called = function.split(".")

    def run(arguments: argparse.Namespace) -> int:
        code: int = getattr(import_module(f"{__package__}.{module}"), called)(arguments)
        return code

    parser.set_defaults(run=run, parser=parser)
    return parser


def _build(arguments: argparse.Namespace) -> int:
    _need("clipmill build", "build", "apache_beam", "av")
    from clipmill.pipeline.build import build
    from clipmill.pipeline.cli.arguments import build_options
    from clipmill.pipeline.cli.unpacking import unpacked_listings
    from clipmill.pipeline.report import logs
    from clipmill.pipeline.report.summary_file import Summary
    from clipmill.pipeline.runners import get_runner

    logs.setup(arguments.log_format)
    with Summary(arguments.summary_json) as summary:
        if arguments.out:
            arguments.listing = unpacked_listings(arguments.listing, arguments.out)
        options = build_options(arguments)
        logs.in_every_line(run=options.run)
        summary.note(run=options.run, out=options.out)
        runner = partial(get_runner, arguments)
        return build(options, runner, arguments.beam_words, summary, as_json=arguments.json)


def _plan(arguments: argparse.Namespace) -> int:
    _need("clipmill plan", "build", "apache_beam", "av")
    from clipmill.pipeline.build import plan
    from clipmill.pipeline.cli.arguments import build_options
    from clipmill.pipeline.cli.unpacking import refuse_archives

    refuse_archives(arguments.listing)
    return plan(build_options(arguments), as_json=arguments.json)


def _unpack(arguments: argparse.Namespace) -> int:
    # Loaded late: no other command needs the archive modules.
    from clipmill.pipeline.cli.unpacking import run_unpack

    return run_unpack(arguments)


def _demo(arguments: argparse.Namespace) -> int:
    _need("clipmill demo", "build", "apache_beam", "av")
    from clipmill.pipeline.demo.run import demo
    from clipmill.storage import absolute

    return demo(absolute(arguments.out))


def _need(what: str, extra: str, *modules: str) -> None:
    """Check that an extra is installed.

    Raises:
        MissingExtra: one of the modules is not there; names the pip line that mends it.
    """
    from importlib.util import find_spec

    if any(find_spec(module) is None for module in modules):
        raise MissingExtra(what, extra)
