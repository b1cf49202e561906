"""The lines of a build for people: what the listing holds, what the build will take, and its result."""

from __future__ import annotations

from collections.abc import Mapping

from clipmill import layout, listings
from clipmill.dataset.budgets import enough
from clipmill.dataset.history import Difference
from clipmill.dataset.publish import Outcome
from clipmill.estimate.census import Census
from clipmill.estimate.elsewhere import Elsewhere
from clipmill.estimate.estimate import Band, Estimate
from clipmill.estimate.forecast import Forecast
from clipmill.layout import SplitEntry
from clipmill.ledger import ABSENT, OUTSIDE_BUDGET, Failure, Reason
from clipmill.listings import lacking
from clipmill.listings.label_table import LabelTable
from clipmill.options import BuildOptions
from clipmill.pipeline.report import words
from clipmill.pipeline.report.remarks import left_alone, shared_content
from clipmill.shards.plan import hosts_served
from clipmill.storage import Storage, is_url

#: Up to this many failed clips are named; more are only counted.
_NAMED = 5
#: The share that --short-side 256 must save to be worth a line.
_WORTH = 0.25


def headline(census: Census, options: BuildOptions) -> str:
    """Return one line on what the listing holds."""
    names = [path.rstrip("/").rsplit("/", 1)[-1] for path in options.listing.listings]
    by_split = sorted(census.splits.items(), key=lambda item: layout.split_order(item[0]))
    facts = [words.plural(census.clips, "clip"), _labels(census.labels)]
    if len(by_split) > 1:
        facts.append("splits " + ", ".join(f"{split} {clips:,}" for split, clips in by_split))
    elif by_split:
        facts.append(f"split {by_split[0][0]}")
    if census.unlabelled and census.labels.names:
        facts.append(f"{words.plural(census.unlabelled, 'row')} without a label")
    if options.listing.label_lists:
        facts.append(f"{words.plural(census.several, 'clip')} with several labels")
    if census.bad_rows:
        facts.append("at least " * census.more_bad + words.plural(census.bad_rows, "bad row"))
    if census.ignored:
        facts.append(f"{words.plural(census.ignored, 'other item')} skipped")
    lines = [f"{' '.join(names)} ({options.listing.format}): {', '.join(facts)}"]
    if census.there:
        lines.append(f"--limit {options.listing.limit} takes of {words.plural(census.there, 'row')} with a video there")
    lines += filter(None, [listings.taken_as(options.listing), *census.labels.notes])
    if options.listing.draws_similar:
        lines.append("these splits are by group; the final ones are drawn after decoding, with similar clips together")
    for split, classes in lacking(options.listing, census.cuts).items():
        few = f"{', '.join(name or 'clips without a label' for name in classes[:3])}{', ...' * (len(classes) > 3)}"
        lines.append(f"{split} has nothing of {words.plural(len(classes), 'class')} with too few groups: {few}")
    return "\n".join(lines)


def by_name(elsewhere: Elsewhere) -> str:
    """Return one line on the videos that are not where their rows say."""
    video, path = next(iter(elsewhere.paths.items()))
    count = f"{len(elsewhere.paths):,} of {words.plural(elsewhere.looked_for, 'video')}"
    return f"{count} found by name, as {words.one_line(video)} at {words.one_line(path)}"


def _labels(labels: LabelTable) -> str:
    classes, last = len(labels.names) - len(labels.holes), len(labels.names) - 1
    if not classes:
        return "no labels"
    if labels.holes:
        unused = f"of which {words.plural(len(labels.holes), 'number')} are unused"
        return f"{words.plural(classes, 'class')}, labels 0..{last} as the listing has them, {unused}"
    return "1 class, label 0" if classes == 1 else f"{words.plural(classes, 'class')}, labels 0..{last}"


def expectation(expected: Estimate, storage: Storage) -> str:
    """Return one line on what a build will take, and a second one on what smaller frames would save."""
    if expected.missing == 1:
        return f"all of {words.plural(expected.sampled, 'video')} that were looked for are missing"
    facts = [f"about {words.about(expected.frames.value)} frames", f"{words.size(expected.bytes.value)} out"]
    if expected.held:
        facts[-1] += f" ({words.percent(expected.held)} there already)"
    facts.append(f"{words.size(expected.peak_bytes)} at the peak")
    free = storage.free()
    if free is not None:
        facts.append(f"{words.size(free)} free")
    if expected.missing:
        facts.append(f"{words.percent(expected.missing)} of the videos missing")
    return ", ".join(facts) + _smaller(expected, "\n")


