"""clipmill build and clipmill plan: from the options to a published version."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata

import msgspec

from clipmill import __version__, layout
from clipmill.dataset.budgets import MOST_CHANGED
from clipmill.dataset.history import difference
from clipmill.dataset.leftovers import remove_leftovers
from clipmill.dataset.publish import OUTCOME, Outcome
from clipmill.dataset.run_lock import live_run
from clipmill.errors import DataError, ListingError, NoSuchDataset, StorageError, TryAgain, UsageError
from clipmill.estimate.census import Census, rows_of, take_census
from clipmill.estimate.elsewhere import MOST_ROWS, look_elsewhere
from clipmill.estimate.estimate import Estimate, estimate
from clipmill.estimate.forecast import Foresight, Population, survey
from clipmill.leaks.found import kept_leaks
from clipmill.options import BuildOptions
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.output_folder import check_out
from clipmill.pipeline.report import logs, words
from clipmill.pipeline.report.progress import Line, Progress
from clipmill.pipeline.report.remarks import alike_between_splits
from clipmill.pipeline.report.summary import by_name, closing, expectation, headline, refusal, since, study
from clipmill.pipeline.report.summary_file import Summary, outcome_fields
from clipmill.pipeline.runners import Runner
from clipmill.storage import Storage, open_storage
from clipmill.video.decoder_version import check_decoder
from clipmill.workers.confinement import confinement, known
from clipmill.workers.shared_pool import children, close_children

#: Clips looked at, and clips of which frames are encoded, before a build and for a plan.
_GLANCE = (200, 8)
_STUDY = (1000, 50)
#: New clips that a build opens where the disk has room for so many times of what they tell.
_FIRST = 40
_AMPLE = 8
#: Two versions are compared at the end of a build where they have no more clips than this: some 500 MB of rows.
_COMPARED = 500_000


def build(
    options: BuildOptions,
    make_runner: Callable[[], Runner],
    beam_words: Sequence[str],
    summary: Summary,
    *,
    as_json: bool,
    anyway: bool = False,
) -> int:
    """Build and publish; returns the exit code.

    Args:
        make_runner: called once the listing is told of, since Beam takes seconds to load.
        summary: gets the counters and the outcome.
        anyway: go on where the disk looks too small.

    Raises:
        UsageError: the listing or the output is wrong, or the disk is too small.
        ClipmillError: whatever else ends a run.
    """
    check_decoder()
    storage = open_storage(options.out)
    check_out(storage)
    census = take_census(options, _GLANCE[0])
    check_census(census, options)
    say = logs.say if logs.is_json() or not as_json else _say_nothing
    say("listing", headline(census, options), {"clips": census.clips, "splits": census.splits})
    elsewhere = look_elsewhere(census, options)
    if elsewhere.paths:
        say("found", by_name(elsewhere), {"found": len(elsewhere.paths), "looked_for": elsewhere.looked_for})
    runner = make_runner()
    runner.check(build_job(options, None))
    # Children may write in this folder alone, so it must be there before them.
    new = storage.disk is not None and not os.path.isdir(storage.root)
    if new:
        os.makedirs(storage.root)
    try:
        expected, changed = _glance(storage, options, census, elsewhere.paths)
        say("estimate", expectation(expected, storage), expected)
        if changed:
            say("anew", f"everything is decoded again, since {', '.join(changed)}", {"changed": changed})
        short = _short_of_disk(expected, storage)
        if short and not anyway:
            raise UsageError(short)
        if short:
            say("disk", f"{short}. Going on all the same (--yes)", {"peak_bytes": expected.peak_bytes})
        if options.max_change is None and not changed and not anyway:
            options = msgspec.structs.replace(options, max_change=MOST_CHANGED)
        began = time.monotonic()
        with live_run(storage, options.run):
            # Read only now: before a run is announced, gc may delete the version.
            base = layout.current_version(storage)
            outcome = _run(storage, options, base, runner, beam_words, census, summary)
            if not outcome.code:
                remove_leftovers(storage, open_storage(options.videos), options.run)
    finally:
        close_children()
        if new:
            with contextlib.suppress(OSError):
                os.rmdir(storage.root)  # what was refused leaves nothing
    summary.note_outcome(outcome)
    if as_json:
        print(msgspec.json.encode(outcome).decode())
    if not outcome.code:
        splits = layout.read_manifest(storage, outcome.version).splits
        _say_change(storage, outcome, say)
        if options.signs and outcome.version:
            found = kept_leaks(storage, outcome.version)
            lines = alike_between_splits(found, f"clipmill leaks {words.place(options.out)}")
            say("leaks", "\n".join(lines), found and found.counts)
        say("outcome", closing(outcome, splits, options, time.monotonic() - began), outcome_fields(outcome))
    message = refusal(outcome, options)
    if outcome.code == TryAgain.exit_code:
        raise TryAgain(message)
    if outcome.code:
        raise DataError(message)
    return 0


def plan(options: BuildOptions, *, as_json: bool) -> int:
    """Say what a build would take; writes nothing."""
    check_decoder()
    storage = open_storage(options.out)
    check_out(storage, writes=False)
    census = take_census(options, _STUDY[0])
    check_census(census, options)
    if not as_json:
        print(
            "\n".join([words.lines(headline(census, options)), *map(words.one_line, census.bad_examples)]), flush=True
        )
    if not census.clips:
        raise DataError(f"all of {words.plural(census.bad_rows, 'row')} are bad, as {census.bad_examples[0]}")
    elsewhere = look_elsewhere(census, options)
    if elsewhere.paths and not as_json:
        print(by_name(elsewhere), flush=True)
    # Every row where looking is cheap, else a sample.
    every = open_storage(options.videos).local and (not elsewhere.paths or census.clips <= MOST_ROWS)
    foresight, population = _look(storage, options, census, elsewhere.paths, _STUDY[0], every=every)
    forecast = foresight.forecast(population)
    try:
        pool = children(options, writes=False)
        shards = forecast.rewritten
        expected = estimate(census, options, pool, population, shards, encode=_STUDY[1], elsewhere=elsewhere.paths)
    finally:
        close_children()
    if as_json:
        plain = msgspec.to_builtins(census) | msgspec.to_builtins(expected) | {"free_bytes": storage.free()}
        plain |= {"classes": census.labels.names}
        for held in ("sample", "limited", "labels", "cuts", "repeats"):
            del plain[held]
        print(msgspec.json.encode(plain | {"forecast": forecast}).decode())
    else:
        print(words.lines(study(census, expected, forecast, options, storage)))
    return 0


def _say_change(storage: Storage, outcome: Outcome, say: Callable[..., None]) -> None:
    """Print what changed since the version before, if there is one and its clips fit in memory."""
    before, after = outcome.before, outcome.version
    if not outcome.changed or before is None or after is None or outcome.clips > _COMPARED:
        return
    with contextlib.suppress(NoSuchDataset, FileNotFoundError):  # gc may have taken it meanwhile
        change = difference(storage, before, after)
        say("change", since(change, before, outcome.clips), msgspec.structs.asdict(change))


def _say_nothing(event: str, text: str, fields: object = None) -> None:
    """Print nothing: with --json, standard output holds only the outcome."""


def _look(
    storage: Storage,
    options: BuildOptions,
    census: Census,
    elsewhere: Mapping[str, str],
    sample: int,
    *,
    every: bool,
) -> tuple[Foresight, Population]:
    """Look up what is known of every row, or of the census's sample; starts again if gc removes a version meanwhile."""
    base = layout.current_version(storage)
    try:
        foresight = Foresight(options, base, None if every else {row.video for row in census.sample}, elsewhere)
    except (NoSuchDataset, FileNotFoundError):
        if layout.current_version(storage) == base:
            raise
        return _look(storage, options, census, elsewhere, sample, every=every)
    rows = rows_of(options, census) if every else census.sample
    return foresight, survey(foresight.look(rows), census.clips, sample)


