"""Files of web servers that are well, and of servers that are not."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_server import Asked, WebServer, web_server

from clipmill.errors import ClipError, StorageError, UsageError
from clipmill.sources.find import reading_source
from clipmill.storage import absolute, open_storage, split_path
from clipmill.storage import web_server as module
from clipmill.storage.endpoint import check_server
from clipmill.storage.web_server import WebStorage

DATA = random.Random(1).randbytes(300_000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    monkeypatch.setattr(module, "_FIRST_WAIT", 0.001)
    monkeypatch.setattr(module, "_LONGEST_WAIT", 0.001)
    with web_server() as server:
        server.files = {"/videos/a.mp4": DATA, "/videos/empty": b""}
        yield server


@pytest.fixture
def storage(server: WebServer) -> WebStorage:
    return WebStorage(f"{server.url}/videos")


def fetched(storage: WebStorage, path: str = "a.mp4") -> bytes:
    with storage.fetch(path) as file:
        return file.read()


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("tags", [True, False])
def test_the_bytes_of_a_file(storage: WebStorage, server: WebServer, ranges: bool, tags: bool) -> None:
    server.ranges, server.tags = ranges, tags
    assert fetched(storage) == storage.read("a.mp4") == DATA
    assert storage.read("a.mp4", 1000, 2000) == DATA[1000:2000]
    assert storage.read("a.mp4", 299_000, 400_000) == DATA[299_000:] == storage.read("a.mp4", 299_000)
    assert (
        storage.read("a.mp4", 300_000) == storage.read("a.mp4", 300_001, 300_002) == storage.read("a.mp4", 5, 5) == b""
    )
    assert storage.read_ranges("a.mp4", [(5, 9), (0, 1)]) == [DATA[5:9], DATA[:1]]
    assert fetched(storage, "empty") == storage.read("empty") == b""
    stat, empty = storage.stat("a.mp4"), storage.stat("empty")
    assert stat is not None and empty is not None and (stat.size, empty.size) == (len(DATA), 0)
    assert stat.modified == (1_700_000_000 if tags else 0)
    assert storage.stat("gone") is None
    for read in (fetched, WebStorage.read):
        with pytest.raises(FileNotFoundError):
            read(storage, "gone")


def test_a_range_is_all_that_is_asked_for(storage: WebStorage, server: WebServer) -> None:
    storage.read("a.mp4", 1000, 2000)
    storage.stat("a.mp4")
    assert [asked.range for asked in server.asked] == ["bytes=1000-1999", "bytes=0-0"]


def test_names_are_encoded_once(storage: WebStorage, server: WebServer) -> None:
    name = "dir é/50 % #1?.mp4"
    server.files[f"/videos/{name}"] = DATA
    assert storage.read(name) == DATA
    assert server.asked[0].path == "/videos/dir%20%C3%A9/50%20%25%20%231%3F.mp4"


def test_a_cut_connection_goes_on_where_it_was_cut(storage: WebStorage, server: WebServer) -> None:
    server.cut = 100_000
    assert fetched(storage) == DATA
    tag = server.asked[1].condition
    assert [(asked.range, asked.condition) for asked in server.asked] == [
        ("bytes=0-", ""),
        ("bytes=100000-", tag),
        ("bytes=200000-", tag),
    ]
    assert tag.startswith('"')


def test_a_cut_connection_to_a_server_without_ranges(
    storage: WebStorage, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.ranges, server.cut = False, 100_000
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    with pytest.raises(StorageError, match=r"/videos/a\.mp4: the connection was cut$"):
        fetched(storage)

    before = len(server.asked)

    def third() -> None:
        server.cut = None if len(server.asked) == before + 3 else 100_000

    server.hold = third
    monkeypatch.setattr(module, "RETRY_SECONDS", 60.0)
    assert fetched(storage) == DATA and len(server.asked) == before + 3


@pytest.mark.parametrize("tags", [True, False])
def test_a_file_that_changes_while_it_is_read(storage: WebStorage, server: WebServer, tags: bool) -> None:
    """What was read of the old one is dropped; its stamp is another one after that, which the build sees."""
    server.cut, server.tags = 100_000, tags
    after = bytes(reversed(DATA))[:250_000]

    def change() -> None:
        server.files["/videos/a.mp4"] = after
        server.cut = 100_000 if len(server.asked) == 2 else None

    before = storage.stat("a.mp4")
    server.hold = change
    assert fetched(storage) == after
    now = storage.stat("a.mp4")
    assert before is not None and now is not None and before.stamp != now.stamp


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_is_busy(
    storage: WebStorage, server: WebServer, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.status, server.refuse = status, 3
    assert fetched(storage) == DATA and len(server.asked) == 4
    server.refuse = None
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    for ask in (fetched, lambda storage: storage.stat("a.mp4"), lambda storage: storage.read("a.mp4")):
        with pytest.raises(StorageError, match=rf"/videos/a\.mp4: {status} ") as raised, reading_source():
            ask(storage)
        assert raised.value.exit_code == 3


def test_a_server_that_says_when_to_come_again(
    storage: WebStorage, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waited.append)
    server.status, server.refuse, server.headers = 503, 1, {"Retry-After": "7"}
    assert fetched(storage) == DATA and waited == [7.0]
    server.refuse, server.headers = 1, {"Retry-After": "100000"}
    with pytest.raises(StorageError, match="503"):
        fetched(storage)


@pytest.mark.parametrize("status", [400, 401, 403, 451])
def test_a_file_that_is_refused_costs_itself_alone(storage: WebStorage, server: WebServer, status: int) -> None:
    server.status = status
    with pytest.raises(ClipError, match=rf"^the file cannot be read \({status} ") as raised, reading_source():
        storage.stat("a.mp4")
    assert raised.value.reason == "storage" and len(server.asked) == 1


def test_a_file_of_unknown_length(storage: WebStorage, server: WebServer) -> None:
    server.lengths = False
    for ranges in (True, False):
        server.ranges = ranges
        with pytest.raises(ClipError, match="does not say how many bytes") as raised, reading_source():
            fetched(storage)
        assert raised.value.reason == "storage"


def test_a_file_that_is_larger_than_the_room_for_it(
    storage: WebStorage, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Room:
        free = len(DATA) - 1

    monkeypatch.setattr(module.shutil, "disk_usage", lambda folder: Room)
    with pytest.raises(ClipError, match=r"it has 0\.0 GB, and the folder of temporary files"), reading_source():
        fetched(storage)
    Room.free += 1
    assert fetched(storage) == DATA


def test_a_server_that_falls_silent(storage: WebStorage, server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that gives nothing is given up, and the file is got by another one."""
    monkeypatch.setattr(module, "_TIMEOUT", 0.2)
    silence = threading.Event()

    def first() -> None:
        if len(server.asked) == 1:
            silence.wait()

    server.hold = first
    assert fetched(storage) == DATA and len(server.asked) == 2
    silence.set()


