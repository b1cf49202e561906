"""The images of docker/, built once for the tests in this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_servers import cannot_start, mark_all

from tools.image import Buildah, build_images
from tools.processes import CannotStart


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_all(items, Path(__file__).parent, "docker")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(scope="session")
def buildah() -> Buildah:
    """A store that holds both images."""
    try:
        return build_images()
    except CannotStart as error:
        cannot_start(error)
        raise