def _glance(
    storage: Storage, options: BuildOptions, census: Census, elsewhere: Mapping[str, str]
) -> tuple[Estimate, list[str]]:
    """Estimate what a build will take; also return why all published clips are decoded again, if they are."""
    foresight, population = _look(storage, options, census, elsewhere, _GLANCE[0], every=False)
    rewritten = foresight.forecast(population).rewritten
    # The few of a sample that are there say little of all: look for the others.
    if population.missing > len(population.sample) and open_storage(options.videos).local and census.clips <= MOST_ROWS:
        _, population = _look(storage, options, census, elsewhere, _GLANCE[0], every=True)
    # The run that follows goes on with these children.
    pool = children(options)

    def expect(opened: int) -> Estimate:
        glance = {"opened": opened, "encode": _GLANCE[1], "frames": 4}
        return estimate(census, options, pool, population, rewritten, **glance, elsewhere=elsewhere)

    expected, free = expect(_FIRST), storage.free()
    if free is not None and free < _AMPLE * max(expected.peak_bytes, expected.bytes.value):
        expected = expect(_GLANCE[0])
    return expected, foresight.changed()


def _run(
    storage: Storage,
    options: BuildOptions,
    base: str | None,
    runner: Runner,
    beam_words: Sequence[str],
    census: Census,
    summary: Summary,
) -> Outcome:
    _write_run(storage, options, beam_words)
    line = Line()
    show = logs.progress() if logs.is_json() else Progress(census.clips, line).paint

    def paint(counts: dict[str, int]) -> None:
        summary.counts = counts
        show(counts)

    try:
        runner.run(build_job(options, base), beam_words, paint)
    except StorageError as error:
        raise StorageError(f"{error} ({_standing(storage, base)})") from error
    finally:
        line.close()
    return msgspec.json.decode(storage.read(layout.run_path(options.run, OUTCOME)), type=Outcome)


