"""Object stores for the tests in this folder and in tests/flink."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clipmill.storage import Storage, open_storage
from tools.processes import CannotStart
from tools.servers import GcsServer, S3Server

HERE = Path(__file__).parent
BUCKET = "clipmill-tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs servers, which only the target starts."""
    skip = pytest.mark.skip(reason="needs real servers: make test-services")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.services)
            if not os.environ.get("CLIPMILL_SERVICES"):
                item.add_marker(skip)


def started(server: S3Server | GcsServer) -> S3Server | GcsServer:
    """A server that runs, or the end of all tests: that none could be started must not look like success."""
    try:
        server.start()
    except CannotStart as error:
        pytest.exit(f"make test-services: {error}", returncode=1)
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


@pytest.fixture(params=["local", "s3", "gcs"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, use: Callable[[dict[str, str]], None]) -> Storage:
    """An empty storage of each kind."""
    if request.param == "local":
        return open_storage(str(tmp_path / "local"))
    server = request.getfixturevalue(request.param)
    use(server.environment())
    return open_storage(f"{server.scheme}://{BUCKET}/{tmp_path.parent.name}-{tmp_path.name}")
