"""The words of `clipmill adopt`."""

from __future__ import annotations

import argparse

from clipmill.options import values


def add_adopt_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `clipmill adopt` to its parser."""
    add = parser.add_argument
    add("listing", nargs="*", metavar="SHARDS", help="TFRecord files, globs, or folders of them")
    add("--out", metavar="OUT", help="a new folder, s3://... or gs://...")
    add("--split", metavar="S", help="of all clips (default: by each file's name, else train)")
    add("--name", type=values.name, metavar="NAME", help="of the data set (default clips)")
    add("--labels", metavar="FILE", help="the names of the classes, in the order of their numbers")
    add("--keys", metavar="ROLE=KEY", help="which feature is what, as frames=my/frames,label=tag")
    add("--copy", action="store_true", help="copy the shards (default: link them, on one disk)")
    add("--max-missing", type=values.budget, metavar="N|P%", help="records with an id that is taken (default 1%%)")
    add("--max-failures", type=values.failures_budget, metavar="N|P%", help="records that cannot be read (default 1%%)")
    add("--json", action="store_true", help="print JSON for programs")
