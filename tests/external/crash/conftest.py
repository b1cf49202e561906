"""Fixtures of the crash tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Minutes of builds that are killed and that race: only where somebody asks for them."""
    if item.get_closest_marker("crash") and not os.environ.get("CLIPMILL_CRASH"):
        pytest.skip("kills the real command for minutes: run by make test-crash")


@pytest.fixture(scope="module")
def quick_disk() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of fsyncs take minutes on a disk."""
    memory = "/dev/shm"
    folder = Path(tempfile.mkdtemp(prefix="clipmill-crash-", dir=memory if os.access(memory, os.W_OK) else None))
    folder.chmod(0o755)  # some tests read it as another user
    yield folder
    shutil.rmtree(folder)
