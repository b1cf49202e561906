"""The clipmill command."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from clipmill import __version__
from clipmill.errors import ClipmillError, Interrupted, MissingExtra, UsageError


class _Parser(argparse.ArgumentParser):
    """Errors in one line, and where help is."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code.

    0 done; 1 the data said no; 2 the command, an option or the listing is wrong;
    3 worth trying again; 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    # Beam warns of extras that nobody here needs.
    logging.getLogger().setLevel(logging.ERROR)
    try:
        return _run(words)
    except ClipmillError as error:
        print(f"clipmill: {error}", file=sys.stderr)
        code = error.exit_code
        if isinstance(error, Interrupted):
            _flush_and_exit(code)
        return code
    except KeyboardInterrupt:
        print("clipmill: interrupted", file=sys.stderr)
        return Interrupted.exit_code
    except BrokenPipeError:
        # Our reader (head, less) has enough; Python must not complain about it on the way out.
        sys.stderr.close()
        return 0
    except Exception:
        traceback.print_exc()
        print("clipmill: this is a bug; please report it with the lines above", file=sys.stderr)
        return 1


def _run(words: list[str]) -> int:
    own, beam_words = _split(words)
    parser = _parser()
    arguments = parser.parse_args(own)
    if not getattr(arguments, "run", None):
        parser.print_help()
        return UsageError.exit_code
    if beam_words and arguments.command != "build":
        raise UsageError(f"{' '.join(beam_words)}: only build takes Beam options")
    if getattr(arguments, "config", None):
        from pipeline.arguments import read_config

        at = own.index(arguments.command) + 1
        configured = read_config(arguments.config, arguments.parser)
        arguments = parser.parse_args(own[:at] + configured + own[at:])
    arguments.beam_words = beam_words
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Our words, and those after -- that Beam gets."""
    if "--" not in words:
        return words, []
    at = words.index("--")
    return words[:at], words[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    from pipeline import commands

    parser = _Parser(prog="clipmill", description="Turns a listing of videos into shards of frames for training.")
    parser.add_argument("--version", action="version", version=f"clipmill {__version__}")
    commands.add_commands(parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser))
    return parser


def _flush_and_exit(code: int) -> None:
    from pipeline.local import exit_now

    sys.stdout.flush()
    sys.stderr.flush()
    exit_now(code)


def needs(what: str, extra: str, *modules: str) -> None:
    """Check that an extra is installed.

    Raises:
        MissingExtra: one of the modules is not there; names the pip line that mends it.
    """
    from importlib.util import find_spec

    if any(find_spec(module) is None for module in modules):
        raise MissingExtra(what, extra)
