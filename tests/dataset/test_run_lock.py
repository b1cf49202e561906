"""Runs that are at work in one output at the same time, and what is left of those that died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from places import ROOT
from remote import Remote

from clipmill.dataset import run_lock
from clipmill.dataset.leftovers import WEEK, remove_leftovers
from clipmill.dataset.run_lock import alone, live_run, others, sweeping
from clipmill.errors import StorageError, TryAgain
from clipmill.storage import LocalStorage, Storage


@pytest.fixture(params=["local", "remote"])
def out(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    folder = tmp_path / "out"
    return LocalStorage(str(folder)) if request.param == "local" else Remote(folder)


def is_alone(storage: Storage, run: str) -> bool:
    with alone(storage, run) as nobody_else:
        return nobody_else


def test_runs_see_each_other_and_not_themselves(out: Storage) -> None:
    with live_run(out, "a"):
        assert others(out, "a") == [] and is_alone(out, "a")
        with live_run(out, "b"):
            assert others(out, "a") == ["b"] and others(out, "b") == ["a"]
            assert not is_alone(out, "a")
        assert is_alone(out, "a")
    assert out.children("work/live") == ((), ())


def test_a_run_that_was_killed_is_not_live(tmp_path: Path) -> None:
    out = LocalStorage(str(tmp_path))
    program = (
        "import time; from clipmill.dataset.run_lock import live_run; from clipmill.storage import open_storage\n"
        f"with live_run(open_storage({str(tmp_path)!r}), 'other'): print('here', flush=True); time.sleep(60)"
    )
    root = str(ROOT)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": root}
    )
    assert process.stdout is not None and process.stdout.readline() == b"here\n"
    assert others(out, "me") == ["other"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert others(out, "me") == []
    assert out.children("work/live")[1] == ("other",)
    assert is_alone(out, "me")
    assert out.children("work/live")[1] == ()


def test_on_object_stores_silence_is_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Remote(tmp_path)
    out.put(f"{run_lock.LIVE}/other", b"")
    assert others(out, "me") == ["other"]
    stale = time.time() - 2 * run_lock._DEAD
    os.utime(out.path(f"{run_lock.LIVE}/other"), (stale, stale))
    assert others(out, "me") == []
    monkeypatch.setattr(run_lock, "_BEAT", 0.01)
    with live_run(out, "other"):
        os.utime(out.path(f"{run_lock.LIVE}/other"), (stale, stale))
        time.sleep(0.2)
        assert others(out, "me") == ["other"]


def test_nothing_is_swept_while_a_run_is_live(out: Storage) -> None:
    with live_run(out, "a"), pytest.raises(TryAgain, match="a is at work here"), sweeping(out, "b"):
        pass
    with sweeping(out, "b"):
        pass
    assert out.children("work/live") == ((), ())


def test_no_run_begins_while_something_is_swept(out: Storage) -> None:
    began = threading.Event()

    def begin() -> None:
        with live_run(out, "a"):
            began.set()

    with sweeping(out, "b"):
        if out.local:
            thread = threading.Thread(target=begin)
            thread.start()
            assert not began.wait(0.3)
        else:
            with pytest.raises(TryAgain, match="gc is at work here"):
                begin()
    if out.local:
        assert began.wait(10)
        thread.join()


def test_how_a_run_ended_is_not_hidden_by_its_marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = LocalStorage(str(tmp_path))

    def fails(path: str) -> None:
        raise StorageError("no")

    with pytest.raises(ValueError, match="why"), live_run(out, "a"):
        monkeypatch.setattr(out, "delete", fails)
        raise ValueError("why")


def leave(out: LocalStorage, path: str, age: float) -> str:
    out.put(path, b"x")
    stamp = time.time() - age
    os.utime(out.path(path), (stamp, stamp))
    return path


def left(out: LocalStorage, paths: list[str]) -> list[str]:
    return [path for path in paths if os.path.exists(out.path(path))]


def test_leftovers_go_when_they_are_a_week_old_and_nobody_is_at_work(tmp_path: Path) -> None:
    out, videos = LocalStorage(str(tmp_path / "out")), LocalStorage(str(tmp_path / "videos"))
    old = [
        leave(out, path, WEEK + 60)
        for path in (
            "work/fragments/ab/abc-0-1",
            "work/parts/run/shard.tfds.parquet",
            "work/cache/another/segment",
            "shards/x.tfrecord.0123456789ab.tmp",
            "versions/v/manifest.json.0123456789ab.tmp",
        )
    ]
    young = [leave(out, path, WEEK - 60) for path in ("work/fragments/cd/cde-0-1", "shards/y.index.0123456789ab.tmp")]
    kept = ("shards/x.tfrecord", "versions/v/manifest.json", "runs/r/run.json")
    others = [leave(out, path, 10 * WEEK) for path in kept]
    with live_run(out, "other"):
        assert remove_leftovers(out, videos, "me") == 0
    assert left(out, old) == old
    with live_run(out, "me"):
        assert remove_leftovers(out, videos, "me") == len(old)
    assert left(out, old) == [] and left(out, young + others) == young + others
