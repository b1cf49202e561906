"""clipmill init: an example of a file for build --config."""

from __future__ import annotations

import argparse

from clipmill.errors import UsageError
from clipmill.storage import split_path

EXAMPLE = """\
# Options of a build, under the names that they have on the command line:
#
#   clipmill build --config {file}
#
# What is typed there wins. Take the "# " away to turn a line on; clipmill build --help has all options.

listing = ["videos/"]    # folders of videos, or files that list them
out = "clips"            # where the data set goes: a folder, s3://... or gs://...

# videos = ["videos/"]    # where the relative paths of a listing start
# columns = {label = "tag", start = "t_start"}    # which column of a table is what
# max_missing = "20%"    # videos that may be missing

# short_side = 256    # shrink frames; never enlarges
# fps = 12.5
# max_frames = 300
# segment_seconds = 10    # cut long videos into clips

# split = {train = 0.8, val = 0.1, test = 0.1}    # whole groups, where the listing has no splits
# fold = 1    # of an official list
# class_every = 10    # every tenth class: a small data set to begin with

# schema = "tfds"    # layout of the records
# shard_mb = 256
# name = "clips"

# workers = 4
# max_change = "10%"    # published clips that may change: for builds that nobody watches
# summary_json = "summary.json"
# metrics = "clipmill.prom"
"""


def write_example(arguments: argparse.Namespace) -> int:
    """Write the example, where there is no such file yet.

    Raises:
        UsageError: there is one.
    """
    storage, name = split_path(arguments.file)
    if storage.stat(name) is not None:
        raise UsageError(f"{arguments.file}: is there already; remove it, or name another file")
    storage.put(name, EXAMPLE.replace("{file}", arguments.file).encode())
    print(f"-> {arguments.file}: clipmill build --config {arguments.file}")
    return 0
