"""The pool of children: whatever happens to one costs one job, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path

import av
import msgspec
import pytest
from footage import write_film, x264
from places import ROOT

from clipmill.errors import ClipError, Interrupted, StorageError
from clipmill.messages import Clip, ClipTask, Piece, SourceTask
from clipmill.options import FrameOptions
from clipmill.workers.jobs import DecodeJob, ResolveJob, ShardJob
from clipmill.workers.pool import ChildFailed, Pool, result_of


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return write_film(tmp_path_factory.mktemp("films") / "film.mp4", 30, options=x264())


@pytest.fixture
def pool():
    with closing(Pool(1, 60)) as pool:
        yield pool


@contextlib.contextmanager
def closing(pool):
    try:
        yield pool
    finally:
        pool.close(kill=True)


def children(of: int | None = None) -> list[int]:
    """Process ids of the decoders that a process started."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if entry.name.isdigit() and b"clipmill.workers.child" in (entry / "cmdline").read_bytes():
                parent, state = [
                    line.split()[1]
                    for line in (entry / "status").read_text().splitlines()
                    if line.startswith(("PPid:", "State:"))
                ][::-1]
                if state != "Z" and int(parent) == (of or os.getpid()):
                    found.append(int(entry.name))
    return found


def gone_within(seconds: float, pids: list[int]) -> bool:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.02)
    return False


