"""Fixtures for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import DATA


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos and listings; tests that need it are skipped where it is not."""
    if not (DATA / "facts.csv").is_file():
        pytest.skip(f"the real videos are not at {DATA} (set CLIPMILL_TEST_DATA)")
    return DATA
