"""A reader leaves nothing behind, and may be used in forked and spawned processes."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
from multiprocessing.queues import Queue
from typing import Any

import pytest
from miniature import Miniature

from clipmill.errors import UsageError
from clipmill.reader import Batches, Dataset, HorizontalFlip, RandomCrop, RandomWindow


def make(data: Dataset, **options: Any) -> Batches:
    return data["train"].batches(RandomWindow(4), augment=[RandomCrop(32), HorizontalFlip()], batch_size=6, **options)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("options", [{"shuffle": True}, {"shuffle": "shards", "path": "streaming"}])
def test_a_hundred_epochs_leave_no_thread_and_no_file(data: Dataset, options: dict[str, Any]) -> None:
    batches = make(data, **options)
    for _ in batches:
        pass
    before = threading.active_count(), open_files()
    for _ in range(100):
        for _ in batches:
            pass
    for _ in range(20):
        for _ in batches:
            break  # in mid-epoch
    assert (threading.active_count(), open_files()) == before


def _memory() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


MEMORY = """
import sys
import clipmill
from clipmill.reader import RandomCrop, RandomWindow
import os

def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

clips = clipmill.open(sys.argv[1])["train"]
small = clips.batches(RandomWindow(2), augment=[RandomCrop(8)], batch_size=2, shuffle=True)
for batch in small:
    pass
begin = memory()
batches = clips.batches(RandomWindow(64), augment=[RandomCrop((48, 64))], batch_size=24, shuffle=True, prefetch=2)
size = 0
peak = 0
for epoch in range(int(sys.argv[2])):
    for batch in batches:
        size = max(size, batch["frames"].nbytes)
        peak = max(peak, memory())
    if epoch == 2:
        after_three = peak
print(size, after_three - begin, peak - begin)
"""


def test_memory_is_a_few_batches_and_does_not_grow(mini: Miniature) -> None:
    """14 MB a batch: at most prefetch + 2 of them (and 15 MB of slack) after 3 epochs and after 100."""
    out = subprocess.run(
        [sys.executable, "-c", MEMORY, str(mini.path), "100"], capture_output=True, text=True, check=True
    ).stdout
    size, three, hundred = map(int, out.split())
    assert size > 14e6
    assert three <= 4 * size + 15e6
    assert hundred <= three + 4e6


def _epoch(batches: Batches, answers: Queue[Any]) -> None:
    answers.put([(batch["id"].tolist(), int(batch["frames"].sum())) for batch in batches])


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_and_spawned_processes_read_the_same(data: Dataset, method: str) -> None:
    batches = make(data, shuffle=True)
    under_way = iter(batches)
    next(under_way)  # threads are running while the process forks
    context: Any = multiprocessing.get_context(method)
    answers = context.Queue()
    fresh = make(data, shuffle=True)
    process = context.Process(target=_epoch, args=(fresh, answers))
    process.start()
    found = answers.get(timeout=60)
    process.join(60)
    assert process.exitcode == 0
    assert found == [(batch["id"].tolist(), int(batch["frames"].sum())) for batch in fresh]
    assert len(list(under_way)) == len(batches) - 1


def test_remote_data_in_a_forked_process_is_refused_not_waited_for(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = make(data)
    source = batches.clips.table.shards[0][1]
    monkeypatch.setattr(source, "_process", os.getpid() + 1)
    assert len(list(batches)) == 5  # local files may be read
    monkeypatch.setattr(type(source.storage), "local", False)
    with pytest.raises(UsageError, match="a forked process cannot read remote data"):
        list(batches)
