"""The cache of remote byte ranges."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from miniature import Miniature

import clipmill
from clipmill.reader import RandomWindow
from clipmill.reader.access import range_cache as cache_module
from clipmill.reader.access.range_cache import BLOCK, HEAD, PAGE, CachedStorage
from clipmill.reader.dataset import Dataset
from clipmill.storage import LocalStorage


class Remote(LocalStorage):
    """A folder that says it is remote, and counts what is asked of it."""

    local = False

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.requests = 0
        self.bytes = 0

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        self.requests += 1
        found = super().read_ranges(path, ranges)
        self.bytes += sum(map(len, found))
        return found


@pytest.fixture
def objects(tmp_path: Path) -> dict[str, bytes]:
    """Three objects of 1 to 20 MB, the last over several segments."""
    generator = np.random.default_rng(0)
    made = {name: generator.bytes(size) for name, size in (("a", 1_000_000), ("b", 3_000_001), ("c", 2 * BLOCK + 99))}
    (tmp_path / "remote").mkdir()
    for name, data in made.items():
        (tmp_path / "remote" / name).write_bytes(data)
    return made


def a_read(choice: random.Random, objects: dict[str, bytes]) -> tuple[str, list[tuple[int, int]]]:
    name = choice.choice(sorted(objects))
    size = len(objects[name])
    starts = [choice.randrange(size) for _ in range(choice.randint(1, 5))]
    return name, [(start, min(size, start + choice.choice([0, 1, 100, PAGE, 70_000]))) for start in starts]


def used(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def test_what_is_read_is_what_is_there(objects: dict[str, bytes], tmp_path: Path) -> None:
    remote = Remote(str(tmp_path / "remote"))
    cached = CachedStorage(remote, str(tmp_path / "cache"), 10**9)
    choice = random.Random(0)
    for _ in range(400):
        name, ranges = a_read(choice, objects)
        assert cached.read_ranges(name, ranges) == [objects[name][start:end] for start, end in ranges]
    assert cached.read("a", 10, 20) == objects["a"][10:20]
    assert cached.read("a") == objects["a"]


def test_the_second_time_nothing_is_asked_for(objects: dict[str, bytes], tmp_path: Path) -> None:
    remote = Remote(str(tmp_path / "remote"))
    ranges = [(10, 20_000), (BLOCK - 5, BLOCK + 5), (2 * BLOCK + 90, 2 * BLOCK + 99)]
    first = CachedStorage(remote, str(tmp_path / "cache"), 10**9).read_ranges("c", ranges)
    assert remote.requests == 1
    assert remote.bytes <= sum(end - start for start, end in ranges) + 6 * PAGE
    again = CachedStorage(remote, str(tmp_path / "cache"), 10**9).read_ranges("c", ranges)
    assert remote.requests == 1
    assert first == again == [objects["c"][start:end] for start, end in ranges]
    assert used(tmp_path / "cache") < 100_000


def test_pages_that_are_damaged_are_read_again(objects: dict[str, bytes], tmp_path: Path) -> None:
    remote = Remote(str(tmp_path / "remote"))
    cached = CachedStorage(remote, str(tmp_path / "cache"), 10**9)
    cached.read_ranges("a", [(0, 5 * PAGE)])
    (file,) = [file for file in (tmp_path / "cache").rglob("*") if file.is_file()]
    raw = bytearray(file.read_bytes())
    raw[HEAD + PAGE + 7] ^= 1  # a bit of the second page
    raw[4 * 3 : 4 * 4] = bytes(4)  # the fourth page's checksum
    file.write_bytes(bytes(raw[: HEAD + 4 * PAGE + 100]))  # the fifth page cut short
    remote.bytes = 0
    assert cached.read_ranges("a", [(0, 5 * PAGE)]) == [objects["a"][: 5 * PAGE]]
    assert remote.bytes == 3 * PAGE
    cached.read_ranges("a", [(0, 5 * PAGE)])
    assert remote.bytes == 3 * PAGE


def test_the_limit_holds_and_what_was_used_last_stays(
    objects: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "BETWEEN_SWEEPS", 100_000)
    remote = Remote(str(tmp_path / "remote"))
    cached = CachedStorage(remote, str(tmp_path / "cache"), 4_000_000)
    cached.read_ranges("a", [(0, 1_000_000)])
    cached.read_ranges("b", [(0, 2_000_000)])
    time.sleep(0.02)
    cached.read_ranges("a", [(0, 1_000_000)])
    assert remote.requests == 2
    time.sleep(0.02)
    cached.read_ranges("c", [(0, 1_500_000)])
    assert used(tmp_path / "cache") <= 4_000_000
    cached.read_ranges("a", [(0, 1_000_000)])
    cached.read_ranges("c", [(0, 1_500_000)])
    assert remote.requests == 3
    cached.read_ranges("b", [(0, 1000)])
    assert remote.requests == 4
    choice = random.Random(1)
    for _ in range(300):
        name, ranges = a_read(choice, objects)
        assert cached.read_ranges(name, ranges) == [objects[name][start:end] for start, end in ranges]
        assert used(tmp_path / "cache") <= 4_000_000 + 100_000 + 400_000


def test_a_cache_that_cannot_be_written_only_complains(
    objects: dict[str, bytes], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    remote = Remote(str(tmp_path / "remote"))
    cached = CachedStorage(remote, str(tmp_path / "cache"), 10**9)
    (tmp_path / "cache").rmdir()
    (tmp_path / "cache").write_text("a file stands in the way")
    for _ in range(2):
        assert cached.read_ranges("a", [(5, 9)]) == [objects["a"][5:9]]
    assert caplog.text.count("cannot be used as a cache") == 1


def _reads(root: str, folder: str, seed: int, objects: dict[str, bytes], reads: int) -> None:
    cache_module.BETWEEN_SWEEPS = 50_000
    cached = CachedStorage(Remote(root), folder, 3_000_000)
    choice = random.Random(seed)
    for _ in range(reads):
        name, ranges = a_read(choice, objects)
        if cached.read_ranges(name, ranges) != [objects[name][start:end] for start, end in ranges]:
            os._exit(9)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_share_it_and_may_be_killed(objects: dict[str, bytes], tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    arguments = str(tmp_path / "remote"), str(tmp_path / "cache")
    choice = random.Random(0)
    for trial in range(8):
        several = [context.Process(target=_reads, args=(*arguments, 10 * trial + n, objects, 60)) for n in range(3)]
        for process in several:
            process.start()
        time.sleep(choice.uniform(0.005, 0.08))
        several[0].kill()
        for process in several:
            process.join(60)
        assert [process.exitcode for process in several[1:]] == [0, 0]
        assert several[0].exitcode in (0, -signal.SIGKILL)
    _reads(*arguments, 99, objects, 100)


def test_threads_share_it(objects: dict[str, bytes], tmp_path: Path) -> None:
    cached = CachedStorage(Remote(str(tmp_path / "remote")), str(tmp_path / "cache"), 10**9)
    wrong: list[str] = []

    def read(seed: int) -> None:
        choice = random.Random(seed)
        for _ in range(80):
            name, ranges = a_read(choice, objects)
            if cached.read_ranges(name, ranges) != [objects[name][start:end] for start, end in ranges]:
                wrong.append(name)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_reader_with_a_cache(mini: Miniature, tmp_path: Path) -> None:
    """Two epochs: the second asks the remote storage for nothing but what the first did not read."""
    remote = Remote(str(mini.path))
    data = Dataset(remote, None, CachedStorage(remote, str(tmp_path / "cache"), 10**9))
    local = clipmill.open(str(mini.path))
    options: dict[str, Any] = {"batch_size": 5, "shuffle": True}
    batches, expected = (each["train"].batches(RandomWindow(4), **options) for each in (data, local))
    for _ in range(6):
        for one, other in zip(batches, expected, strict=True):
            assert all(np.array_equal(one[field], other[field]) for field in one)
    before = remote.requests
    batches.set_epoch(0)
    for _ in batches:
        pass
    assert remote.requests == before


def test_a_local_data_set_never_uses_it(mini: Miniature, tmp_path: Path) -> None:
    data = clipmill.open(str(mini.path), cache=str(tmp_path / "cache"))
    list(data["train"].batches(RandomWindow(4), batch_size=5))
    assert not (tmp_path / "cache").exists()
