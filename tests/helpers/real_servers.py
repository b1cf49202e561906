"""Fixtures for tests on real servers of this machine, which only some targets of make start.

Without those targets the tests are skipped. With them, a server that cannot be started
ends the whole run: it must not look like success.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from clipmill import layout
from clipmill.storage import Storage, open_storage
from tools.processes import CannotStart
from tools.servers import GcsServer, S3Server

BUCKET = "clipmill-tests"
Server = TypeVar("Server", S3Server, GcsServer)


def mark_all(items: list[pytest.Item], folder: Path, marker: str) -> None:
    """Mark a folder's tests, and skip them where their target did not ask for them."""
    skip = pytest.mark.skip(reason=f"needs real servers: make test-{marker}")
    for item in items:
        if folder in item.path.parents:
            item.add_marker(marker)
            if not os.environ.get("CLIPMILL_SERVICES"):
                item.add_marker(skip)


def cannot_start(error: CannotStart) -> None:
    """End all tests."""
    pytest.exit(f"CANNOT START WHAT THESE TESTS NEED: {error}", returncode=1)


def started(server: Server) -> Server:
    """A server that runs and has a bucket."""
    try:
        server.start()
    except CannotStart as error:
        cannot_start(error)
    server.make_bucket(BUCKET)
    return server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = started(S3Server(tmp_path_factory.mktemp("s3")))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsServer]:
    server = started(GcsServer(tmp_path_factory.mktemp("gcs")))
    yield server
    server.stop()


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], None]]:
    """Sets variables that storages take their credentials and endpoints from."""

    def set_all(environment: dict[str, str]) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        open_storage.cache_clear()

    yield set_all
    open_storage.cache_clear()


def published(storage: Storage) -> dict[str, bytes]:
    """Every object that the published version consists of, by name, each once."""
    version = layout.current_version(storage)
    assert version is not None
    names = [path for path, _ in storage.list(layout.version_path(version)) if ".tfrecord-" not in path]
    names += [path for path, _ in storage.list("shards")]
    return {"CURRENT": storage.read("CURRENT")} | {name: storage.read(name) for name in names}


def left_over(storage: Storage) -> list[str]:
    """What lies in the work folder, but for what is kept there on purpose."""
    return [path for path, _ in storage.list("work") if not path.startswith(("work/cache/", "work/live"))]


def upload(folder: Path, storage: Storage) -> None:
    """Copy a folder's videos into a storage."""
    for file in folder.rglob("*.avi"):
        storage.put(str(file.relative_to(folder)), file.read_bytes())