def kill_idle(pid: int) -> None:
    """Kill a child, and come back when it is dead."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def resolve(film) -> ResolveJob:
    task = SourceTask([film.name], [[False]], [(None, None)], "auto", None, 0, FrameOptions())
    return ResolveJob(task, str(film.parent))


def decode(film, out, **options) -> DecodeJob:
    stat = os.stat(film)
    task = ClipTask("ab" * 16, film.name, str(stat.st_mtime_ns), None, None)
    return DecodeJob(task, str(film.parent), str(out), FrameOptions(**options))


@pytest.fixture
def hole(tmp_path):
    """A file of which the fingerprint takes many minutes: 256 GiB of nothing."""
    path = tmp_path / "hole.mp4"
    path.touch()
    os.truncate(path, 1 << 38)
    yield path
    path.unlink()


def light(out, schema="tfds") -> ShardJob:
    """A job for which a child loads next to nothing; its fragment is not there."""
    clip = Clip(
        "a", "train", (), 0, "x", None, None, "a.mp4", None, None, None, "f", "c", "d", 1, 1, 1, 1.0, 1.0, 0, {}, 1,
        [Piece("work/none")], False,
    )  # fmt: skip
    return ShardJob("ab" * 16, schema, "x", [clip], str(out))


def test_jobs_give_results(pool, film, tmp_path):
    source = pool.submit(resolve(film)).result()
    assert (source.path, source.width) == ("film.mp4", 96)
    done = pool.submit(decode(film, tmp_path)).result()
    assert done.frames == 30 and (tmp_path / done.piece.path).exists()
    assert len(children()) == 1, "a child lives on"


def test_an_error_about_the_data_is_a_clip_error(pool, tmp_path):
    with pytest.raises(ClipError, match="no such file") as caught:
        pool.submit(resolve(tmp_path / "none.mp4")).result()
    assert caught.value.reason == "missing"
    assert isinstance(result_of(pool.submit(resolve(tmp_path / "none.mp4"))), ClipError)


def test_an_error_of_storage_is_one(pool, tmp_path):
    with pytest.raises(StorageError, match="gone while it was needed"):
        pool.submit(light(tmp_path)).result()


def test_a_source_that_cannot_be_read_costs_its_clips(pool, film, tmp_path):
    os.symlink("loop.mp4", tmp_path / "loop.mp4")
    assert result_of(pool.submit(resolve(tmp_path / "loop.mp4"))).reason == "storage"
    # It was there when it was resolved.
    job = decode(film, tmp_path / "out")
    job = msgspec.structs.replace(job, task=msgspec.structs.replace(job.task, path="loop.mp4"), videos=str(tmp_path))
    assert result_of(pool.submit(job)).reason == "storage"


def test_a_bug_that_one_video_brings_out_costs_that_clip(pool, film, tmp_path):
    with pytest.raises(ClipError, match=r"internal error in the decoder: \w+Error: .* \(\w+\.py\w*:\d+\)") as caught:
        pool.submit(decode(film, tmp_path, every=0)).result()
    assert caught.value.reason == "crashed"
    assert pool.submit(decode(film, tmp_path)).result().frames == 30


def test_a_bug_in_writing_a_shard_ends_the_run(pool, film, tmp_path):
    with pytest.raises(ChildFailed, match="Traceback"):
        pool.submit(light(tmp_path, schema="none")).result()
    assert pool.submit(decode(film, tmp_path)).result().frames == 30


def test_a_child_that_is_killed_costs_its_job(pool, film, tmp_path, hole):
    pool.submit(resolve(film)).result()
    (pid,) = children()
    future = pool.submit(resolve(hole))
    time.sleep(0.3)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ClipError, match="the decoder was killed by SIGKILL") as caught:
        future.result(10)
    assert caught.value.reason == "crashed"
    assert pool.submit(decode(film, tmp_path)).result().frames == 30


def test_a_child_that_is_killed_while_idle_costs_nothing(pool, film):
    pool.submit(resolve(film)).result()
    (pid,) = children()
    kill_idle(pid)
    assert pool.submit(resolve(film)).result().width == 96
    assert len(children()) == 1 and children() != [pid]


@pytest.mark.parametrize("hangs", ["busy", "stopped"])
def test_a_child_that_hangs_costs_its_job(film, hole, hangs):
    with closing(Pool(1, 3.0)) as pool:
        pool.submit(resolve(film)).result()
        if hangs == "stopped":
            os.kill(children()[0], signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(ClipError, match=r"took longer than 3 s \(--timeout\)") as caught:
            pool.submit(resolve(hole)).result()
        assert caught.value.reason == "timeout" and 3 <= time.monotonic() - began < 6
        assert pool.submit(resolve(film)).result().width == 96


def test_a_child_that_eats_memory_costs_its_job(film, tmp_path):
    large = tmp_path / "large.mkv"
    with av.open(str(large), "w") as file:
        stream = file.add_stream("mjpeg", rate=25)
        stream.width, stream.height = 8000, 6000
        stream.pix_fmt = "yuvj444p"
        file.mux(stream.encode(av.VideoFrame(8000, 6000, "yuvj444p")))
        file.mux(stream.encode(None))
    with closing(Pool(1, 60, memory=640 << 20)) as pool:
        result = result_of(pool.submit(decode(large, tmp_path)))
        assert isinstance(result, ClipError) and result.reason == "crashed", result
        assert pool.submit(decode(film, tmp_path)).result().frames == 30
    with closing(Pool(1, 60)) as pool:
        assert pool.submit(decode(large, tmp_path)).result().frames > 0


def test_a_limit_below_ours_is_heeded(film):
    code = f"""
        import resource, sys
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests/helpers")!r}, {str(ROOT / "tests/workers")!r}]
        from pathlib import Path
        from test_pool import Pool, resolve
        pool = Pool(1, 60)
        print(pool.submit(resolve(Path({str(film)!r}))).result().width)
        pool.close()
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True)
    assert done.stdout.strip() == "96", done.stderr


