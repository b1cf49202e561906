"""clipmill demo, apart from build: it loads the reader, which a build need not wait for."""

from __future__ import annotations

import argparse

from clipmill.pipeline.demo.run import demo
from clipmill.storage import absolute


def run_demo(arguments: argparse.Namespace) -> int:
    """Make, build, verify and draw a small data set; train on one for --train."""
    return demo(absolute(arguments.out), arguments.train)
