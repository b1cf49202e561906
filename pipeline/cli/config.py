"""--config FILE: options from a TOML file, under the names that they have on the command line."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from clipmill.errors import UsageError
from clipmill.options.table import OPTIONS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def with_config(words: list[str], arguments: argparse.Namespace) -> list[str]:
    """Return a command line with the options of its --config file put first, so that the command line wins.

    Args:
        arguments: what the words were parsed into.

    Raises:
        UsageError: the file cannot be read, or names an option that does not exist.
    """
    at = words.index(arguments.command) + 1
    configured = _words(arguments.config, with_listing=not arguments.listing)
    return [*words[:at], *configured, *words[at:]]


def _words(path: str, *, with_listing: bool) -> list[str]:
    known = {option.key: option for option in OPTIONS if option.name != "config"}
    words: list[str] = []
    for key, value in _read(path).items():
        option = known.get(key.replace("-", "_"))
        if option is None:
            raise UsageError(f"--config {path}: there is no option --{key.replace('_', '-')}")
        if option.name == "listing":
            words += map(str, (value if isinstance(value, list) else [value]) if with_listing else [])
        elif value is True:
            words.append(f"--{option.name}")
        elif value is not False:
            several = value if isinstance(value, list) else [value]
            words += [f"--{option.name}={_plain(each)}" for each in several]
    return words


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            values: dict[str, Any] = tomllib.load(file)
            return values
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--config {path}: {error}") from None


def _plain(value: Any) -> str:
    """Return a TOML value as it is typed: `{train = 0.8, val = 0.2}` as train=0.8,val=0.2."""
    return ",".join(f"{name}={share}" for name, share in value.items()) if isinstance(value, dict) else str(value)
