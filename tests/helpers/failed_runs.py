"""The ledger of a run that did not get through."""

from __future__ import annotations

from pathlib import Path

from clipmill.dataset.ledger_file import Ledger
from clipmill.layout import run_path
from clipmill.ledger import Failure
from clipmill.storage import open_storage

FAILURES = [
    Failure("/lists/train.csv", 7, "b", "walk/b.mp4", "train", "ResolveSources", "missing", "no such file: walk/b.mp4"),
    Failure("/lists/train.csv", 9, "", "", "train", "ReadListing", "bad_row", "the row has no path"),
    Failure("/videos", 0, "a", "run/a\n\x1b[2J.mp4", "val", "DecodeFrames", "truncated", "truncated after 6 frames"),
    Failure("/lists/train.csv", 12, "c", "walk/c.mp4", "val", "ResolveSources", "missing", "no such file: walk/c.mp4"),
]


def run_in(folder: Path, run: str, failures: list[Failure]) -> None:
    storage = open_storage(str(folder))
    storage.put(run_path(run, "run.json"), b"{}")
    Ledger.write(storage, run, failures)
