"""clipmill verify: hold all that is published against each other, and say what is wrong."""

from __future__ import annotations

import sys

from clipmill.dataset.verify import verify as verify_dataset
from clipmill.options.defaults import cores
from clipmill.pipeline.report import words
from clipmill.pipeline.report.progress import Line, bar
from clipmill.storage import open_storage


def verify(out: str, *, deep: bool, as_json: bool) -> int:
    """Check all that is published; returns the exit code, 1 if anything is wrong.

    Args:
        out: root of the data set, absolute or a URL.
        deep: decode every frame, too.
    """
    line = Line()
    try:
        report = verify_dataset(
            open_storage(out),
            deep=deep,
            progress=lambda done, of: line.show(f"{bar(done, of)} clips"),
            workers=cores(),
        )
    finally:
        line.close()
    if as_json:
        words.print_json(report)
        return 1 if report.problems else 0
    for problem in report.problems:
        where = f", {problem.where}" if problem.where else ""
        print(words.one_line(f"{problem.file}{where}: {problem.what}"))
    counted = (
        f"{words.version(report.version)}: {words.plural(report.clips, 'clip')}, "
        f"{words.plural(report.frames, 'frame')}, {words.plural(report.shards, 'shard')}"
    )
    if report.problems:
        print(f"{counted}: {words.plural(len(report.problems), 'problem')}", file=sys.stderr)
        return 1
    how = "every frame decodes" if deep else "every record, checksum and header is right"
    print(f"{counted}, {words.size(report.bytes)}: {how}")
    return 0
