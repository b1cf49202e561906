"""clipmill build and clipmill plan: from the words to a published version, and what a person sees of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import msgspec

from clipmill import layout
from clipmill.census import Band, Census, Estimate, estimate, rows_of, take_census
from clipmill.errors import DataError, TryAgain, UsageError
from clipmill.foresight import Forecast, Foresight
from clipmill.ledger import OUTSIDE_BUDGET, Failure
from clipmill.leftovers import remove_leftovers
from clipmill.live import live_run
from clipmill.options import BuildOptions
from clipmill.publish import OUTCOME, Outcome
from clipmill.storage import Storage, is_url, open_storage
from pipeline import words
from pipeline.progress import Progress, clock
from pipeline.runners import Runner
from transforms.children import children, close_children

#: Clips looked at, and clips of which frames are encoded, before a build and for a plan.
_GLANCE = (200, 8)
_STUDY = (1000, 50)
_SHOWN = 5


def build(options: BuildOptions, runner: Runner, beam_words: Sequence[str], *, as_json: bool) -> int:
    """Build and publish; returns the exit code.

    Raises:
        UsageError: the listing is wrong, or the disk is too small.
        ClipmillError: whatever else ends a run.
    """
    runner.check(options)
    storage = open_storage(options.out)
    base = layout.current_version(storage)
    census = take_census(options, _GLANCE[0])
    try:
        expected = _glance(options, base, census)
        if not as_json:
            print(headline(census, options))
            print(_expectation(expected, storage))
        _check_disk(expected, storage)
        began = time.monotonic()
        with live_run(storage, options.run):
            _write_run(storage, options, beam_words)
            progress = Progress(census.clips)
            try:
                runner.run(options, base, beam_words, progress.paint)
            finally:
                progress.close()
            outcome = msgspec.json.decode(storage.read(layout.run_path(options.run, OUTCOME)), type=Outcome)
            if not outcome.code:
                remove_leftovers(storage, open_storage(options.videos), options.run)
    finally:
        close_children()
    if as_json:
        print(msgspec.json.encode(outcome).decode())
    elif not outcome.code:
        print(closing(outcome, options, time.monotonic() - began))
    if outcome.code == TryAgain.exit_code:
        raise TryAgain(outcome.message)
    if outcome.code:
        raise DataError(outcome.message)
    return 0


def plan(options: BuildOptions, *, as_json: bool) -> int:
    """Say what a build would take; writes nothing."""
    storage = open_storage(options.out)
    base = layout.current_version(storage)
    census = take_census(options, _STUDY[0])
    # Every row where looking is cheap, else a sample.
    every = open_storage(options.videos).local and options.listing.limit is None
    foresight = Foresight(options, base, None if every else {row.source for row in census.sample})
    forecast = foresight.forecast(foresight.look(rows_of(options, census) if every else census.sample), census.clips)
    foreseen = list(foresight.look(census.sample))
    try:
        pool = children(options.workers, options.timeout)
        expected = estimate(census, options, pool, foreseen, forecast.rewritten, encode=_STUDY[1])
    finally:
        close_children()
    if as_json:
        plain = msgspec.to_builtins(census) | msgspec.to_builtins(expected) | {"free_bytes": storage.free()}
        plain.pop("sample")
        print(msgspec.json.encode(plain | {"forecast": forecast}).decode())
        return 0
    print(headline(census, options))
    print(_study(census, expected, forecast, options, storage))
    return 0


def _glance(options: BuildOptions, base: str | None, census: Census) -> Estimate:
    foresight = Foresight(options, base, {row.source for row in census.sample})
    foreseen = list(foresight.look(census.sample))
    rewritten = foresight.forecast(foreseen, census.clips).rewritten
    # The run that follows goes on with these children.
    pool = children(options.workers, options.timeout)
    return estimate(census, options, pool, foreseen, rewritten, encode=_GLANCE[1], frames=4)


def headline(census: Census, options: BuildOptions) -> str:
    """What the listing holds, in one line."""
    names = [path.rstrip("/").rsplit("/", 1)[-1] for path in options.listing.listings]
    splits = ", ".join(
        f"{split} {clips:,}" if len(census.splits) > 1 else split
        for split, clips in sorted(census.splits.items(), key=lambda item: layout.split_order(item[0]))
    )
    labels = f", labels 0..{len(census.classes) - 1}" if census.classes else ""
    bad = f", {words.plural(census.bad_rows, 'bad row')}" if census.bad_rows else ""
    return (
        f"{' '.join(names)} ({options.listing.format}): {words.plural(census.clips, 'clip')}, "
        f"{words.plural(len(census.classes), 'class')}, {'split' if len(census.splits) == 1 else 'splits'} "
        f"{splits or 'none'}{labels}{bad}"
    )


def _expectation(expected: Estimate, storage: Storage) -> str:
    free = storage.free()
    space = "" if free is None else f", {words.size(free)} free"
    missing = f", {100 * expected.missing:.2g} % of the videos missing" if expected.missing else ""
    held = f" ({100 * expected.held:.3g} % there already)" if expected.held else ""
    return (
        f"about {words.about(expected.frames.value)} frames, {words.size(expected.bytes.value)} out{held}, "
        f"{words.size(expected.peak_bytes)} at the peak{space}{missing}"
    )


def _study(census: Census, expected: Estimate, forecast: Forecast, options: BuildOptions, storage: Storage) -> str:
    def band(band: Band, show: str) -> str:
        return f"{show}  (+- {100 * band.error / band.value:.0f} %)" if band.value else show

    free = storage.free()
    hosts = max(1, expected.shards // 10)
    rows = [
        ("clips", f"{census.clips:,}"),
        ("missing", f"{100 * expected.missing:.2g} %"),
        *_reuse(forecast),
        ("frames", band(expected.frames, words.about(expected.frames.value))),
        ("out", band(expected.bytes, words.size(expected.bytes.value))),
        ("peak on disk", words.size(expected.peak_bytes) + ("" if free is None else f", {words.size(free)} free")),
        ("shards", f"{expected.shards:,}, enough for {words.plural(hosts, 'training host')}"),
        (
            "time here",
            band(expected.minutes, clock(60 * expected.minutes.value))
            + f" with {words.plural(options.workers, 'worker')}",
        ),
        ("in a cloud", band(expected.dollars, f"${expected.dollars.value:,.2f}") + " of Dataflow cores"),
    ]
    width = max(len(name) for name, _ in rows)
    text = "\n".join(f"  {name.ljust(width)}  {value}" for name, value in rows)
    return f"{text}\n  from {expected.sampled:,} clips looked at and {expected.encoded} of which frames were encoded"


def _reuse(forecast: Forecast) -> list[tuple[str, str]]:
    if not forecast.published:
        return []
    gone = f", of which the listing lacks {forecast.gone:,}" if forecast.gone else ""
    why = f", since {', '.join(forecast.changed_options)}" if forecast.changed_options else ""
    return [
        ("published", f"{words.plural(forecast.published, 'clip')}{gone}"),
        ("reused", words.plural(forecast.held, "clip")),
        ("to decode", f"{words.plural(forecast.new, 'clip')}{why}"),
    ]


def _check_disk(expected: Estimate, storage: Storage) -> None:
    free = storage.free()
    if free is not None and expected.peak_bytes > free:
        raise UsageError(
            f"--out {storage.root}: needs about {words.size(expected.peak_bytes)} at the peak and has "
            f"{words.size(free)} free. Store less with --short-side, --every or --quality, or choose another disk"
        )


def _write_run(storage: Storage, options: BuildOptions, beam_words: Sequence[str]) -> None:
    """What was typed, when, and with which libraries: for people, never read by a build."""
    from importlib import metadata

    libraries = ("apache-beam", "av", "opencv-python-headless", "numpy", "pyarrow", "simplejpeg", "obstore")
    run = {
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": sys.version.split()[0],
        "clipmill": metadata.version("clipmill"),
        "libraries": {name: metadata.version(name) for name in libraries},
        "options": msgspec.to_builtins(options),
        "beam_options": list(beam_words),
    }
    path = layout.run_path(options.run, "run.json")
    storage.put(path, msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def closing(outcome: Outcome, options: BuildOptions, seconds: float) -> str:
    """The closing lines of a run that went well."""
    clips = words.plural(outcome.clips, "clip")
    if not outcome.changed:
        lines = [f"{clips}: nothing changed, {words.place(options.out)} stays at {outcome.version}"]
    else:
        out = words.place(options.out)
        current = out if is_url(options.out) else f"{out}/latest"
        lines = [
            f"{clips} in {words.plural(outcome.shards, 'shard')}, {outcome.frames:,} frames, "
            f"{words.size(outcome.bytes)} in {clock(seconds)} -> {current} ({outcome.version})"
        ]
    failed = {reason: n for reason, n in outcome.failed.items() if reason not in {r.value for r in OUTSIDE_BUDGET}}
    left_out = {reason: n for reason, n in outcome.failed.items() if reason not in failed}
    if failed:
        lines.append(_failed_line(failed, outcome, options))
    if left_out:
        counts = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
        lines.append(f"left out: {counts} (clipmill failures {words.place(options.out)})")
    return "\n".join(lines)


def _failed_line(failed: dict[str, int], outcome: Outcome, options: BuildOptions) -> str:
    see = f"(clipmill failures {words.place(options.out)})"
    shown = [failure for failure in outcome.first_failures if failure.reason in failed]
    total = sum(failed.values())
    if total <= _SHOWN:
        lines = [f"{total} failed: " + _named(shown[0]) if total == 1 else f"{total} failed:"]
        if total == 1:
            return f"{lines[0]} {see}"
        return "\n".join([f"{total} failed {see}:", *(f"  {_named(failure)}" for failure in shown)])
    counts = ", ".join(f"{n:,} {reason}" for reason, n in failed.items())
    return f"{total:,} failed: {counts} {see}"


def _named(failure: Failure) -> str:
    source = failure.source.rsplit("/", 1)[-1] or f"{words.place(failure.listing)}:{failure.row}"
    return f"{source}, {failure.message}"