def test_a_child_has_no_thread_but_its_own_and_its_listener(pool, film, tmp_path):
    pool.submit(decode(film, tmp_path)).result()
    (pid,) = children()
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 2


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 has no PYTHONSAFEPATH")
def test_modules_in_the_current_folder_are_not_imported(film, tmp_path, monkeypatch):
    for name in ("msgspec", "queue", "av", "clipmill"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('gotcha')")
    monkeypatch.chdir(tmp_path)
    with closing(Pool(1, 60)) as pool:
        assert pool.submit(resolve(film)).result().width == 96


def test_a_window_keeps_a_bounded_number_of_jobs_in_flight(film, tmp_path):
    taken = []

    def work():
        for number in range(12):
            taken.append(number)
            yield number, resolve(film if number != 5 else tmp_path / "none.mp4")

    with closing(Pool(2, 60)) as pool:
        results = {}
        for tag, result in pool.window(work()):
            results[tag] = result
            assert len(taken) - len(results) <= 2 * 2 + 1
    assert sorted(results) == list(range(12))
    assert isinstance(results.pop(5), ClipError) and all(source.width == 96 for source in results.values())


def test_closing_waits_for_the_job_at_hand(film, tmp_path):
    pool = Pool(1, 60)
    future = pool.submit(decode(film, tmp_path))
    while not children():
        time.sleep(0.01)
    time.sleep(0.05)
    pids = children()
    pool.close()
    assert future.result().frames == 30
    assert gone_within(1, pids)


def test_killing_is_quick_and_interrupts_all_jobs(hole):
    pool = Pool(2, 600)
    futures = [pool.submit(resolve(hole)) for _ in range(8)]
    time.sleep(1)
    pids = children()
    assert len(pids) == 2
    waited = []
    # A thread that waits for jobs that never began must hear that they never will.
    waiter = threading.Thread(target=lambda: waited.append(wait(futures[4:], return_when=FIRST_COMPLETED)))
    waiter.start()
    began = time.monotonic()
    pool.close(kill=True)
    assert time.monotonic() - began < 2
    for future in futures:
        with pytest.raises(Interrupted):
            future.result(1)
    waiter.join(2)
    assert waited and gone_within(1, pids) and not children()


def test_a_closed_pool_takes_no_job(film):
    pool = Pool(1, 60)
    pool.close()
    pool.close(kill=True)
    with pytest.raises(Interrupted):
        pool.submit(resolve(film))


@pytest.mark.slow
def test_fifty_lost_children_leave_nothing_behind(tmp_path):
    def handles():
        return len(os.listdir("/proc/self/fd"))

    with closing(Pool(1, 60)) as pool:
        result_of_light(pool, tmp_path)
        before = handles()
        for _ in range(50):
            kill_idle(children()[0])
            result_of_light(pool, tmp_path)
        assert handles() == before and len(children()) == 1
    assert not children() and handles() <= before - 2


def result_of_light(pool, out):
    with pytest.raises(StorageError):
        pool.submit(light(out)).result()


@pytest.mark.parametrize("busy", [True, False])
def test_a_parent_that_is_killed_leaves_no_child(film, hole, busy):
    code = f"""
        import sys, time
        sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tests/helpers")!r}, {str(ROOT / "tests/workers")!r}]
        from pathlib import Path
        from test_pool import Pool, resolve
        film = Path({str(film)!r})
        pool = Pool(2, 600)
        [future.result() for future in [pool.submit(resolve(film)) for _ in range(4)]]
        if {busy}:
            [pool.submit(resolve(Path({str(hole)!r}))) for _ in range(4)]
            time.sleep(0.5)
        print("ready", flush=True)
        time.sleep(100)
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout.readline() == "ready\n"
        pids = children(parent.pid)
        assert len(pids) == 2
    finally:
        parent.kill()
        parent.wait()
        parent.stdout.close()
    assert gone_within(5, pids)


def test_a_job_and_its_answer_may_be_larger_than_a_pipe(pool, tmp_path):
    (clip,) = light(tmp_path).clips
    clips = [msgspec.structs.replace(clip, clip_id=f"{n:06d}") for n in range(5000)]
    job = msgspec.structs.replace(light(tmp_path), clips=clips)
    with pytest.raises(StorageError):
        pool.submit(job).result(30)
