"""Sections on what is in a data set: splits, classes, lengths, sizes, bytes, groups, failures, versions."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow.compute as pc

from clipmill.dataset.history import Difference, difference
from clipmill.dataset.ledger_file import read_ledger
from clipmill.dataset.shared_content import find_shared_content
from clipmill.layout import split_order
from clipmill.ledger import Failure
from clipmill.options.table import OPTIONS
from clipmill.pipeline.page import plots
from clipmill.pipeline.page.alike import alike
from clipmill.pipeline.page.blocks import Block, Section, Sheet, Strip, Table, Text
from clipmill.pipeline.page.originals import Originals, first_frames_of
from clipmill.pipeline.page.subject import Subject
from clipmill.pipeline.report import words
from clipmill.reader.markup import NO_LABEL, uri_of_jpeg
from clipmill.reader.overview import clips_of_classes

_OPTIONS = {option.field: option for option in OPTIONS if option.fills}
_CHANGES = (
    "Changed clips have other frames; relabelled ones the same frames and another class; moved ones are in another "
    "split. Rewritten are shards that the version before does not have."
)
#: Rows of a table, pairs, groups and versions; of more the first are shown.
_ROWS, _EXAMPLES, _VERSIONS = 100, 20, 10


def made(subject: Subject) -> Section:
    """Return what was asked for, and what was made of it."""
    manifest, asked = subject.manifest, subject.asked
    typed = [str(word) for word in asked.get("command", [])]
    listings = asked.get("options", {}).get("listing", {}).get("listings", [])
    rows = [("version", words.version(manifest.version)), ("records", manifest.schema)]
    if typed[1:2] == ["build"]:
        rows.append(("command", f"clipmill {' '.join(typed[1:])}"))
    rows += [("listing", str(listing)) for listing in listings]
    rows += [_typed(name, value) for name, value in manifest.options.items() if value is not None and name != "schema"]
    if subject.outcome is not None:
        rows += [("published (UTC)", subject.outcome.ended), ("rows of the listing", f"{subject.outcome.rows:,}")]
    rows += [("made with", f"clipmill {asked['clipmill']}")] if "clipmill" in asked else []
    splits = [
        (name, f"{entry.clips:,}", _share(entry.clips, len(subject.table)), f"{entry.frames:,}",
         words.size(entry.bytes), f"{len(entry.shards):,}")
        for name, entry in sorted(manifest.splits.items(), key=lambda item: split_order(item[0]))
    ]  # fmt: skip
    return Section(
        "made",
        "What was asked and made",
        [
            Table("splits", ("split", "clips", "share", "frames", "bytes", "shards"), splits),
            Table("asked", ("what", "value"), _plain(rows), prose=True),
        ],
    )


def classes(subject: Subject) -> Section:
    """Return the clips of each class in each split, with shares of the class."""
    counts = {split: clips_of_classes(subject.data[split]) for split in subject.data.splits}
    names = list(dict.fromkeys(name for of_split in counts.values() for name in of_split))
    total = {name: sum(of_split.get(name, 0) for of_split in counts.values()) for name in names}
    order = sorted((name for name in names if total[name]), key=lambda name: (-total[name], name))
    if not order:
        return Section("classes", "Classes", [])
    rows = []
    for name in order[::-1][:_ROWS]:
        parts = [of_split.get(name, 0) for of_split in counts.values()]
        rows.append((name, f"{total[name]:,}", *(f"{part:,} ({_share(part, total[name])})" for part in parts)))
    if order == [NO_LABEL]:
        return Section("classes", "Classes", [Text("No clip has a label.")])
    said = words.classes({name: total[name] for name in order})
    blocks: list[Block] = [Text(words.one_line(said))]
    for split, of_split in counts.items():
        lacks = [name for name in order if not of_split.get(name)]
        if lacks:
            some = f"{', '.join(lacks[:5])}{', ...' * (len(lacks) > 5)}"
            blocks.append(Text(words.one_line(f"{split} has nothing of {words.plural(len(lacks), 'class')}: {some}")))
    bars = {split: [of_split.get(name, 0) for name in order] for split, of_split in counts.items()}
    blocks.append(plots.stacked_bars("bars", "clips of each class, by split", words.one_line(said), order, bars))
    few = f", the smallest {_ROWS} of {len(order):,}" if len(order) > _ROWS else ", the smallest first"
    blocks.append(Table(f"clips and share of the class in each split{few}", ("class", "all", *counts), _plain(rows)))
    return Section("classes", "Classes", blocks)


def lengths(subject: Subject) -> Section:
    """Return how long clips are, and how they lie in the shards."""
    frames = _column(subject, "frames")
    if subject.manifest.pairs or not len(frames):
        return Section("lengths", "Lengths", [])
    split = np.array(subject.table["split"].to_pylist(), object)
    shards = subject.table["shard"].to_pylist()
    by_split = {name: frames[split == name] for name in sorted(subject.manifest.splits, key=split_order)}
    rows, starts = [], {}
    for name, values in by_split.items():
        quantiles = np.quantile(values, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1), method="nearest")
        rows.append((name, *(f"{value:,.0f}" for value in quantiles)))
        of_split = [shard for shard, its in zip(shards, split, strict=True) if its == name]
        starts[name] = np.array([n for n, shard in enumerate(of_split) if not n or shard != of_split[n - 1]])
    middle = f"half of the clips have up to {np.median(frames):,.0f} frames, from {frames.min():,} to {frames.max():,}"
    quantile_names = ("split", "shortest", "5 %", "25 %", "median", "75 %", "95 %", "longest")
    return Section(
        "lengths",
        "Lengths",
        [
            plots.stacked_histogram("lengths", "lengths of clips, in frames", middle, by_split, "frames"),
            plots.steps("shards", "lengths as sorted shards; a line where one begins", middle, by_split, starts),
            Table("lengths in frames: so many clips are as long or shorter", quantile_names, rows),
        ],
    )  # fmt: skip


def sources(subject: Subject) -> Section:
    """Return sizes and rates of the clips, kinds of their files, and what some of these are."""
    table = subject.table
    sizes = Counter(zip(table["width"].to_pylist(), table["height"].to_pylist(), strict=True))
    kinds = Counter(os.path.splitext(source)[1].lower() or "none" for source in table["source"].to_pylist())
    blocks: list[Block] = [
        _counted("sizes of stored frames", "width x height", {f"{wide}x{high}": n for (wide, high), n in sizes.items()})
    ]
    if not subject.manifest.pairs:
        rates = Counter(_rate(rate) for rate in table["fps"].to_pylist())
        blocks.append(_counted("stored frames a second", "rate", rates))
    blocks.append(_counted("kinds of files", "ending", kinds))
    oblong = len(table) - table["pixel_aspect"].null_count if "pixel_aspect" in table.column_names else 0
    bad = int((_column(subject, "bad_packets") > 0).sum())
    if oblong:
        blocks.append(Text(f"{words.plural(oblong, 'clip')} with pixels that are not square (column pixel_aspect)"))
    if bad:
        blocks.append(Text(f"{words.plural(bad, 'clip')} with bad packets that were skipped (column bad_packets)"))
    return Section("sources", "Sizes, rates and files", blocks + _looked_at(subject.originals))


def _looked_at(originals: Originals) -> list[Block]:
    looks = originals.looks
    if not originals.chosen:
        return []
    if not looks:
        return [Text("The files that the clips were made of are not where they were, so their codecs are not told.")]
    codecs = Counter(f"{look.codec}, {look.pixels}" for look in looks)
    sizes = Counter(f"{look.width}x{look.height}" for look in looks)
    rates = Counter(_rate(look.fps) for look in looks)
    kilobits = sorted(look.nbytes * 8 / look.seconds / 1000 for look in looks if look.seconds)
    said = f"{len(looks):,} of the files, chosen at random, were opened"
    if kilobits:
        middle = kilobits[len(kilobits) // 2]
        said += f": {kilobits[0]:,.0f} to {kilobits[-1]:,.0f} kbit a second, {middle:,.0f} in the middle"
    return [
        Text(said),
        _counted("codecs and pixel formats of files", "codec", codecs, "files"),
        _counted("sizes of files' frames", "width x height", sizes, "files"),
        _counted("frames a second of files", "rate", rates, "files"),
    ]


def stored(subject: Subject) -> Section:
    """Return what the frames take, and how near they come to their sources."""
    nbytes, frames = _column(subject, "bytes"), _column(subject, "frames")
    if not len(frames):
        return Section("bytes", "Bytes", [])
    each = nbytes / frames / 1000
    what = "an image or mask" if subject.manifest.pairs else "a frame"
    said = f"{words.size(nbytes.sum())} of frames, {nbytes.sum() / frames.sum() / 1000:.1f} kB {what} on average"
    blocks: list[Block] = [Text(said)]
    if subject.manifest.encoding == "jpeg" and subject.manifest.options.get("quality") is None:
        blocks.append(Text("The quality of each JPEG is chosen so that its luma has 40 dB or more (PSNR)."))
    decibels = sorted(subject.originals.decibels)
    if decibels:
        least, middle, most = (_decibels(decibels[at]) for at in (0, len(decibels) // 2, -1))
        blocks.append(
            Text(
                f"Measured: the luma of the first frame of {words.plural(len(decibels), 'clip')}, beside what decoding "
                f"the file again gives, has {least} to {most}, {middle} in the middle (PSNR)."
            )
        )
    caption = f"mean size of a clip's {'image and mask' if subject.manifest.pairs else 'frames'}, in kB"
    blocks.append(plots.stacked_histogram("kilobytes", caption, said, {"clips": each}, f"kB {what}"))
    return Section("bytes", "Bytes and quality", blocks)


def _decibels(value: float) -> str:
    return f"{value:.1f} dB" if value < math.inf else "no error"


def _rate(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def shared(subject: Subject) -> Section:
    """Return what splits share: groups, and identical content."""
    blocks: list[Block] = []
    groups = subject.table.group_by("group").aggregate([("split", "distinct"), ([], "count_all")])
    known = groups.filter(pc.is_valid(groups["group"]))
    several = [row for row in known.to_pylist() if len(row["split_distinct"]) > 1]
    if len(known):
        blocks.append(Text(f"{words.plural(len(known), 'group')}, {len(several):,} of them in more than one split"))
    if several:
        rows = [
            (row["group"], ", ".join(sorted(row["split_distinct"], key=split_order)), f"{row['count_all']:,}")
            for row in several[:_EXAMPLES]
        ]
        blocks.append(Table("groups in several splits", ("group", "splits", "clips"), _plain(rows)))
    found = find_shared_content(subject.storage, subject.manifest.version, _EXAMPLES)
    for kind, what, names in (
        (found.in_two_splits, "the frames of a clip of another split", "splits"),
        (found.under_two_labels, "all the frames of a clip of another class", "labels"),
    ):
        blocks.append(Text(f"{words.plural(kind.clips, 'clip')} with {what}" if kind.clips else f"No clip has {what}"))
        if kind.pairs:
            rows = [(*pair.clips, " / ".join(getattr(pair, names))) for pair in kind.pairs]
            blocks.append(Table(f"clips with {what}", ("clip", "shares with", names), _plain(rows), prose=True))
    blocks += alike(subject)
    return Section("shared", "What splits share", blocks)


def failures(subject: Subject) -> Section:
    """Return the rows of the listing that did not become clips."""
    if subject.run is None:
        return Section("failures", "Failures", [])
    ledger = read_ledger(subject.storage, subject.run)
    if not ledger:
        return Section("failures", "Failures", [Text("Every row of the listing became a clip.")])
    counts = Counter(failure.reason for failure in ledger)
    by_reason: dict[str, list[Failure]] = {}
    for failure in ledger:
        by_reason.setdefault(failure.reason, []).append(failure)
    rows = [
        (reason, f"{number:,}", failure.source or failure.clip_id or f"row {failure.row}", failure.message)
        for reason, number in counts.most_common()
        for failure in by_reason[reason][:3]
    ]
    said = f"{words.plural(len(ledger), 'row')} of the listing did not become a clip"
    caption = "up to three rows of each reason; all: clipmill failures"
    blocks: list[Block] = [
        Text(said),
        Table(caption, ("reason", "rows", "such as", "message"), _plain(rows), prose=True),
    ]
    first = first_frames_of(subject.build, ledger) if subject.build else []
    strips = [Strip(words.one_line(f"{row.source}: {row.reason}"), uri_of_jpeg(jpeg)) for row, jpeg in first]
    if strips:
        blocks.append(Sheet("first frames of videos that failed, where there is one", strips))
    return Section("failures", "Failures", blocks)


def history(subject: Subject) -> Section:
    """Return the versions, and what changed from one to the next."""
    shown = subject.versions[-_VERSIONS:]
    earlier = subject.versions[: -len(shown)]
    before = earlier[-1].name if earlier else None
    rows = []
    for version in shown:
        change = difference(subject.storage, before, version.name)
        when = time.strftime("%Y-%m-%d %H:%M", time.gmtime(version.time)) if version.published else "never"
        mark = " (current)" * version.current
        numbers = (f"{number:,}" for number in msgspec.structs.astuple(change))
        rows.append((words.version(version.name) + mark, when, *numbers))
        before = version.name
    names = ("version", "published (UTC)", *Difference.__struct_fields__)
    table = Table("clips and shards that changed since the version before", names, rows)
    return Section("versions", "Versions", [table, Text(_CHANGES)])


def _typed(name: str, value: Any) -> tuple[str, str]:
    option = _OPTIONS.get(name)
    return (name, str(value)) if option is None else (f"--{option.name}", option.typed(value))


def _column(subject: Subject, name: str) -> Any:
    return subject.table[name].to_numpy()


def _counted(caption: str, heading: str, counts: Counter[str] | dict[str, int], counted: str = "clips") -> Table:
    total = sum(counts.values())
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [(name, f"{number:,}", _share(number, total)) for name, number in most[:10]]
    more = f", the most frequent 10 of {len(most):,}" if len(most) > 10 else ""
    return Table(caption + more, (heading, counted, "share"), _plain(rows))


def _share(part: int, whole: int) -> str:
    return words.percent(part / whole) if whole else "0 %"


def _plain(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return rows with the unprintable characters of names escaped."""
    return [tuple(words.one_line(cell) for cell in row) for row in rows]