def _smaller(expected: Estimate, before: str) -> str:
    if not expected.smaller_bytes or expected.smaller_bytes > (1 - _WORTH) * expected.bytes.value:
        return ""
    return f"{before}{words.size(expected.smaller_bytes)} with --short-side 256"


def study(census: Census, expected: Estimate, forecast: Forecast, options: BuildOptions, storage: Storage) -> str:
    """Return what a build will take, a line each, with the error that each figure may have."""
    free = storage.free()
    rows = [("clips", f"{census.clips:,}")]
    if expected.missing:
        rows.append(("missing", _missing(expected.missing, census, options)))
    rows += [
        *_reuse(forecast),
        ("frames", _frames(expected.frames)),
        ("size", _band(expected.bytes, words.size(expected.bytes.value)) + _smaller(expected, ", ")),
        ("peak on disk", words.size(expected.peak_bytes) + ("" if free is None else f", {words.size(free)} free")),
        ("shards", _shards(expected.split_shards)),
        (
            "time here",
            f"{_band(expected.minutes, words.clock(60 * expected.minutes.value))}, "
            f"{words.plural(options.workers, 'worker')}",
        ),
        (
            "in a cloud",
            f"{_band(expected.dollars, _dollars(expected.dollars.value))}: cores like these, "
            f"${expected.dollars_per_core_hour:g} an hour, no disks",
        ),
        ("seen", f"{words.plural(expected.sampled, 'clip')}; frames of {expected.encoded:,} were encoded"),
    ]
    return words.block(rows)


def _missing(share: float, census: Census, options: BuildOptions) -> str:
    """Return the share of the videos that are missing, and whether a build will refuse for that."""
    units = census.clips + census.bad_rows
    absent = round(share * census.clips) + census.bad_rows
    if absent <= options.max_missing.limit(units):
        return words.percent(share)
    return f"{words.percent(share)}: a build refuses so many; it goes on with --max-missing {enough(absent, units)}"


def _frames(frames: Band) -> str:
    return _band(frames, words.about(frames.value)) if frames.error else f"{frames.value:,.0f}"


def _band(band: Band, shown: str) -> str:
    error = round(100 * band.error / band.value) if band.value else 0
    return f"{shown} (+-{error} %)" if error else shown


def _shards(by_split: Mapping[str, int]) -> str:
    """Return how many shards each split will have, and for how many training hosts they are enough."""
    splits = sorted(by_split.items(), key=lambda item: layout.split_order(item[0]))
    hosts = {split: words.plural(hosts_served(shards), "training host") for split, shards in splits}
    if len(splits) == 1:
        return f"about {words.about(splits[0][1])}, enough for {hosts[splits[0][0]]}"
    return "about " + ", ".join(f"{split} {words.about(shards)} (for {hosts[split]})" for split, shards in splits)


def _dollars(number: float) -> str:
    return f"${number:,.2f}" if number >= 0.01 or not number else "under $0.01"


def _reuse(forecast: Forecast) -> list[tuple[str, str]]:
    if not forecast.published:
        return []
    gone = f", of which the listing lacks {forecast.gone:,}" if forecast.gone else ""
    why = f", since {', '.join(forecast.changed)}" if forecast.changed else ""
    return [
        ("published", f"{words.plural(forecast.published, 'clip')}{gone}"),
        ("reused", words.plural(forecast.held, "clip")),
        ("to decode", f"{words.plural(forecast.new, 'clip')}{why}"),
    ]


def since(change: Difference, before: str, clips: int) -> str:
    """Return what a build changed against the version published before it, in one line.

    Args:
        clips: how many there are now.
    """
    counts = {
        "added": change.added,
        "removed": change.removed,
        "with other frames": change.changed,
        "relabelled": change.relabelled,
        "in another split": change.moved,
    }
    said = [f"{number:,} {what}" for what, number in counts.items() if number]
    kept = clips - change.added - change.changed
    said += [f"{kept:,} taken over"] if kept else []
    return f"since {words.version(before)}: clips {', '.join(said)}"