def test_redirects_stay_on_their_server(storage: WebStorage, server: WebServer) -> None:
    server.redirects = {"/videos/b.mp4": "/videos/a.mp4", "/videos/c.mp4": f"{server.url}/videos/b.mp4"}
    assert fetched(storage, "c.mp4") == DATA and storage.read("b.mp4", 5, 9) == DATA[5:9]
    assert {asked.range for asked in server.asked[-2:]} == {"bytes=5-8"}
    server.redirects["/videos/d.mp4"] = "/videos/d.mp4"
    with pytest.raises(StorageError, match=r"d\.mp4: a redirect that cannot be followed"):
        fetched(storage, "d.mp4")


@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{port}/videos/a.mp4", "https://localhost/a", "file:///etc/passwd", "ftp://h/x", "http://["]
)
def test_redirects_elsewhere_are_not_followed(storage: WebStorage, server: WebServer, to: str) -> None:
    with web_server() as other:
        other.files = server.files
        place = to.replace("{port}", other.url.rpartition(":")[2])
        server.redirects = {"/videos/b.mp4": f"{place}?signature=secret"}
        with pytest.raises(ClipError, match="redirect") as raised, reading_source():
            storage.stat("b.mp4")
        assert raised.value.reason == "storage" and "secret" not in raised.value.message
        assert not other.asked


def test_redirects_go_to_hosts_that_are_named(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """By https alone: what is asked for then is a connection to a port where nobody answers."""
    server.redirects = {"/videos/b.mp4": "https://localhost:1/a?signature=secret"}
    monkeypatch.setenv(module.HOSTS_VARIABLE, "cdn.example.org, LOCALHOST")
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    with pytest.raises(StorageError, match=r"/videos/b\.mp4: Connection refused$"):
        WebStorage(f"{server.url}/videos").stat("b.mp4")


def test_urls_are_decoded_once_and_have_no_secrets(server: WebServer) -> None:
    assert absolute(absolute("https://host/a%20b/l.csv/")) == "https://host/a b/l.csv"
    for wrong in ("https://host/a?signature=secret", "https://host/a#secret", "https://me:secret@host/a"):
        with pytest.raises(UsageError, match="not taken") as raised:
            absolute(wrong)
        assert "secret" not in str(raised.value)
    with pytest.raises(UsageError, match="with %"):
        absolute("https://host/100%25/l.csv")
    for wrong in ("https://", "http://:80/x", "https://host:http/x"):
        with pytest.raises(UsageError, match="no host in this URL"):
            open_storage(wrong)
    server.files["/my lists/l.csv"] = b"path\n"
    storage, name = split_path(f"{server.url}/my%20lists/l.csv")
    assert storage.read(name) == b"path\n"


def test_nothing_is_written_or_listed(storage: WebStorage, tmp_path: Path) -> None:
    assert storage.children() == ((), ()) and not list(storage.list())
    for write in (
        lambda: storage.put("x", b""),
        lambda: storage.writer("x"),
        lambda: storage.swap("x", None, b""),
        lambda: storage.copy("a", "b"),
        lambda: storage.delete("a"),
        lambda: storage.sync(""),
    ):
        with pytest.raises(UsageError, match="a web server is only read from"):
            write()
    assert storage.free() is None


def test_a_server_that_is_not_there(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    from clipmill.storage import endpoint

    monkeypatch.setattr(endpoint.time, "sleep", lambda seconds: None)
    check_server(f"{server.url}/videos")
    with pytest.raises(UsageError, match=r"^http://127\.0\.0\.1:1: no server answers there"):
        check_server("http://127.0.0.1:1/videos")
    monkeypatch.setenv("http_proxy", server.url)
    check_server("http://127.0.0.1:1/videos")  # the proxy is asked


def test_what_was_asked(storage: WebStorage, server: WebServer) -> None:
    storage.stat("a.mp4")
    assert server.asked == [Asked("/videos/a.mp4", "bytes=0-0", "")]
