"""The Dataflow flex template's program: parameters in, a job graph out.

Dataflow's launcher runs it in the image with every parameter as one word, `--short_side=256`,
and its own options among them, `--template_location` above all: Beam then writes the job
instead of submitting it, and the launcher submits what was written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from clipmill import layout
from clipmill.errors import ClipmillError, UsageError
from clipmill.options.table import OPTIONS
from clipmill.options.values import PATHS
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.cli.arguments import add_build_arguments, build_options
from clipmill.pipeline.runners.dataflow import Dataflow
from clipmill.storage import open_storage


def main(argv: Sequence[str]) -> None:
    """Write the job for the parameters.

    Raises:
        SystemExit: they do not make a build; says why in one line.
    """
    parser = argparse.ArgumentParser(prog="clipmill", add_help=False)
    add_build_arguments(parser)
    try:
        own, beam_words = split_parameters(argv)
        arguments = parser.parse_args(own)
        options = build_options(arguments)
        runner = Dataflow(beam_words, arguments.workers)
        job = build_job(options, layout.current_version(open_storage(options.out)))
        runner.check(job)
        runner.submit(job, beam_words)
    except ClipmillError as error:
        raise SystemExit(f"clipmill: {error}") from None


def split_parameters(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return a template's parameters as words of `clipmill build`, and what is left for Beam.

    `listing` and `videos` may hold several, with commas between them; a switch is true or false.

    Raises:
        UsageError: a word is no parameter, or a switch neither true nor false.
    """
    known = {option.key: option for option in OPTIONS}
    own: list[str] = ["--runner=dataflow"]
    beam_words: list[str] = []
    for word in argv:
        name, equals, value = word.removeprefix("--").partition("=")
        option = known.get(name.replace("-", "_"))
        if not word.startswith("--"):
            raise UsageError(f"{word}: is not a parameter such as --short_side=256")
        if option is None:
            beam_words.append(word)
        elif option.name == "listing":
            own += value.split(",")
        elif option.kind is PATHS:
            own += [f"--{option.name}={each}" for each in value.split(",")]
        elif option.name == "runner":
            continue  # Beam's word for it, from the launcher
        elif option.kind is None:
            if equals and value not in ("true", "false"):
                raise UsageError(f"{word}: must be true or false")
            own += [] if value == "false" else [f"--{option.name}"]
        else:
            own.append(f"--{option.name}={value}")
    return own, beam_words
