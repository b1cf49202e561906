"""The table of all options of build and plan, from which the command line, TOML files, docs and the rest are made."""

from __future__ import annotations

from typing import Any

import msgspec

from clipmill.options import BuildOptions, FrameOptions, ListingOptions
from clipmill.options.defaults import cores, new_run
from clipmill.options.values import (
    BUDGET,
    COLUMNS,
    FAILURES_BUDGET,
    LISTING,
    MEBIBYTES,
    NAME,
    PATH,
    PATHS,
    POSITIVE,
    QUALITY,
    RATE,
    RECORD_COLUMNS,
    SECONDS,
    SHARE,
    SHARES,
    SIZE,
    TEXT,
    WHOLE,
    Kind,
)

#: Groups that code refers to.
STORED = "how it is stored"


class Option(msgspec.Struct, frozen=True):
    """One option.

    Attributes:
        name: as typed, without the dashes; `key` is its name elsewhere.
        kind: what it takes; None for a switch.
        metavar: its value's name in the help; if empty, the choices are shown.
        help: a few words, on one line of the help. {choices} is replaced by the choices.
        fills: the field of BuildOptions that it sets, as "quality" or "frames.every", whose default it has;
            empty for an option that only the command uses.
        changes_bytes: whether another value gives other bytes of the same clips; then it is in the manifest and in
            the hash of the version's name.
        younger: whether data sets were published before this option was added. Then its default is left out of
            the manifest, so that their versions keep their names.
        choices: all allowed values. Those of --format, --schema and --runner are names in registries that import this
            table; the command line adds them.
        default: for an option that sets no field.
        shown: the default in words, where its value alone would not be understood.
    """

    name: str
    kind: Kind | None
    metavar: str
    help: str
    fills: str = ""
    changes_bytes: bool = False
    younger: bool = False
    choices: tuple[str, ...] = ()
    default: str | bool | None = None
    shown: str = ""

    @property
    def key(self) -> str:
        """Its name in Python, TOML files and Dataflow's form: with _ for -."""
        return self.name.replace("-", "_")

    @property
    def field(self) -> str:
        """The last word of `fills`: its name in a manifest."""
        return self.fills.rpartition(".")[2]

    def typed(self, value: Any) -> str:
        """Return a value, as a manifest has it, as it is typed."""
        return str(value) if self.kind is None else self.kind.write(value)


