"""Fixtures of the crash tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def quick_disk() -> Iterator[Path]:
    """A folder in memory where there is one: thousands of fsyncs take minutes on a disk."""
    memory = "/dev/shm"
    folder = Path(tempfile.mkdtemp(prefix="clipmill-crash-", dir=memory if os.access(memory, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)
