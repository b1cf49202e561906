"""The options of `clipmill build` and `clipmill plan` on the command line, and what they mean as `BuildOptions`."""

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Sequence

import msgspec

from clipmill import listings
from clipmill.errors import UsageError
from clipmill.layout import OWN, PAIRS
from clipmill.options import BuildOptions, FrameOptions
from clipmill.options.table import OPTIONS, TABLE, Option, default_of, filled
from clipmill.options.values import PATHS
from clipmill.pipeline.cli.own_schema import OrOwn, schema_of
from clipmill.pipeline.runners import RUNNERS
from clipmill.records import SCHEMAS, get_schema
from clipmill.records.column_types import write_columns
from clipmill.storage import absolute, is_url

#: Options whose values are the names in a registry.
REGISTERED = {"format": ("auto", *listings.FORMATS), "schema": tuple(SCHEMAS), "runner": tuple(RUNNERS)}


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that build and plan share."""
    for title, options in TABLE.items():
        group = parser.add_argument_group(title)
        for option in options:
            add_option(group, option)
    group.add_argument("-h", "--help", action="help", help="show this")


def add_option(group: argparse._ArgumentGroup, option: Option) -> None:
    """Add an option of the table to a parser's group."""
    default = shown_default(option)
    text = explanation(option) + (f" (default: {default})" if default else "")
    text = text.replace("%", "%%")
    if option.name == "listing":
        group.add_argument("listing", nargs="*", metavar=option.metavar, help=text)
    elif option.kind is None:
        group.add_argument(f"--{option.name}", action="store_true", help=text)
    else:
        group.add_argument(
            f"--{option.name}",
            action="append" if option.kind is PATHS else "store",
            type=schema_of if option.name == "schema" else option.kind.read,
            choices=OrOwn(choices_of(option)) if option.name == "schema" else choices_of(option) or None,
            metavar=option.metavar or "|".join(option.choices),
            default=option.default,
            help=text,
        )


def choices_of(option: Option) -> tuple[str, ...]:
    """Return all values of an option that takes no others; none for one that does."""
    return REGISTERED.get(option.name, option.choices)


def explanation(option: Option) -> str:
    """Return what an option is for, in a few words."""
    return option.help.format(choices=", ".join(choices_of(option)))


def shown_default(option: Option) -> str:
    """Return the default of an option as it would be typed; empty where it does nothing."""
    default = default_of(option)
    if option.shown or option.kind is None or default is None or default in ({}, ()):
        return option.shown
    return f"{default:g}" if isinstance(default, float) else str(default)


def build_options(arguments: argparse.Namespace) -> BuildOptions:
    """Return what the arguments ask for, with the listing found and its format known.

    Raises:
        UsageError: an option or the listing is wrong.
    """
    given = {option.fills: getattr(arguments, option.key) for option in OPTIONS if option.fills}
    given = {fills: value for fills, value in given.items() if value not in (None, False)}
    given = {fills: tuple(value) if isinstance(value, list) else value for fills, value in given.items()}
    if not arguments.listing:
        raise UsageError("LISTING is missing: name a folder of videos, or a file that lists them")
    if not arguments.out:
        raise UsageError("--out is missing: name a folder or a bucket")
    if arguments.fit and not arguments.size:
        raise UsageError(f"--fit {arguments.fit}: works with --size WxH alone; add it, or leave --fit out")
    given["listing.listings"] = tuple(expand(arguments.listing))
    if str(given.get("schema", "")).startswith(f"{OWN}:"):
        if "listing.record_columns" in given:
            raise UsageError(
                "--record-columns: a schema of your own names columns itself, as { column = NAME }; leave it out"
            )
        given["listing.record_columns"] = write_columns(get_schema(given["schema"]).columns)
    options = filled(given)
    _check(options)
    return msgspec.structs.replace(
        options,
        listing=listings.resolve(options.listing),
        max_change=None if arguments.yes else options.max_change,
    )


def _check(options: BuildOptions) -> None:
    """Raise UsageError for options that do not go together."""
    frames = options.frames
    if options.schema == PAIRS:
        if options.signs:
            option = "--signatures" if options.signatures else "--split-by similar"
            raise UsageError(f"{option}: works with clips, not with --schema pairs; leave it out")
        changed = frames != FrameOptions(quality=frames.quality, encoding=frames.encoding)
        if changed or options.segment_seconds:
            raise UsageError(
                "--schema pairs: stores images and masks as they are; leave out options of frames and sizes, "
                "and resize when reading"
            )
    elif frames.encoding != "jpeg":
        raise UsageError(f"--encoding {frames.encoding}: works with --schema pairs alone; add it, or leave this out")
    if frames.size and frames.short_side:
        raise UsageError("--size and --short-side exclude each other; leave one out")
    if frames.fps and frames.every != 1:
        raise UsageError("--fps and --every exclude each other; leave one out")
    if frames.max_frames and frames.max_frames < options.min_frames:
        raise UsageError(
            f"--max-frames {frames.max_frames}: is below --min-frames {options.min_frames}, so that no clip is left"
        )
    get_schema(options.record_schema)


def expand(words: Sequence[str]) -> list[str]:
    """Return the absolute paths and URLs that words name, globs among them.

    Raises:
        UsageError: a glob matches nothing.
    """
    found = []
    for word in words:
        if is_url(word) or os.path.exists(word) or not glob.has_magic(word):
            found.append(absolute(word))
            continue
        matches = sorted(glob.glob(word))
        if not matches:
            raise UsageError(f"{word}: no file or folder matches")
        found += [absolute(match) for match in matches]
    return found
