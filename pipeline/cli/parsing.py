"""A parser whose errors are one line that says what to do, and whose help fits 80 columns."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn

from clipmill.errors import UsageError


class Help(argparse.HelpFormatter):
    """Help of at most 80 columns; descriptions and epilogs stay as they are written."""

    def __init__(self, prog: str) -> None:
        width = min(80, shutil.get_terminal_size().columns)
        super().__init__(prog, max_help_position=26, width=width)

    def _format_action(self, action: argparse.Action) -> str:
        text = super()._format_action(action)
        # The first line of a list of commands has no content.
        return text.partition("\n")[2] if isinstance(action, argparse._SubParsersAction) else text

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


class Parser(argparse.ArgumentParser):
    """Parses options that are spelled out, so that a new one never changes what an old command means."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=Help, **settings)
        self._optionals.title = "options"

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of ending the program.

        Raises:
            UsageError: always.
        """
        raise UsageError(f"{message.removeprefix('argument ')} (see {self.prog} --help)")

    def parse_words(self, words: list[str]) -> argparse.Namespace:
        """Parse a command line; listings may stand before, between and after the options.

        Raises:
            UsageError: an option or a word too many.
        """
        arguments, left = self.parse_known_args(words)
        parser: Parser = getattr(arguments, "parser", self)
        for word in left:
            if word.startswith("-"):
                option = word.partition("=")[0]
                parser.error(f"there is no option {option}{_meant(option, parser._option_string_actions)}")
        if left and "listing" not in arguments:
            parser.error(f"{left[0]}: unexpected argument")
        if left:
            arguments.listing = [*arguments.listing, *left]
        return arguments

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        meant = _meant(str(value), action.choices)
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"there is no command {value}{meant}")
        raise argparse.ArgumentError(action, f"{value} is not one of {', '.join(map(str, action.choices))}{meant}")


def _meant(word: str, known: Iterable[str]) -> str:
    alike = get_close_matches(word, list(known), n=1)
    return f"; did you mean {alike[0]}?" if alike else ""
