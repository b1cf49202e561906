"""A Flink session cluster for the tests in this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_servers import cannot_start, mark_all, published, s3, use

from clipmill.pipeline.cli.main import main
from clipmill.storage import open_storage
from tools.flink.cluster import Cluster
from tools.processes import CannotStart
from tools.proxy import Proxy
from tools.servers import S3Server

__all__ = ["s3", "use"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_all(items, Path(__file__).parent, "flink")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def proxy(s3: S3Server) -> Iterator[Proxy]:
    """What the cluster's workers reach the S3 server through."""
    proxy = Proxy(s3.port)
    yield proxy
    proxy.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, s3: S3Server, proxy: Proxy) -> Iterator[Cluster]:
    """Two slots, and a worker pool that knows the S3 server."""
    cluster = Cluster(tmp_path_factory.mktemp("flink"), environment=s3.environment(proxy.port))
    try:
        cluster.start()
    except CannotStart as error:
        cannot_start(error)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of a Flink that Beam has no jar for."""
    cluster = Cluster(tmp_path_factory.mktemp("later"), version="2.3.0")
    try:
        cluster.start()
    except CannotStart as error:
        cannot_start(error)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def videos(shared_data: Path) -> Path:
    """97 real clips, 16,880 frames."""
    return shared_data / "videos" / "ucf101"


@pytest.fixture(scope="session")
def local_out(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the local runner published them."""
    out = tmp_path_factory.mktemp("local") / "out"
    assert main(["build", str(videos), "--out", str(out), "--shard-mb", "64"]) == 0
    return out


@pytest.fixture(scope="session")
def local(local_out: Path) -> dict[str, bytes]:
    """What the local runner published of them."""
    return published(open_storage(str(local_out)))
