"""Object stores for the tests in this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from real_servers import BUCKET, gcs, mark_all, s3, use

from clipmill.storage import Storage, open_storage

__all__ = ["gcs", "s3", "use"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_all(items, Path(__file__).parent, "services")


@pytest.fixture(params=["local", "s3", "gcs"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, use: Callable[[dict[str, str]], None]) -> Storage:
    """An empty storage of each kind."""
    if request.param == "local":
        return open_storage(str(tmp_path / "local"))
    server = request.getfixturevalue(request.param)
    use(server.environment())
    return open_storage(f"{server.scheme}://{BUCKET}/{tmp_path.parent.name}-{tmp_path.name}")
