"""The page on other readers: each row names a version that a lock file has, and a test that loads that reader."""

from __future__ import annotations

import re

import pytest
from places import ROOT

from clipmill.export import FORMATS

PAGE = (ROOT / "docs" / "interop.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
LOCKED = {
    (name, version)
    for lock in ROOT.glob("requirements*.lock")
    for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", lock.read_text(), re.MULTILINE)
}
#: What a test imports, where the package has another name.
MODULES = {
    "tensorflow-datasets": "tensorflow_datasets",
    "array-record": "ArrayRecordDataSource",
    "nvidia-dali-cuda120": "nvidia.dali",
}


def test_there_are_rows() -> None:
    assert len(ROWS) > 10 and {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_is_held_by_a_test_of_that_version(row: list[str]) -> None:
    package, *names = re.findall(r"`([^`(]+)", row[0])
    assert (package, row[1]) in LOCKED
    paths = re.findall(r"`(tests/[\w/]+\.py)`", row[4])
    texts = [(ROOT / path).read_text() for path in paths]
    assert texts and any(MODULES.get(package, package) in text for text in texts)
    for name in names:
        word = name.rpartition(".")[2]
        assert any(word in text for text in texts), f"no test of {word}"


def test_formats_on_the_page_exist_and_those_of_other_readers_are_there() -> None:
    assert set(re.findall(r"--to ([\w-]+)", PAGE)) - {"..."} <= set(FORMATS)
    assert {"array_record", "parquet", "webdataset", "mediaseq", "windows"} <= set(re.findall(r"--to ([\w-]+)", PAGE))
