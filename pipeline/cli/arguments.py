"""The words of `clipmill build` and `clipmill plan`, and what they mean as `BuildOptions`."""

from __future__ import annotations

import argparse
import glob
import os
import re
import secrets
import sys
import time
from collections.abc import Sequence

from clipmill import listings
from clipmill.errors import UsageError
from clipmill.options import Budget, BuildOptions, FrameOptions, ListingOptions
from clipmill.pipeline.cli import values
from clipmill.pipeline.runners import RUNNERS
from clipmill.storage import absolute, is_url


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that build and plan share."""
    what = parser.add_argument_group("from where to where")
    what.add_argument("listing", nargs="*", metavar="LISTING", help="folders, files or globs")
    what.add_argument("--out", metavar="OUT", help="the data set: a folder, s3://... or gs://...")
    what.add_argument("--videos", metavar="ROOT", help="where relative paths start (default: the listing's own)")
    what.add_argument("--format", default="auto", metavar="NAME", help=f"auto, {', '.join(listings.FORMATS)}")
    what.add_argument("--config", metavar="FILE", help="options from a TOML file; the command line wins")

    which = parser.add_argument_group("what frames (default: all)")
    which.add_argument(
        "--every", type=values.positive, default=1, metavar="K", help="keep decoded frames 0, K, 2K, ..."
    )
    which.add_argument("--fps", type=values.rate, metavar="F", help="F frames per second, by timestamp")
    which.add_argument("--max-frames", type=values.positive, metavar="N", help="keep only the first N frames of a clip")
    which.add_argument(
        "--min-frames", type=values.positive, default=1, metavar="N", help="leave out clips with fewer frames"
    )
    which.add_argument(
        "--segment-seconds", type=values.seconds, metavar="S", help="cut videos into clips of S seconds each"
    )
    which.add_argument(
        "--trimmed",
        choices=("auto", "yes", "no"),
        default="auto",
        metavar="auto|yes|no",
        help="do files hold just the row's range? (default auto)",
    )

    look = parser.add_argument_group("how they look (default: at their own size)")
    look.add_argument(
        "--short-side", type=values.positive, metavar="S", help="shrink the shorter side to S; never enlarges"
    )
    look.add_argument("--size", type=values.size, metavar="WxH", help="an exact size instead")
    look.add_argument(
        "--fit",
        choices=("crop", "pad", "stretch"),
        metavar="crop|pad|stretch",
        help="how --size is reached (default crop)",
    )
    look.add_argument(
        "--quality", type=values.quality, default=95, metavar="Q", help="of the JPEGs, 1 to 100 (default 95)"
    )

    clips = parser.add_argument_group("which clips (default: all)")
    clips.add_argument("--limit", type=values.positive, metavar="N", help="N clips, spread over classes and splits")
    clips.add_argument("--class-every", type=values.positive, default=1, metavar="K", help="every K-th class")
    clips.add_argument("--include", metavar="GLOB", help="videos whose path matches, as '*Biking*'")

    splits = parser.add_argument_group("splits (default: the listing's own; else all is train)")
    splits.add_argument(
        "--fold", type=values.positive, default=1, metavar="N", help="official fold that gives the splits (default 1)"
    )
    splits.add_argument(
        "--split",
        type=values.shares,
        default={},
        metavar="NAME=SHARE,...",
        help="at random, as train=0.8,val=0.1,test=0.1",
    )
    splits.add_argument(
        "--split-by",
        choices=("group", "clip"),
        default="group",
        metavar="group|clip",
        help="what --split never parts (default group)",
    )
    splits.add_argument("--seed", type=values.whole, default=0, metavar="N", help="of --split (default 0)")

    labels = parser.add_argument_group("labels (default: as the listing numbers them, else by name)")
    labels.add_argument("--labels", metavar="FILE", help="one class a line: pins the numbers")
    labels.add_argument("--renumber", action="store_true", help="let numbers move that are published already")

    stored = parser.add_argument_group("how it is stored")
    stored.add_argument(
        "--schema",
        choices=("tfds", "frames", "mediaseq"),
        default="tfds",
        metavar="NAME",
        help="tfds, frames or mediaseq (default tfds)",
    )
    stored.add_argument(
        "--sort",
        choices=("length", "random"),
        default="length",
        metavar="length|random",
        help="order of the clips (default length)",
    )
    stored.add_argument(
        "--shard-mb", type=values.positive, default=256, metavar="MB", help="size of a shard to aim at (default 256)"
    )
    stored.add_argument("--hosts", type=values.positive, metavar="N", help="ten shards or more for each of N hosts")
    stored.add_argument("--name", default="clips", metavar="NAME", help="in file names, and for TFDS (default clips)")

    runs = parser.add_argument_group("how it runs (Beam options may follow after --)")
    runs.add_argument("--workers", type=values.positive, metavar="N", help="decoder processes (default: all cores)")
    runs.add_argument(
        "--timeout", type=values.seconds, default=600.0, metavar="S", help="seconds for one clip (default 600)"
    )
    runs.add_argument(
        "--max-missing",
        type=values.budget,
        default=Budget(),
        metavar="N|P%",
        help="videos that may be missing (default 1%%)",
    )
    runs.add_argument(
        "--max-failures",
        type=values.failures_budget,
        default=Budget(least=3),
        metavar="N|P%",
        help="clips that may fail (default 1%%, 3 at least)",
    )
    runs.add_argument(
        "--max-change",
        type=values.budget,
        metavar="N|P%",
        help="published clips that may change (default: all)",
    )
    runs.add_argument("--yes", action="store_true", help="go on whatever --max-change says")
    runs.add_argument("--rehash", action="store_true", help="read every video anew, whatever is known of it")
    runs.add_argument(
        "--runner",
        choices=tuple(RUNNERS),
        default="local",
        metavar="NAME",
        help=f"{', '.join(RUNNERS)} (default local)",
    )

    flink = parser.add_argument_group("on a Flink cluster (--runner flink)")
    flink.add_argument("--flink-master", metavar="HOST", help="the session cluster's REST interface, as host:8081")
    flink.add_argument("--flink-jar", metavar="FILE", help="Beam's job-server jar (default: fetched)")
    flink.add_argument("--shared-filesystem", action="store_true", help="local paths are the same on every machine")

    rest = parser.add_argument_group("other")
    rest.add_argument("--json", action="store_true", help="print what a program wants to read")
    rest.add_argument("--summary-json", metavar="FILE", help="write how the build ended into a file")
    rest.add_argument(
        "--log-format",
        choices=("text", "json"),
        default="text",
        metavar="text|json",
        help="json: what is said, as one object a line on standard error",
    )
    rest.add_argument("-h", "--help", action="help", help="show this")


def build_options(arguments: argparse.Namespace) -> BuildOptions:
    """What the arguments ask for, with the listing found and its format known.

    Raises:
        UsageError: an option or the listing is wrong.
    """
    _check(arguments)
    out = absolute(arguments.out)
    chosen = ListingOptions(
        listings=tuple(_expand(arguments.listing)),
        videos=absolute(arguments.videos) if arguments.videos else None,
        format=arguments.format,
        fold=arguments.fold,
        splits=arguments.split,
        split_by=arguments.split_by,
        seed=arguments.seed,
        include=arguments.include,
        class_every=arguments.class_every,
        limit=arguments.limit,
        labels=absolute(arguments.labels) if arguments.labels else None,
    )
    return BuildOptions(
        listing=listings.resolve(chosen),
        out=out,
        run=new_run(),
        frames=FrameOptions(
            arguments.every,
            arguments.fps,
            arguments.max_frames,
            arguments.short_side,
            arguments.size,
            arguments.fit or "crop",
            arguments.quality,
        ),
        min_frames=arguments.min_frames,
        segment_seconds=arguments.segment_seconds,
        trimmed=arguments.trimmed,
        schema=arguments.schema,
        sort=arguments.sort,
        shard_bytes=arguments.shard_mb << 20,
        hosts=arguments.hosts,
        name=arguments.name,
        renumber=arguments.renumber,
        rehash=arguments.rehash,
        max_change=None if arguments.yes else arguments.max_change,
        workers=arguments.workers or cores(),
        timeout=arguments.timeout,
        max_missing=arguments.max_missing,
        max_failures=arguments.max_failures,
    )


def _check(arguments: argparse.Namespace) -> None:
    """What no option can see alone."""
    if not arguments.listing:
        raise UsageError("which listing? Name a folder of videos, or a file that lists them")
    if not arguments.out:
        raise UsageError("where shall the data set go? Add --out OUT")
    if arguments.size and arguments.short_side:
        raise UsageError("--size and --short-side exclude each other")
    if arguments.fit and not arguments.size:
        raise UsageError(f"--fit {arguments.fit}: needs --size WxH")
    if arguments.fps and arguments.every != 1:
        raise UsageError("--fps and --every exclude each other")
    if arguments.max_frames and arguments.max_frames < arguments.min_frames:
        raise UsageError(f"--max-frames {arguments.max_frames}: below --min-frames {arguments.min_frames}")
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", arguments.name):
        raise UsageError(f"--name {arguments.name}: a letter, then letters, digits and _ (TFDS takes nothing else)")


def new_run() -> str:
    """An id that no other run has; ids sort by when their runs began."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(3)


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _expand(words: Sequence[str]) -> list[str]:
    found = []
    for word in words:
        if is_url(word) or os.path.exists(word) or not glob.has_magic(word):
            found.append(absolute(word))
            continue
        matches = sorted(glob.glob(word))
        if not matches:
            raise UsageError(f"{word}: nothing matches")
        found += [absolute(match) for match in matches]
    return found
