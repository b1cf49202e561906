"""Worker processes give the batches of threads, tell what went wrong, and end with their reader."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.errors import UsageError
from clipmill.reader import (
    AtFps,
    BadClip,
    Batches,
    ClipSet,
    Dataset,
    HorizontalFlip,
    RandomCrop,
    RandomWindow,
    Resize,
    WholeClip,
)
from clipmill.reader.loading.buffers import SharedBuffers
from clipmill.reader.loading.processes import WorkerDied

CASES: dict[str, dict[str, Any]] = {
    "windows": {
        "sampler": RandomWindow(4, short="pad"),
        "augment": [RandomCrop(32), HorizontalFlip()],
        "shuffle": True,
    },
    "streamed": {"sampler": RandomWindow(4), "augment": [RandomCrop(32)], "path": "streaming", "shuffle": "shards"},
    "streamed by time": {"sampler": AtFps(12.5), "path": "streaming"},
    "views": {"sampler": RandomWindow(3), "views": 2, "hosts": (1, 2)},
    "padded": {"by_length": True, "shuffle": True},
    "jpegs": {"sampler": RandomWindow(3), "decode": False},
    "facts": {"sampler": RandomWindow(3), "fields": ["id", "label", "timestamp"]},
}


def make(clips: ClipSet, sampler: Any = None, **options: Any) -> Batches:
    return clips.batches(sampler, **{"batch_size": 6, "seed": 3, **options})


def assert_same(left: Batches, right: Batches) -> None:
    for one, other in zip(left, right, strict=True):
        assert one.keys() == other.keys()
        for field, values in one.items():
            assert values.dtype == other[field].dtype
            assert np.array_equal(values, other[field]), field


@pytest.mark.parametrize("case", CASES)
def test_the_batches_are_those_of_threads(data: Dataset, case: str) -> None:
    threads, processes = make(data["train"], **CASES[case]), make(data["train"], workers=2, start="fork", **CASES[case])
    for _ in range(2):
        assert_same(processes, threads)
    assert processes.state_dict() == threads.state_dict()


def test_readers_of_fewer_fields_share_the_processes(data: Dataset) -> None:
    before = set(multiprocessing.active_children())
    batches = make(data["train"], RandomWindow(4), workers=2, start="fork")
    for fields in (("label",), ("frames", "timestamp"), ("id", "frames")):
        found = list(batches.only(fields).run(0, 0))
        assert [list(batch) for batch in found] == [[*batches.only(fields).fields, "step"]] * len(found)
        assert len(set(multiprocessing.active_children()) - before) == 2


def test_processes_that_are_not_forked(data: Dataset) -> None:
    assert_same(make(data["train"], RandomWindow(4), workers=1, start="spawn"), make(data["train"], RandomWindow(4)))


def test_opencv_may_have_threads_before_processes_are_forked(data: Dataset) -> None:
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(4)
        cv2.resize(np.zeros((2000, 2000, 3), np.uint8), (700, 700))
        resized = {"sampler": RandomWindow(4), "augment": [Resize((600, 600))], "batch_size": 2}
        assert_same(make(data["val"], workers=2, start="fork", **resized), make(data["val"], **resized))
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(threads)


def test_images_are_loaded_many_at_a_time(tmp_path: Any) -> None:
    publish_miniature(tmp_path / "out", clips=30, lengths=[1])
    clips = clipmill.open(str(tmp_path / "out"))["train"]
    for augment in ([], [RandomCrop(16)]):
        assert_same(make(clips, augment=augment, workers=2, start="fork"), make(clips, augment=augment))


def test_functions_of_ones_own_run_in_forked_processes_only(data: Dataset) -> None:
    turned = {"sampler": RandomWindow(4), "augment": [lambda frames, random: frames[:, ::-1]]}
    assert_same(make(data["train"], workers=2, start="fork", **turned), make(data["train"], **turned))
    streamed = {**turned, "path": "streaming"}
    assert_same(make(data["train"], workers=2, start="fork", **streamed), make(data["train"], **streamed))
    with pytest.raises(UsageError, match=r"is a lambda.*move it to a module"):
        make(data["train"], workers=2, start="spawn", **turned)


def test_an_epoch_that_was_left_does_not_disturb_the_next(data: Dataset) -> None:
    threads, processes = (make(data["train"], RandomWindow(4), workers=n, start="fork") for n in (0, 2))
    for batches in (threads, processes):
        next(iter(batches))
    held = next(iter(processes))
    kept = held["frames"].copy()
    threads.set_epoch(2)
    assert_same(processes, threads)
    assert np.array_equal(held["frames"], kept)
    assert np.array_equal(processes.at(0, 1)["frames"], threads.at(0, 1)["frames"])


def test_what_the_users_function_raises_comes_back_with_its_traceback(data: Dataset) -> None:
    def broken(frames: Any, random: Any) -> Any:
        raise ZeroDivisionError("of the user's")

    with pytest.raises(ZeroDivisionError, match=r"of the user's") as caught:
        next(iter(make(data["train"], RandomWindow(4), augment=[broken], workers=1, start="fork")))
    assert "in broken" in str(caught.value.__cause__)


def test_a_damaged_clip_is_named(mini: Miniature, tmp_path: Any) -> None:
    publish_miniature(tmp_path / "out", clips=6, lengths=[5])
    clips = clipmill.open(str(tmp_path / "out"))["train"]
    for shard in (tmp_path / "out" / "shards").glob("*.tfrecord"):
        blob = bytearray(shard.read_bytes())
        at = blob.index(b"\xff\xd8\xff")
        blob[at : at + 2] = b"\0\0"
        shard.write_bytes(blob)
    found = make(clips, on_error="skip", workers=2, start="fork")
    same = make(clips, on_error="skip")
    assert_same(found, same)
    assert found.skipped == same.skipped != []
    with pytest.raises(BadClip, match=same.skipped[0][0]):
        list(make(clips, workers=2, start="fork"))


def test_a_process_that_was_killed_is_told(data: Dataset) -> None:
    def fatal(frames: Any, random: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(WorkerDied, match=r"exit code -9.*fewer workers or smaller batches"):
        next(iter(make(data["train"], RandomWindow(4), augment=[fatal], workers=2, start="fork")))


def test_a_script_without_a_main_guard_is_told_so(mini: Miniature, tmp_path: Any) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import clipmill\n"
        f"batches = clipmill.open({str(mini.path)!r})['train'].batches(batch_size=1, workers=1, start='spawn')\n"
        "next(iter(batches))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "WorkerDied: a process of workers= ended (exit code 1)" in done.stderr
    assert 'under `if __name__ == "__main__":`' in done.stderr


def test_processes_live_as_long_as_their_reader(data: Dataset) -> None:
    gc.collect()
    before = set(multiprocessing.active_children())
    first, second = (make(data["train"], WholeClip(), workers=2, start="fork", fields=["label"]) for _ in range(2))
    for _ in range(2):
        list(first)
        list(second)
        assert len(set(multiprocessing.active_children()) - before) == 4
    started = set(multiprocessing.active_children()) - before
    # The second reader's processes hold copies of the first one's pipes.
    del first, second
    for process in started:
        process.join(60)
        assert process.exitcode == 0


def test_shared_memory_goes_with_its_arrays() -> None:
    buffers = SharedBuffers(2)
    held = [buffers.take((1000, n), np.uint8) for n in (1, 2, 3)]
    places = [buffers.place(array[500:]) for array in held]
    assert len(set(place.serial for place in places if place)) == 3
    assert buffers.place(np.empty(3)) is None
    path, _, offset = places[1] or pytest.fail("no place")
    held[1][500] = 7, 8
    with open(path, "rb") as file:
        assert file.read()[offset : offset + 2] == b"\7\10"
    del held
    assert len(buffers.serials()) == 2  # as many as are kept
    del buffers
    assert not os.path.exists(path) or "memfd:clipmill" not in os.readlink(path)
