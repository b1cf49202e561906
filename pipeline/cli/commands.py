"""The commands: their arguments, and which function each calls."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from clipmill.errors import MissingExtra
from clipmill.ledger import Reason
from clipmill.options import values
from clipmill.pipeline.cli.adopt_arguments import add_adopt_arguments
from clipmill.pipeline.cli.arguments import add_build_arguments
from clipmill.pipeline.cli.export_arguments import add_export_arguments
from clipmill.pipeline.runners import LOCAL

_LISTINGS = """\
LISTING is a folder with a folder per class, official split lists (UCF50,
UCF101, HMDB51), Kinetics CSVs, or any CSV or JSONL with the columns path,
label, split, start, end, group, id (all but path may be left out).

  clipmill build UCF-101/ --out ucf
  clipmill build ucfTrainTestlist/ --videos UCF-101/ --fold 1 --out ucf
  clipmill build train.csv --videos k400/ --short-side 256 --out k400-256
  clipmill build mine.csv --out out
"""

Commands = Any  # what add_subparsers gives; argparse has no public name for it
Run = Callable[[argparse.Namespace], int]


def add_commands(commands: Commands) -> None:
    """Add every command to the parser."""
    _add_build(commands, "build", "read a listing, decode, write shards, publish", "making.run_build")
    _add_build(commands, "plan", "say what a build would make and take; write nothing", "making.run_plan")

    verify = _add(commands, "verify", "check every file, record and checksum that is published", "looking.verify")
    verify.add_argument("--deep", action="store_true", help="also decode every frame")
    verify.add_argument("--strict-splits", action="store_true", help="exit with 1 if splits share frames")

    inspect = _add(commands, "inspect", "show splits, classes, lengths and sizes, or one clip", "looking.inspect")
    inspect.add_argument("--clip", metavar="ID", help="show all that is known of one clip")
    inspect.add_argument("--shuffle", action="store_true", help="show how well each order of the reader shuffles")
    inspect.add_argument("--split", default="train", metavar="S", help="with --shuffle: the split (default train)")
    inspect.add_argument("--plots", metavar="DIR", help="with --shuffle: a folder for plots of labels and records")

    failures = _add(commands, "failures", "list the rows that did not become clips, and why", "looking.failures")
    failures.add_argument(
        "--reason",
        choices=[reason.value for reason in Reason],
        metavar="R",
        help="only rows of this reason: missing, truncated, ...",
    )
    failures.add_argument("--run", dest="run_id", metavar="ID", help="the run (default: the latest)")

    path = _add(commands, "path", "list the files of the published shards", "looking.path")
    path.add_argument("--split", metavar="S", help="only of this split (default: all)")

    replay = _add(
        commands, "replay", "show the exact batch of a training step, from a reader's state", "reading.replay"
    )
    replay.add_argument("--state", required=True, metavar="FILE", help="a reader's state as a JSON file")
    replay.add_argument("--step", type=values.whole, metavar="N", help="step of the epoch (default: the state's last)")
    replay.add_argument("--epoch", type=values.whole, metavar="N", help="number of the epoch (default: the state's)")
    replay.add_argument("--png", metavar="FILE", help="draw the batch into this file")

    show = _add(commands, "show", "a picture: clips down, consecutive frames across, step below step", "reading.show")
    show.add_argument("--rows", type=values.positive, default=4, metavar="N", help="clips (default 4)")
    show.add_argument("--frames", type=values.positive, default=5, metavar="N", help="frames of a step (default 5)")
    show.add_argument("--steps", type=values.positive, default=5, metavar="N", help="below each other (default 5)")
    show.add_argument("--split", metavar="S", help="draw clips of this split (default: of all)")
    show.add_argument("--clip", metavar="ID", help="draw this clip alone")
    show.add_argument(
        "--png", default="clipmill-show.png", metavar="FILE", help="where the picture goes (default clipmill-show.png)"
    )

    report = _add(
        commands, "report", "write a page on a data set: numbers, plots, frames of clips", "reporting.run_report"
    )
    report.add_argument(
        "--html",
        default="clipmill-report.html",
        metavar="FILE",
        help="where the page goes (default clipmill-report.html)",
    )
    report.set_defaults(run=_run_report)

    leaks = _add(commands, "leaks", "find clips that show the same, in two splits above all", "leaking.run_leaks")
    leaks.add_argument(
        "--against", nargs="+", action="extend", default=[], metavar="OTHER", help="also compare with these data sets"
    )
    leaks.add_argument("--png", metavar="FILE", help="draw the first pairs into this file, one clip above the other")
    leaks.add_argument(
        "--fail-above",
        type=values.whole,
        metavar="N",
        help="exit with 1 if more than N pairs are between splits or with an OTHER",
    )

    export = _add(commands, "export", "write a published version in a format that others read", "exporting.run_export")
    add_export_arguments(export)
    export.set_defaults(run=_run_export)

    adopt = commands.add_parser("adopt", help="make a version of TFRecord shards that others wrote, as they are")
    adopt.description = "Make a version of TFRecord shards that others wrote, without decoding or copying them."
    add_adopt_arguments(adopt)
    adopt.set_defaults(run=_later("adopting.run_adopt"), parser=adopt)

    unpack = commands.add_parser("unpack", help="unpack a zip, tar or rar archive, checked and safely")
    unpack.description = "Unpack a zip, tar or rar archive. What is there already is not unpacked again."
    unpack.add_argument("archive", metavar="ARCHIVE", help="a .zip, .tar, .tar.gz or .rar")
    unpack.add_argument("dest", metavar="DEST", help="a folder")
    unpack.add_argument("--json", action="store_true", help="print JSON for programs")
    unpack.set_defaults(run=_later("unpacking.run_unpack"), parser=unpack)

    _add(commands, "versions", "list the versions, and what changed from one to the next", "keeping.list_versions")

    gc = _add(commands, "gc", "remove old versions, and shards that none of the others uses", "keeping.collect")
    gc.add_argument("--keep", type=values.positive, default=3, metavar="K", help="keep the K newest (default 3)")
    gc.add_argument(
        "--older-than", type=values.days, default=7.0, metavar="DAYS", help="keep those younger than this (default 7)"
    )
    gc.add_argument("--dry-run", action="store_true", help="remove nothing; say what would be removed")

    rollback = _add(commands, "rollback", "publish an earlier version again", "keeping.roll_back")
    rollback.add_argument(
        "version", nargs="?", metavar="VERSION", help="first digits of its name (default: the one before)"
    )

    init = commands.add_parser("init", help="write an example of a file of options for build --config")
    init.description = "Write an example of a file of options: clipmill build --config FILE then reads it."
    init.add_argument(
        "file", nargs="?", default="clipmill.toml", metavar="FILE", help="a new file (default clipmill.toml)"
    )
    init.set_defaults(run=_later("example_config.write_example"), parser=init)

    completion = commands.add_parser("completion", help="print what makes a shell complete clipmill's words")
    completion.description = 'For bash: eval "$(clipmill completion bash)" in ~/.bashrc; zsh and fish alike.'
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")
    completion.set_defaults(run=_later("completion.print_completion"), parser=completion)

    demo = commands.add_parser("demo", help="make, build, verify and read a small data set")
    demo.description = "Make a small data set of moving shapes, build it, verify it, draw a batch."
    demo.add_argument("--out", default="clipmill-demo", metavar="OUT", help="a new folder (default clipmill-demo)")
    demo.add_argument("--train", action="store_true", help="then train on its motions, for a minute or two")
    demo.set_defaults(run=_run_demo, parser=demo)


def _add_build(commands: Commands, name: str, text: str, function: str) -> None:
    parser = commands.add_parser(
        name,
        help=text,
        usage=f"clipmill {name} LISTING... --out OUT [option ...]",
        description=f"{text.capitalize()}.\n\n{_LISTINGS}",
        add_help=False,
    )
    add_build_arguments(parser)
    parser.set_defaults(run=_making(f"clipmill {name}", function), parser=parser)


def _add(commands: Commands, name: str, text: str, function: str) -> argparse.ArgumentParser:
    """Add a command on a data set.

    Args:
        function: its module in this package and its name, imported when the command is called.
    """
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text.capitalize()}.")
    parser.add_argument("out", metavar="OUT", help="the data set: a folder, s3://... or gs://...")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.set_defaults(run=_later(function), parser=parser)
    return parser


def _later(function: str) -> Run:
    """Return a function that imports a command's module and calls it; all modules would take a second to load."""
    module, called = function.split(".")

    def run(arguments: argparse.Namespace) -> int:
        code: int = getattr(import_module(f"{__package__}.{module}"), called)(arguments)
        return code

    return run


def _making(command: str, function: str) -> Run:
    """Return a function that calls a command which needs the packages of [build]."""

    def run(arguments: argparse.Namespace) -> int:
        _need(command, "build", "apache_beam", "av")
        return _later(function)(arguments)

    return run


def _run_demo(arguments: argparse.Namespace) -> int:
    if arguments.train:
        _need("clipmill demo --train", "tensorflow", "tensorflow")
    return _making("clipmill demo", "showing.run_demo")(arguments)


def _run_report(arguments: argparse.Namespace) -> int:
    _need("clipmill report", "report", "jinja2", "matplotlib")
    return _later("reporting.run_report")(arguments)


def _run_export(arguments: argparse.Namespace) -> int:
    if arguments.runner != LOCAL:
        _need(f"clipmill export --runner {arguments.runner}", "build", "apache_beam")
    return _later("exporting.run_export")(arguments)


def _need(what: str, extra: str, *modules: str) -> None:
    """Check that an extra is installed.

    Raises:
        MissingExtra: one of the modules is not there; names the pip line that mends it.
    """
    if any(find_spec(module) is None for module in modules):
        raise MissingExtra(what, extra)
