"""RAR archives of many kinds: those that the package rarfile is tested with."""

from __future__ import annotations

import os
import shutil
import sys
import tarfile
from pathlib import Path

import pytest
from real_servers import mark_all

from tools.processes import cache, install, one_at_a_time

RARFILE = "rarfile==4.5"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_all(items, Path(__file__).parent, "archives")


@pytest.fixture(scope="session")
def rars() -> Path:
    """The folder of the archives; the programs that unpack them are installed, too."""
    if not os.environ.get("CLIPMILL_SERVICES"):
        pytest.skip("needs unar and bsdtar: run by make test-archives")
    folder = cache(RARFILE.replace("==", "-"))
    with one_at_a_time(folder):
        if not (shutil.which("unar") and shutil.which("bsdtar")):
            install(["apt-get", "update", "-qq"], "run as root on Debian")
            packages = ["unar", "libarchive-tools"]
            install(["apt-get", "install", "-qq", "--no-install-recommends", *packages], "run as root on Debian")
        if not (folder / "files").is_dir():
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation"]
            install([*command, "--no-binary", ":all:", "--dest", str(folder), RARFILE], "check the package index")
            (sdist,) = folder.glob("*.tar.gz")
            with tarfile.open(sdist) as archive:
                archive.extractall(folder, filter="data")
            (inside,) = folder.glob("*/test/files")
            inside.rename(folder / "files")
    return folder / "files"
