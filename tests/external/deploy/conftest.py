"""The tests in this folder install what they check with."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_servers import mark_all


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_all(items, Path(__file__).parent, "deploy")
