"""Listings: the files or folders that say which clips there are. One module per format, each in `FORMATS` below.

`resolve` detects the format, `slices` divides a listing, and `read_slice` reads one
slice row by row, on any worker. Nothing here opens a video.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
from collections.abc import Iterator

import msgspec

from clipmill.errors import ListingError, UsageError
from clipmill.ledger import Failure
from clipmill.listings import labels
from clipmill.listings.ava import Ava
from clipmill.listings.base import Format, ListingSlice, Look, folder_of_all, look_at
from clipmill.listings.charades import Charades
from clipmill.listings.class_folders import Tree
from clipmill.listings.class_resolution import Counts, Declaration, Said
from clipmill.listings.csv_tables import Csv
from clipmill.listings.hacs import Hacs
from clipmill.listings.hmdb51 import Hmdb
from clipmill.listings.json_documents import JsonDocument
from clipmill.listings.jsonl import Jsonl
from clipmill.listings.kinetics import Kinetics
from clipmill.listings.label_files import read_labels
from clipmill.listings.label_lists import check_commas, merge_all, merge_rows, place
from clipmill.listings.label_table import LabelTable
from clipmill.listings.labels import Labeller, count_label, merge_counts, said_by
from clipmill.listings.not_a_listing import describe
from clipmill.listings.parquet_tables import Parquet
from clipmill.listings.path_label_lists import NumberedList
from clipmill.listings.paths import VIDEO_SUFFIXES, BadRow, Root, name_carries_times
from clipmill.listings.plain_tables import Moments, Thumos, UcfCrime
from clipmill.listings.rawframes import RawFrames
from clipmill.listings.record_columns import check_there, record_check
from clipmill.listings.splits import assign_split, draw_splits, lacking, strata
from clipmill.listings.twentybn import TwentyBn
from clipmill.listings.ucf101 import Ucf
from clipmill.listings.voc import Voc
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import absolute, is_url
from clipmill.storage.endpoint import check_server
from clipmill.storage.web_url import is_web

__all__ = [
    "FORMATS",
    "VIDEO_SUFFIXES",
    "Counts",
    "Labeller",
    "ListingSlice",
    "Said",
    "assign_split",
    "candidates",
    "count_label",
    "draw_splits",
    "ignored",
    "lacking",
    "mask_of",
    "merge_all",
    "merge_counts",
    "merge_rows",
    "name_carries_times",
    "names",
    "place",
    "read_slice",
    "resolve",
    "said_by",
    "selected",
    "settle_labels",
    "slices",
    "strata",
    "taken_as",
]

#: By name; the first that matches is what "auto" takes. Any folder is a tree, so that comes last.
_OFFICIAL = (Hmdb(), Ucf(), Hacs(), Kinetics(), Charades())
_GENERAL = (Csv(), Jsonl(), JsonDocument(), Parquet(), NumberedList(), RawFrames())
_FURTHER = (Ava(), TwentyBn(), Moments(), UcfCrime(), Thumos(), Voc(), Tree())
FORMATS: dict[str, Format] = {known.name: known for known in (*_OFFICIAL, *_GENERAL, *_FURTHER)}


def resolve(options: ListingOptions) -> ListingOptions:
    """Detect the format and the root of the videos, and check all that can be checked before reading.

    Raises:
        ListingError: a listing is not there, is of no known format, or several are of different ones.
        UsageError: an option does not fit.
    """
    if not options.listings:
        raise UsageError("no listing: name a folder of videos, or a file that lists them")
    if options.format not in ("auto", *FORMATS):
        raise UsageError(f"--format {options.format}: not one of auto, {', '.join(FORMATS)}")
    if options.splits and (min(options.splits.values()) < 0 or sum(options.splits.values()) <= 0):
        raise UsageError("--split: shares must not be negative, and not all of them zero")
    if options.split_by not in ("group", "clip", "similar"):
        raise UsageError(f"--split-by {options.split_by}: not one of group, clip, similar")
    if options.split_by == "similar" and not options.splits:
        raise UsageError("--split-by similar: works with --split alone; add it, as --split train=0.8,test=0.2")
    options = msgspec.structs.replace(
        options,
        listings=tuple(dict.fromkeys(map(absolute, options.listings))),
        roots=tuple(map(absolute, options.roots or filter(None, [options.videos]))),
        labels=None if options.labels is None else absolute(options.labels),
    )
    for url in filter(is_web, (*options.roots, *options.listings)):
        check_server(url)
    for root in options.roots:
        if not is_url(root) and not os.path.isdir(root):
            raise UsageError(f"--videos {root}: no such folder")
    if options.roots:
        options = msgspec.structs.replace(options, videos=folder_of_all(options.roots))
    if options.labels is not None:
        read_labels(options.labels)
    looks = [look_at(path, options.columns) for path in options.listings]
    name = options.format if options.format != "auto" else _detect(looks)
    if options.fold != 1 and not FORMATS[name].has_folds:
        folded = " and ".join(known.name for known in FORMATS.values() if known.has_folds)
        raise UsageError(f"--fold {options.fold}: this listing is read as {name}; only lists of {folded} have folds")
    options = FORMATS[name].settle(msgspec.structs.replace(options, format=name), looks)
    if options.record_columns:
        check_there(options, (FORMATS[name].read(options, piece) for piece in FORMATS[name].slices(options)))
    several = options.multi_label or bool(options.label_separator) or FORMATS[name].has_lists(options)
    return msgspec.structs.replace(options, label_lists=several)


def _detect(looks: list[Look]) -> str:
    found: dict[str, str] = {}
    for look in looks:
        name = next((name for name, known in FORMATS.items() if known.matches(look)), None)
        if name is None:
            accepted = "; ".join(known.accepts for known in FORMATS.values())
            raise ListingError(f"{look.path}: this looks like {describe(look)}. Listings are: {accepted}")
        found.setdefault(name, look.path)
    if len(found) > 1:
        kinds = ", ".join(f"{path} is {name}" for name, path in found.items())
        raise ListingError(f"the listings are of different formats: {kinds}; build them one by one, or say --format")
    return next(iter(found))


def slices(options: ListingOptions) -> list[ListingSlice]:
    """Return the slices of a resolved listing; they can be read in parallel and in any order."""
    return FORMATS[options.format].slices(options)


def read_slice(options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
    """Iterate over the rows of a slice: one item for each data row, or for each clip where folds are merged.

    Yields:
        A clip, or what is wrong with the row.
    """
    rows = FORMATS[options.format].read(options, slice_)
    return map(record_check(options), rows) if options.record_columns else rows


def ignored(options: ListingOptions, slice_: ListingSlice) -> int:
    """Count the files and folders of a slice that are skipped: hidden, a system's, or without a video's suffix."""
    known = FORMATS[options.format]
    return known.ignored(options, slice_) if isinstance(known, Tree) else 0


def candidates(options: ListingOptions, row: ClipRow) -> Iterator[str]:
    """Iterate over the paths where a row's video may be, relative to the folder of all roots, most likely first."""
    for start in options.starts:
        for path in FORMATS[options.format].candidates(options, row, start):
            yield posixpath.join(start, path)