def refusal(outcome: Outcome, options: BuildOptions) -> str:
    """Return why a run published nothing, with the first row that it could not take."""
    # Messages of workers have the output's whole path; show it as the user typed it.
    message = outcome.message.replace(options.out, words.place(options.out))
    outside = {reason.value for reason in OUTSIDE_BUDGET}
    first = next((failure for failure in outcome.first_failures if failure.reason not in outside), None)
    if first is None:
        return message
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} The first: {_named(first)}"


def closing(outcome: Outcome, splits: Mapping[str, SplitEntry], options: BuildOptions, seconds: float) -> str:
    """Return the result of a run that went well: a table of the splits, where it is, and what is not in it."""
    out = words.place(options.out)
    version = words.version(outcome.version or "")
    clips = words.plural(outcome.clips, "clip")
    lines = []
    if not outcome.changed:
        lines.append(f"{clips}: nothing changed, {out} stays at {version}")
    else:
        if len(splits) > 1:
            lines.append(_table(splits))
        current = out if is_url(options.out) else f"{out}/latest"
        lines.append(
            f"{clips} in {words.plural(outcome.shards, 'shard')}, {words.plural(outcome.frames, 'frame')}, "
            f"{words.size(outcome.bytes)} in {words.clock(seconds)} -> {current} ({version})"
        )
    shared = shared_content(outcome.shared, f"clipmill inspect {out} --json")
    alone = left_alone(outcome.hdr, outcome.hdr_first, outcome.oblong)
    return "\n".join([*lines, *_ranges(outcome, options), *alone, *shared, *not_made(outcome, out)])


def _ranges(outcome: Outcome, options: BuildOptions) -> list[str]:
    """Return a line on how the listing's times were used."""
    facts = []
    if outcome.trimmed:
        facts.append(f"{words.plural(outcome.trimmed, 'file')} taken as cut already")
    if outcome.ranged:
        facts.append(f"{words.plural(outcome.ranged, 'range')} taken out of longer files")
    return [f"{', '.join(facts)} (--trimmed {options.trimmed})"] if facts else []


def _table(splits: Mapping[str, SplitEntry]) -> str:
    rows = [("split", "clips", "frames", "size", "shards")]
    for split, entry in sorted(splits.items(), key=lambda item: layout.split_order(item[0])):
        size = words.size(entry.bytes)
        rows.append((split, f"{entry.clips:,}", f"{entry.frames:,}", size, f"{len(entry.shards):,}"))
    return words.table(rows)


def not_made(outcome: Outcome, out: str) -> list[str]:
    """Return lines on the rows that did not become clips: failed, missing, and left out on purpose."""
    outside, absent = {reason.value for reason in OUTSIDE_BUDGET}, {reason.value for reason in ABSENT}
    merged = {Reason.MERGED.value}
    failed = {reason: n for reason, n in outcome.failed.items() if reason not in outside | absent}
    lines = []
    for group, what in (
        (failed, "failed"),
        (absent, "missing or bad"),
        (outside - merged, "left out"),
        (merged, "merged"),
    ):
        counts = {reason: n for reason, n in outcome.failed.items() if reason in group}
        shown = [failure for failure in outcome.first_failures if failure.reason in counts]
        if counts:
            lines += _group(what, counts, shown)
    if lines:
        lines[-1] += f" (clipmill failures {out})"
    return lines


def _group(what: str, counts: Mapping[str, int], shown: list[Failure]) -> list[str]:
    total = sum(counts.values())
    if list(counts) == [Reason.MISSING]:
        what = "missing"
    if total == 1:
        return [f"1 {what}: {_named(shown[0])}"]
    if total <= _NAMED:
        return [f"{total} {what}:", *(f"  {_named(failure)}" for failure in shown)]
    each = ", ".join(f"{n:,} {reason}" for reason, n in counts.items())
    return [f"{total:,} {what}" if each == f"{total:,} {what}" else f"{total:,} {what}: {each}"]


def _named(failure: Failure) -> str:
    source = failure.source.rsplit("/", 1)[-1] or f"{words.place(failure.listing)}:{failure.row}"
    return words.one_line(f"{source}, {failure.message}")
