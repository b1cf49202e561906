"""The words of `clipmill export`."""

from __future__ import annotations

import argparse

from clipmill.export import FORMATS
from clipmill.options import values
from clipmill.options.table import FLINK, TABLE
from clipmill.pipeline.cli.arguments import add_option
from clipmill.pipeline.cli.own_schema import OrOwn, schema_of
from clipmill.pipeline.runners import LOCAL, RUNNERS


def add_export_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `clipmill export` to its parser."""
    add = parser.add_argument
    schemas = [name for name, module in FORMATS.items() if module == FORMATS["tfds"]]
    add(
        "--to",
        required=True,
        type=schema_of,
        choices=OrOwn(FORMATS),
        metavar="FORMAT",
        help=f"{', '.join(FORMATS)}, or FILE.toml: a schema of your own",
    )
    add("--dest", required=True, metavar="DIR", help="an empty folder, s3://... or gs://...")
    add("--split", metavar="S", help="one split (default: all)")
    add("--order", choices=["length", "random"], help="of the clips (default: the format's own choice)")
    add("--seed", type=values.whole, help="of --order random (default 0)")
    add("--shard-mb", type=values.positive, default=256, metavar="MB", help="size of a file to aim at (default 256)")
    add("--workers", type=values.positive, metavar="N", help="files written at once (default: all cores)")
    add(
        "--one-video",
        action="store_true",
        default=None,
        help="webdataset: a Motion JPEG video a clip, not an image a frame",
    )
    add(
        "--record-columns",
        type=values.record_columns,
        metavar="NAMES",
        help=f"{', '.join(schemas)}: further columns in the records, as caption,views=int64",
    )
    cluster = parser.add_argument_group("on a cluster: Beam's options follow after --")
    add = cluster.add_argument
    add("--runner", choices=list(RUNNERS), default=LOCAL, help="where it runs (default local)")
    for option in TABLE[FLINK]:
        add_option(cluster, option)
    windows = parser.add_argument_group("windows: consecutive frames of the same clips")
    add = windows.add_argument
    add("--sequence-length", type=values.positive, metavar="N", help="frames of a window (default 16)")
    add("--batch-size", type=values.positive, metavar="N", help="clips that take turns (default 1)")
    add("--first-label", type=values.whole, metavar="N", help="number of the first class (default 0)")
    add("--encoding", choices=["raw", "jpeg"], help="of the frames (default raw)")
    add("--last", choices=["drop", "pad"], help="the last incomplete group is dropped, or filled up with its own clips")
    add("--size", type=values.size, metavar="WxH", help="bring all frames to this size")
    add("--fit", choices=["crop", "pad", "stretch"], help="how they are brought to --size (default crop)")
