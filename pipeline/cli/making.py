"""Commands that make a data set: build, plan."""

from __future__ import annotations

import argparse
from functools import partial

from clipmill.pipeline.build import build, plan
from clipmill.pipeline.cli.arguments import build_options
from clipmill.pipeline.cli.standard_input import standard_input_as_file
from clipmill.pipeline.cli.unpacking import refuse_archives, unpacked_listings
from clipmill.pipeline.report import logs
from clipmill.pipeline.report.summary_file import Summary
from clipmill.pipeline.runners import get_runner


def run_build(arguments: argparse.Namespace) -> int:
    """Build and publish a data set."""
    logs.setup(arguments.log_format)
    with Summary(arguments.summary_json, arguments.metrics) as summary, standard_input_as_file(arguments):
        if arguments.out:
            arguments.listing = unpacked_listings(arguments.listing, arguments.out)
        options = build_options(arguments)
        logs.in_every_line(run=options.run)
        summary.note(run=options.run, out=options.out)
        runner = partial(get_runner, arguments)
        json, yes = arguments.json, arguments.yes
        return build(options, runner, arguments.beam_words, summary, as_json=json, anyway=yes)


def run_plan(arguments: argparse.Namespace) -> int:
    """Say what a build would make and take."""
    refuse_archives(arguments.listing)
    with standard_input_as_file(arguments):
        return plan(build_options(arguments), as_json=arguments.json)
