"""clipmill verify: check all published files against each other, and print what is wrong."""

from __future__ import annotations

import sys

from clipmill.dataset.verify import verify as verify_dataset
from clipmill.options.defaults import cores
from clipmill.pipeline.report import words
from clipmill.pipeline.report.progress import Line, bar
from clipmill.pipeline.report.remarks import shared_content
from clipmill.storage import open_storage


def verify(out: str, *, deep: bool, as_json: bool, strict_splits: bool = False) -> int:
    """Check all that is published; returns the exit code, 1 if anything is wrong.

    Args:
        out: root of the data set, absolute or a URL.
        deep: decode every frame, too.
        strict_splits: splits that share frames are wrong, too.
    """
    bar_line = Line()
    try:
        report = verify_dataset(
            open_storage(out),
            deep=deep,
            progress=lambda done, of: bar_line.show(f"{bar(done, of)} clips"),
            workers=cores(),
        )
    finally:
        bar_line.close()
    wrong = bool(report.problems) or (strict_splits and report.shared.in_two_splits.clips > 0)
    if as_json:
        words.print_json(report)
        return 1 if wrong else 0
    for problem in report.problems:
        where = f", {problem.where}" if problem.where else ""
        print(words.one_line(f"{problem.file}{where}: {problem.what}"))
    counted = (
        f"{words.version(report.version)}: {words.plural(report.clips, 'clip')}, "
        f"{words.plural(report.frames, 'frame')}, {words.plural(report.shards, 'shard')}"
    )
    for line in shared_content(report.shared, f"clipmill inspect {words.place(out)} --json"):
        print(line, file=sys.stderr)
    if report.problems:
        print(f"{counted}: {words.plural(len(report.problems), 'problem')}", file=sys.stderr)
        return 1
    how = "every frame decodes" if deep else "every record, checksum and header is right"
    print(f"{counted}, {words.size(report.bytes)}: {how}")
    return 1 if wrong else 0