def names(options: ListingOptions, row: ClipRow) -> list[str]:
    """Return the names that a row's file may have in any folder, most likely first; the shortest is last."""
    return FORMATS[options.format].names(row)


def mask_of(options: ListingOptions, row: ClipRow) -> str:
    """Return where the mask of a row's image is, by its column `mask`, relative to the folder of all roots.

    Raises:
        BadRow: the row has none, or no file can have this name.
    """
    named = row.extra.get("mask", "").strip()
    if not named:
        raise BadRow("the row has no mask: name its file in a column mask, or read folders by --format voc")
    path = Root(options, row.listing).relative(named)
    return next((posixpath.join(start, path) for start in options.starts), path)


def taken_as(options: ListingOptions) -> str:
    """Describe what columns were taken as; "" where there are none, or their names say it."""
    return FORMATS[options.format].taken_as(options)


def settle_labels(options: ListingOptions, counts: Counts) -> LabelTable:
    """Decide which classes there are, by --labels, the listing's own list of classes, or what its rows say.

    Raises:
        ListingError: the rows' numbers are not those of --labels, or a comma in a label may part two.
    """
    known = FORMATS[options.format]
    declared = known.classes(options)
    if options.labels is not None:
        declared = Declaration(read_labels(options.labels), options.labels, checked=not known.names_decide)
    check_commas(options, counts, [] if declared is None else [name for name, _ in declared.classes])
    return labels.settle_labels(counts, declared, options.class_every)


def selected(options: ListingOptions, row: ClipRow) -> bool:
    """Return whether a row is selected by --include."""
    return options.include is None or fnmatch.fnmatchcase(row.video, options.include)
