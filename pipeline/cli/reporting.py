"""clipmill report: a page on what is published."""

from __future__ import annotations

import argparse

from clipmill.pipeline.page.report import report
from clipmill.pipeline.report import words
from clipmill.storage import absolute, split_path


def run_report(arguments: argparse.Namespace) -> int:
    """Write the page on the published version, and say where it is."""
    # A name that is not UTF-8 has no character of its own.
    page = report(absolute(arguments.out)).encode(errors="backslashreplace")
    storage, name = split_path(arguments.html)
    storage.put(name, page)
    if arguments.json:
        words.print_json({"html": arguments.html, "bytes": len(page)})
    else:
        print(f"-> {arguments.html} ({words.size(len(page))})")
    return 0
