"""The clipmill command."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence

import argcomplete

from clipmill import __version__
from clipmill.errors import ClipmillError, Interrupted, StorageError, UsageError
from clipmill.pipeline.cli import commands
from clipmill.pipeline.cli.config import with_config
from clipmill.pipeline.cli.parsing import Parser
from clipmill.pipeline.interrupts import remember_interrupts
from clipmill.pipeline.report.logs import complain
from clipmill.storage.endpoint import check_endpoints

_EXIT_CODES = """\
exit codes:
  0    done
  1    the data was refused (budgets, verification): nothing is published
  2    the command, an option or the listing is wrong, or the disk is too small
  3    try again: storage failed, or another run published first
  130  interrupted
"""

_BUG = "internal error; please report it with the lines above"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    0 done; 1 the data was refused; 2 the command, an option or the listing is wrong;
    3 try again; 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # Beam warns of missing extras that clipmill does not use.
    logging.getLogger().setLevel(logging.ERROR)
    logging.getLogger("clipmill").setLevel(logging.WARNING)
    remember_interrupts()
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # What reads our output (head, less) has ended; Python must not fail on it while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Interrupted, KeyboardInterrupt) as error:
        complain(str(error) or "interrupted", Interrupted.exit_code)
        sys.stdout.flush()
        # Threads of Beam outlive an interrupted run, and Python would wait for them. And where Ctrl-C fell into an exec
        # of a string (so dataclasses are made), it would end by the signal, though that is caught.
        os._exit(Interrupted.exit_code)
    except ClipmillError as error:
        # Several lines are a child's traceback.
        complain(f"{error}\n{_BUG}" if "\n" in str(error) else str(error), error.exit_code)
        return error.exit_code
    except OSError as error:
        what = f"{error.filename or 'the output of this command'}: {error.strerror or error}"
        complain(what, StorageError.exit_code)
        return StorageError.exit_code
    except Exception:
        traceback.print_exc()
        complain(_BUG, 1)
    return 1


def _run(words: list[str]) -> int:
    if "_ARGCOMPLETE" in os.environ:
        # A shell asks which words fit: this prints them, and ends the process.
        argcomplete.autocomplete(_parser())
    if not _split(words)[0]:
        _parser().print_help()
        return UsageError.exit_code
    arguments = parse(words)
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def parse(words: list[str]) -> argparse.Namespace:
    """Return what a command line asks for; its `run` does it.

    Raises:
        UsageError: a command, an option or a word is wrong, or its object store does not answer.
    """
    own, beam_words = _split(words)
    parser = _parser()
    arguments = parser.parse_words(own)
    if not arguments.command:
        raise UsageError("no command (see clipmill --help)")
    if beam_words and arguments.command not in ("build", "export"):
        raise UsageError(f"{' '.join(beam_words)}: Beam options after -- work with clipmill build and export alone")
    check_endpoints(own)
    if getattr(arguments, "config", None):
        configured = with_config(own, arguments)
        try:
            arguments = parser.parse_words(configured)
        except UsageError as error:
            raise UsageError(f"--config {arguments.config}: {error}") from None
    arguments.beam_words = beam_words
    return arguments


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words for clipmill, and those after -- for Beam."""
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _parser() -> Parser:
    parser = Parser(
        prog="clipmill",
        usage="clipmill COMMAND ...",
        description="Turns a listing of videos into shards of frames for training.\nclipmill COMMAND --help says more.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"clipmill {__version__}")
    commands.add_commands(
        parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", parser_class=Parser, prog="clipmill")
    )
    return parser
