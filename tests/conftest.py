"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real videos and listings; tests that need it are skipped where it is not."""
    folder = Path(os.environ.get("CLIPMILL_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "facts.csv").is_file():
        pytest.skip(f"the real videos are not at {folder} (set CLIPMILL_TEST_DATA)")
    return folder