#: The group of options that one runner alone knows.
FLINK = "on a Flink cluster (--runner flink)"
#: By group, in the order of the help.
TABLE: dict[str, tuple[Option, ...]] = {
    "from where to where": (
        Option("listing", LISTING, "LISTING", "the listing: folders, files or globs", fills="listing.listings"),
        Option("out", PATH, "OUT", "where the data set goes: a folder, s3://... or gs://...", fills="out"),
        Option(
            "videos",
            PATHS,
            "ROOT",
            "where relative paths start; several are tried in order",
            fills="listing.roots",
            shown="the listing's own folder",
        ),
        Option("allow-outside", None, "", "take files outside of the roots, too", fills="listing.allow_outside"),
        Option("format", TEXT, "NAME", "format of the listing: {choices}", fills="listing.format"),
        Option("columns", COLUMNS, "ROLE=NAME", "which column is what, as label=tag", fills="listing.columns"),
        Option("config", TEXT, "FILE", "options from a TOML file; the command line wins"),
    ),
    "what frames (default: all)": (
        Option("every", POSITIVE, "K", "keep decoded frames 0, K, 2K, ...", fills="frames.every", changes_bytes=True),
        Option("fps", RATE, "F", "F frames per second, by timestamp", fills="frames.fps", changes_bytes=True),
        Option(
            "max-frames",
            POSITIVE,
            "N",
            "keep only the first N frames of a clip",
            fills="frames.max_frames",
            changes_bytes=True,
        ),
        Option(
            "min-frames", POSITIVE, "N", "leave out clips with fewer frames", fills="min_frames", changes_bytes=True
        ),
        Option(
            "segment-seconds",
            SECONDS,
            "S",
            "cut videos into clips of S seconds each",
            fills="segment_seconds",
            changes_bytes=True,
        ),
        Option(
            "min-segment",
            SHARE,
            "P%",
            "leave out a last segment shorter than that share of S",
            fills="min_segment",
            changes_bytes=True,
            younger=True,
            shown="keeps it",
        ),
        Option(
            "trimmed",
            TEXT,
            "",
            "whether files hold just the row's range",
            fills="trimmed",
            choices=("auto", "yes", "no"),
        ),
    ),
    "how they look (default: at their own size)": (
        Option(
            "short-side",
            POSITIVE,
            "S",
            "shrink the shorter side to S; never enlarges",
            fills="frames.short_side",
            changes_bytes=True,
        ),
        Option("size", SIZE, "WxH", "an exact size instead, as 320x240", fills="frames.size", changes_bytes=True),
        Option(
            "fit",
            TEXT,
            "",
            "how --size is reached",
            fills="frames.fit",
            changes_bytes=True,
            choices=("crop", "pad", "stretch"),
        ),
        Option(
            "deinterlace",
            None,
            "",
            "deinterlace frames that are marked as interlaced",
            fills="frames.deinterlace",
            changes_bytes=True,
            younger=True,
        ),
        Option(
            "quality",
            QUALITY,
            "Q",
            "quality of the JPEGs as libjpeg counts, 1 to 100",
            fills="frames.quality",
            changes_bytes=True,
            shown="luma of 40 dB",
        ),
        Option(
            "encoding",
            TEXT,
            "NAME",
            "how images with masks are stored: jpeg, png, raw",
            fills="frames.encoding",
            changes_bytes=True,
            younger=True,
            choices=("jpeg", "png", "raw"),
        ),
    ),
    "which clips (default: all)": (
        Option("limit", POSITIVE, "N", "take N clips, spread over classes and splits", fills="listing.limit"),
        Option("class-every", POSITIVE, "K", "take every K-th class", fills="listing.class_every"),
        Option("include", TEXT, "GLOB", "take videos whose path matches, as '*Biking*'", fills="listing.include"),
    ),
    "splits (default: the listing's own; else all is train)": (
        Option("fold", POSITIVE, "N", "official fold that gives the splits", fills="listing.fold"),
        Option(
            "split", SHARES, "NAME=SHARE,...", "splits at random, as train=0.8,val=0.1,test=0.1", fills="listing.splits"
        ),
        Option(
            "split-by",
            TEXT,
            "KIND",
            "what --split keeps together: {choices}",
            fills="listing.split_by",
            choices=("group", "clip", "similar"),
        ),
        Option("strict-splits", None, "", "refuse splits that share frames", fills="strict_splits"),
        Option("signatures", None, "", "find clips that show the same, as clipmill leaks", fills="signatures"),
        Option("seed", WHOLE, "N", "seed of --split", fills="listing.seed"),
    ),
    "labels (default: as the listing numbers them, else by name)": (
        Option("labels", PATH, "FILE", "a file with one class a line, in the order of labels", fills="listing.labels"),
        Option(
            "multi-label",
            None,
            "",
            "a clip may have several, in several rows or one cell",
            fills="listing.multi_label",
        ),
        Option(
            "label-separator",
            TEXT,
            "SIGN",
            "what parts the labels in a cell; '' if nothing does",
            fills="listing.label_separator",
            shown="| and ; with --multi-label",
        ),
        Option("renumber", None, "", "let labels that are published get other numbers", fills="renumber"),
    ),
    STORED: (
        Option(
            "schema",
            TEXT,
            "NAME",
            "layout of the records: {choices}, or FILE.toml of your own",
            fills="schema",
            changes_bytes=True,
        ),
        Option(
            "record-columns",
            RECORD_COLUMNS,
            "NAMES",
            "further columns in the records, as caption,views=int64",
            fills="listing.record_columns",
            changes_bytes=True,
            younger=True,
        ),
        Option("name", NAME, "NAME", "name of the data set, in files and for TFDS", fills="name", changes_bytes=True),
        Option("sort", TEXT, "", "order of the clips", fills="sort", changes_bytes=True, choices=("length", "random")),
        Option(
            "shard-mb",
            MEBIBYTES,
            "MB",
            "size of a shard to aim at",
            fills="shard_bytes",
            changes_bytes=True,
            shown="256",
        ),
        Option(
            "hosts",
            POSITIVE,
            "N",
            "cut each split into ten shards or more for each of N hosts",
            fills="hosts",
            changes_bytes=True,
        ),
    ),
    "how it runs (Beam options may follow after --)": (
        Option("workers", POSITIVE, "N", "child processes that decode", fills="workers", shown="all cores"),
        Option("timeout", SECONDS, "S", "seconds for one clip", fills="timeout"),
        Option("max-missing", BUDGET, "N|P%", "videos that may be missing", fills="max_missing", shown="1%"),
        Option(
            "max-failures",
            FAILURES_BUDGET,
            "N|P%",
            "clips that may fail",
            fills="max_failures",
            shown="1%, 3 at least",
        ),
        Option("max-change", BUDGET, "N|P%", "published clips that may change", fills="max_change", shown="50%"),
        Option("yes", None, "", "build although --max-change or a disk that looks too small refuses"),
        Option("rehash", None, "", "read every video again, even if it did not change", fills="rehash"),
        Option("runner", TEXT, "NAME", "where it runs: {choices}", default="local"),
    ),
    FLINK: (
        Option("flink-master", TEXT, "HOST", "the session cluster's REST interface, as host:8081"),
        Option("flink-jar", TEXT, "FILE", "Beam's job-server jar", shown="fetched"),
        Option("shared-filesystem", None, "", "local paths are the same on every machine"),
    ),
    "other": (
        Option("json", None, "", "print JSON for programs"),
        Option("summary-json", TEXT, "FILE", "write how the build ended, as JSON"),
        Option("metrics", TEXT, "FILE", "write how the build ended, for Prometheus' node_exporter"),
        Option(
            "log-format",
            TEXT,
            "",
            "json: messages as JSON objects, a line each, on standard error",
            choices=("text", "json"),
            default="text",
        ),
    ),
}