def _standing(storage: Storage, base: str | None) -> str:
    """Describe what a storage error leaves behind."""
    kept = "what was decoded is kept for the next run"
    try:
        now = layout.current_version(storage)
    except StorageError:
        return kept
    return f"nothing was published, and {kept}" if now == base else f"{now} is published; run it again to end it"


def check_census(census: Census, options: BuildOptions) -> None:
    """Raise for a listing without a clip or a bad row."""
    if census.clips or census.bad_rows:
        return
    if census.example:
        raise UsageError(
            f"--include {options.listing.include}: matches no video; their paths look like {census.example}"
        )
    raise ListingError(f"{', '.join(map(words.place, options.listing.listings))}: this listing has no clips")


def _short_of_disk(expected: Estimate, storage: Storage) -> str:
    """Return in words that the output's disk is too small, and what takes the most; "" where it is not."""
    free = storage.free()
    if free is None or expected.peak_bytes <= free:
        return ""
    # What an interrupted run has decoded is on the disk already.
    needed = expected.peak_bytes - sum(stat.size for _, stat in storage.list("work/fragments"))
    if needed <= free:
        return ""
    largest = [f"{video.video} ({video.frames:,.0f} frames, {words.size(video.bytes)})" for video in expected.largest]
    named = f"The largest of {expected.sampled:,} clips looked at: {', '.join(largest)}. " if largest else ""
    return (
        f"--out {words.place(storage.root)}: needs about {words.size(needed)} at the peak and has "
        f"{words.size(free)} free. {named}Store less with --short-side, --every or --quality, take smaller shards "
        "with --shard-mb, choose another disk, or go on all the same with --yes"
    )


def _write_run(storage: Storage, options: BuildOptions, beam_words: Sequence[str]) -> None:
    """Write what was typed, when, and with which libraries: for people, never read by a build."""
    libraries = ("apache-beam", "av", "opencv-python-headless", "numpy", "pillow", "pyarrow", "simplejpeg", "obstore")
    run = {
        "command": sys.argv,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": sys.version.split()[0],
        "clipmill": __version__,
        "libraries": {name: _installed(name) for name in libraries},
        "children": _confined(options),
        "options": msgspec.to_builtins(options),
        "beam_options": list(beam_words),
    }
    path = layout.run_path(options.run, "run.json")
    storage.put(path, msgspec.json.format(msgspec.json.encode(run), indent=1) + b"\n")


def _confined(options: BuildOptions) -> str:
    """Describe how this machine confines children that decode."""
    confined = confinement(options.videos, options.out)
    if confined is None:
        return "not confined"
    network = "sockets, " if confined.network else ""
    return f"may open {network}what is read, and write in {', '.join(confined.writable)} alone ({known()})"


def _installed(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:  # OpenCV comes under several names
        return None
