"""Counters that workers elsewhere write to the run's folder."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import msgspec
import pytest

from clipmill.layout import run_path
from clipmill.options import BuildOptions, ListingOptions
from clipmill.storage import open_storage
from clipmill.transforms import counters


@pytest.fixture
def options(tmp_path: Path) -> BuildOptions:
    return BuildOptions(ListingOptions(("listing",)), str(tmp_path), "run", tell_seconds=1000.0)


def _worker(options: BuildOptions, frames: int) -> None:
    counters.reset()
    for _ in range(frames):
        counters.count("frames")
    counters.count("spans")
    counters.tell(options, last=True)


def test_what_workers_tell_is_added_up(options: BuildOptions) -> None:
    spawn = multiprocessing.get_context("spawn")
    told = counters.Told(options.out, run_path(options.run, "counts"))
    assert told.counts() == {}
    for frames in (5, 7):
        worker = spawn.Process(target=_worker, args=(options, frames))
        worker.start()
        worker.join()
        assert worker.exitcode == 0
    assert told.counts() == {"frames": 12, "spans": 2}
    told.forget()
    assert list(open_storage(options.out).list()) == []
    assert told.counts() == {"frames": 12, "spans": 2}, "the last that was seen stays"


def test_telling_waits_its_time(options: BuildOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    counters.reset()
    monkeypatch.setattr(counters, "_told_at", 0.0)
    monkeypatch.setattr(counters.time, "monotonic", lambda: 5000.0)
    told = counters.Told(options.out, run_path(options.run, "counts"))
    counters.count("frames")
    counters.tell(options)
    counters.count("frames")
    counters.tell(options)
    assert told.counts() == {"frames": 1}
    counters.tell(options, last=True)
    assert told.counts() == {"frames": 2}
    counters.count("frames")
    counters.tell(msgspec.structs.replace(options, tell_seconds=0.0), last=True)
    assert told.counts() == {"frames": 2}, "the local runner's workers tell nothing"
    counters.reset()
