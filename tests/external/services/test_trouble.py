"""Storage behind a proxy that refuses, cuts short and loses what passes through it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from real_servers import BUCKET

from clipmill.errors import StorageError, UsageError
from clipmill.storage import Storage, object_store, open_storage
from tools.proxy import Proxy, Request
from tools.servers import GcsServer, S3Server

BIG = bytes(range(256)) * (40 << 12)


@pytest.fixture(params=["s3", "gcs"])
def server(request: pytest.FixtureRequest) -> S3Server | GcsServer:
    found: S3Server | GcsServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def proxy(server: S3Server | GcsServer, use: Callable[[dict[str, str]], None]) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    use(server.environment(proxy.port))
    yield proxy
    proxy.close()


@pytest.fixture
def storage(server: S3Server | GcsServer, proxy: Proxy, tmp_path: Path) -> Storage:
    return open_storage(f"{server.scheme}://{BUCKET}/trouble-{tmp_path.parent.name}-{tmp_path.name}")


def first_time(mood: str, times: int = 1) -> Callable[[Request], str]:
    """The mood for the first requests of each kind, then none."""
    seen: Counter[Request] = Counter()

    def decide(request: Request) -> str:
        # An upload has another id each time.
        kind = request._replace(path=request.path.split("ploadId=")[0])
        seen[kind] += 1
        return mood if seen[kind] <= times else ""

    return decide


def everything(storage: Storage) -> None:
    """Each method once, with its result checked."""
    storage.put("a", b"hello")
    assert storage.read("a") == b"hello"
    assert storage.read("a", 1, 3) == b"el"
    assert storage.stat("missing") is None
    found = storage.stat("a")
    assert found is not None and found.size == 5
    with storage.writer("big") as file:
        file.write(BIG)
    assert storage.read_ranges("big", [(0, 256), (BIG_MIDDLE, BIG_MIDDLE + 256)]) == [BIG[:256]] * 2
    with storage.fetch("big") as fetched:
        assert fetched.read() == BIG
    assert storage.swap("CURRENT", None, b"one\n")
    assert storage.swap("CURRENT", b"one\n", b"two\n")
    assert not storage.swap("CURRENT", b"one\n", b"three\n")
    storage.copy("a", "b")
    assert storage.children() == ((), ("CURRENT", "a", "b", "big"))
    assert {path for path, _ in storage.list()} == {"CURRENT", "a", "b", "big"}
    storage.delete("b")
    assert storage.stat("b") is None


BIG_MIDDLE = len(BIG) // 2


def test_a_server_that_is_busy_now_and_then(storage: Storage, proxy: Proxy) -> None:
    proxy.mood = first_time("503", 2)
    everything(storage)


def test_answers_that_are_lost(storage: Storage, proxy: Proxy) -> None:
    proxy.mood = first_time("lose")
    everything(storage)


def test_answers_that_are_cut_short(storage: Storage, proxy: Proxy) -> None:
    storage.put("big", BIG)
    proxy.mood = lambda request: "cut" if request.method == "GET" and len(proxy.requests) % 2 else ""
    assert storage.read("big") == BIG
    assert storage.read("big", 256, 256 << 12) == BIG[256 : 256 << 12]
    ranges = [(number << 20, (number << 20) + 512) for number in range(0, 40, 3)]
    assert storage.read_ranges("big", ranges) == [BIG[start:end] for start, end in ranges]
    with storage.fetch("big") as fetched:
        assert fetched.read() == BIG


def test_a_server_that_is_busy_for_good(storage: Storage, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "RETRY_SECONDS", 2.0)
    open_storage.cache_clear()
    storage = open_storage(storage.root)
    storage.put("a", b"hello")
    proxy.mood = lambda request: "503"
    began = time.monotonic()
    with pytest.raises(StorageError, match=f"{storage.root}/a: .*503"):
        storage.read("a")
    with pytest.raises(StorageError, match="big"), storage.writer("big") as file:
        file.write(BIG)
    assert 2 <= time.monotonic() - began < 20
    proxy.mood = lambda request: ""
    assert storage.stat("big") is None
    assert storage.read("a") == b"hello"


def test_an_upload_that_fails_leaves_nothing(storage: Storage, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "RETRY_SECONDS", 1.0)
    open_storage.cache_clear()
    storage = open_storage(storage.root)
    proxy.mood = lambda request: "503" if "partNumber=2" in request.path else ""
    with pytest.raises(StorageError, match="big"), storage.writer("big") as file:
        file.write(BIG)
    assert storage.stat("big") is None
    assert proxy.count("DELETE", "ploadId=") == 1, "the parts that arrived are given back"


def test_how_many_requests_it_takes(storage: Storage, proxy: Proxy) -> None:
    storage.put("big", BIG)

    def requests(act: Callable[[], object]) -> list[str]:
        before = len(proxy.requests)
        act()
        return [request.method for request in proxy.requests[before:]]

    frames = [(1000 + 20_000 * number, 21_000 + 20_000 * number) for number in range(64)]
    assert requests(lambda: storage.read_ranges("big", frames)) == ["GET"]
    assert requests(lambda: storage.stat("big")) == ["HEAD"]
    assert requests(lambda: storage.stat("missing")) == ["HEAD"]
    assert requests(lambda: storage.read("big", 5, 10)) == ["GET"]
    assert requests(lambda: storage.put("small", b"x")) == ["PUT"]
    assert requests(lambda: storage.swap("CURRENT", None, b"x")) == ["PUT"]
    assert requests(lambda: storage.swap("CURRENT", b"x", b"y")) == ["GET", "PUT"]


def test_a_bucket_that_is_not_there(server: S3Server | GcsServer, use: Callable[[dict[str, str]], None]) -> None:
    use(server.environment())
    storage = open_storage(f"{server.scheme}://no-such-bucket/folder")
    with pytest.raises(UsageError, match=f"{server.scheme}://no-such-bucket/folder: there is no such bucket"):
        storage.put("a", b"hello")
    for size in (5, len(BIG)):
        with pytest.raises(UsageError, match="no such bucket"), storage.writer("a") as file:
            file.write(BIG[:size])
    with pytest.raises(FileNotFoundError):
        storage.read("a")
    assert storage.stat("a") is None
