"""Every method of Storage, on a local folder, on S3 and on Google Cloud Storage."""

from __future__ import annotations

import os
import threading
import time

import pytest

from clipmill.storage import Storage

#: Two parts of a multi-part upload and a bit.
BIG = os.urandom(1 << 20) * 37 + b"the end"


def test_missing_object(storage: Storage) -> None:
    assert storage.stat("a/b") is None
    for read in (
        lambda: storage.read("a/b"),
        lambda: storage.read("a/b", 1, 2),
        lambda: storage.read_ranges("a/b", [(0, 1)]),
        lambda: storage.copy("a/b", "c"),
        lambda: storage.fetch("a/b").__enter__(),
    ):
        with pytest.raises(FileNotFoundError, match="a/b"):
            read()
    storage.delete("a/b")


def test_put_read_and_stat(storage: Storage) -> None:
    before = time.time()
    storage.put("a/b", b"hello")
    assert storage.read("a/b") == b"hello"
    found = storage.stat("a/b")
    assert found is not None
    assert found.size == 5
    assert abs(found.modified - before) < 60
    storage.put("a/b", b"other")
    assert storage.read("a/b") == b"other"
    again = storage.stat("a/b")
    assert again is not None
    assert again.stamp != found.stamp


def test_an_object_may_be_empty(storage: Storage) -> None:
    storage.put("empty", b"")
    with storage.writer("written empty"):
        pass
    for name in ("empty", "written empty"):
        assert storage.read(name) == b""
        found = storage.stat(name)
        assert found is not None and found.size == 0


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 5, b"hello"), (1, 3, b"el"), (2, None, b"llo"), (3, 99, b"lo"), (2, 2, b""), (5, None, b""), (9, 12, b"")],
)
def test_read_a_range(storage: Storage, start: int, end: int | None, expected: bytes) -> None:
    storage.put("a", b"hello")
    assert storage.read("a", start, end) == expected


def test_read_ranges(storage: Storage) -> None:
    storage.put("a", BIG)
    ranges = [(30_000_000, 30_000_900), (0, 7), (7, 7), (5, 12), (len(BIG) - 3, len(BIG))]
    assert storage.read_ranges("a", ranges) == [BIG[start:end] for start, end in ranges]
    assert storage.read_ranges("a", []) == []


@pytest.mark.parametrize("size", [0, 1, 16 << 20, len(BIG)])
def test_writer(storage: Storage, size: int) -> None:
    with storage.writer("folder/big") as file:
        for start in range(0, size, 5_000_000):
            file.write(memoryview(BIG)[start : min(size, start + 5_000_000)])
        assert storage.stat("folder/big") is None, "not there before it is whole"
    assert storage.read("folder/big") == BIG[:size]
    with storage.fetch("folder/big") as file:
        file.seek(size // 2)
        assert file.read() == BIG[size // 2 : size]


@pytest.mark.parametrize("size", [5, len(BIG)])
def test_an_exception_leaves_no_object(storage: Storage, size: int) -> None:
    with pytest.raises(KeyError), storage.writer("big") as file:
        file.write(BIG[:size])
        raise KeyError
    assert storage.stat("big") is None
    assert list(storage.list()) == []


def test_an_exception_leaves_what_was_there(storage: Storage) -> None:
    storage.put("a", b"old")
    with pytest.raises(KeyError), storage.writer("a") as file:
        file.write(b"new")
        raise KeyError
    assert storage.read("a") == b"old"


def test_swap(storage: Storage) -> None:
    assert not storage.swap("CURRENT", b"nothing", b"one")
    assert storage.swap("CURRENT", None, b"one")
    assert not storage.swap("CURRENT", None, b"two")
    assert not storage.swap("CURRENT", b"two", b"three")
    assert storage.read("CURRENT") == b"one"
    assert storage.swap("CURRENT", b"one", b"two")
    assert storage.read("CURRENT") == b"two"


@pytest.mark.parametrize("old", [None, b"old"])
def test_of_many_swaps_at_once_one_wins(storage: Storage, old: bytes | None) -> None:
    for race in range(10):
        name = f"CURRENT{race}"
        if old is not None:
            storage.put(name, old)
        start = threading.Barrier(8)
        won = []

        def run(number: int, name: str = name, start: threading.Barrier = start, won: list[int] = won) -> None:
            start.wait()
            if storage.swap(name, old, b"%d" % number):
                won.append(number)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert storage.read(name) == b"%d" % won[0]


def test_copy_and_delete(storage: Storage) -> None:
    storage.put("a/b", b"hello")
    storage.copy("a/b", "c/d")
    storage.delete("a/b")
    assert storage.stat("a/b") is None
    assert storage.read("c/d") == b"hello"
    storage.put("old", b"old")
    storage.copy("c/d", "old")
    assert storage.read("old") == b"hello"


def test_list_and_children(storage: Storage) -> None:
    names = ["CURRENT", "shards/a", "shards/b", "work/fragments/00/x", "work/y"]
    for name in names:
        storage.put(name, name.encode())
    assert sorted(path for path, _ in storage.list()) == names
    assert {path: stat.size for path, stat in storage.list("work")} == {"work/fragments/00/x": 19, "work/y": 6}
    assert list(storage.list("wor")) == [], "a folder, not a beginning"
    assert list(storage.list("nowhere")) == []
    assert storage.children() == (("shards", "work"), ("CURRENT",))
    assert storage.children("work") == (("fragments",), ("y",))
    assert storage.children("nowhere") == ((), ())


def test_a_listing_of_more_than_one_page(storage: Storage) -> None:
    names = {f"many/{number:04d}" for number in range(1100)}
    for name in names:
        storage.put(name, b"", durable=False)
    assert {path for path, _ in storage.list("many")} == names
    assert len(storage.children("many")[1]) == 1100


@pytest.mark.parametrize(
    "name",
    ["with space", "umläut", "pl+us", "per%20cent", "q?x", "ha#sh", "st*r", "br[0]", "dots..", "~", "a&b", "quo'te",
     'dou"ble', "(par)", "co:lon", "snow\u2603", "v_X_g01 (1)!;,=@$.avi"],
)  # fmt: skip
def test_names_as_people_write_them(storage: Storage, name: str) -> None:
    path = f"folder {name}/{name}"
    storage.put(path, b"x")
    assert storage.read(path, 0, 1) == b"x"
    assert [found for found, _ in storage.list(f"folder {name}")] == [path]
    assert storage.children(f"folder {name}") == ((), (name,))
    storage.copy(path, "copy")
    storage.delete(path)
    assert storage.stat(path) is None
    assert storage.read("copy") == b"x"