OPTIONS: tuple[Option, ...] = tuple(option for group in TABLE.values() for option in group)


def default_of(option: Option) -> Any:
    """Return the value of an option that is not given."""
    if not option.fills:
        return False if option.kind is None else option.default
    kind: Any = BuildOptions
    for name in option.fills.split("."):
        field = next(field for field in msgspec.structs.fields(kind) if field.name == name)
        kind = field.type
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return None if field.required else field.default


def that_change_bytes(options: BuildOptions) -> dict[str, str | int | float | bool | None]:
    """Return the options that change the output's bytes, for the manifest and the version's name.

    Returns:
        value by name of the field that it fills, without "frames."; sizes as WxH.
    """
    found = {}
    # STORED comes first, as in the manifests that are already published: their bytes must not change.
    for option in (*TABLE[STORED], *OPTIONS):
        if option.changes_bytes:
            value = value_of(option, options)
            if not (option.younger and value == default_of(option)):
                found[option.field] = "x".join(map(str, value)) if isinstance(value, tuple) else value
    return found


def value_of(option: Option, options: BuildOptions) -> Any:
    """Return the value of an option's field."""
    value: Any = options
    for name in option.fills.split("."):
        value = getattr(value, name)
    return value


def filled(given: dict[str, Any]) -> BuildOptions:
    """Return the options of a new run.

    Args:
        given: values by `Option.fills`, of the options that were given; the others get their defaults.
    """
    parts: dict[str, dict[str, Any]] = {"listing": {}, "frames": {}, "": {"run": new_run(), "workers": cores()}}
    for fills, value in given.items():
        part, _, field = fills.rpartition(".")
        parts[part][field] = value
    return BuildOptions(listing=ListingOptions(**parts["listing"]), frames=FrameOptions(**parts["frames"]), **parts[""])
