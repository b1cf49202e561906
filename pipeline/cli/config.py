"""--config FILE: options from a TOML file, under the names that they have on the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from clipmill.errors import StorageError, UsageError
from clipmill.options.table import OPTIONS
from clipmill.storage import absolute, split_path

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
    values = read_toml(path, "--config")
    listing = values.pop("listing", [])
    words = list(map(str, listing if isinstance(listing, list) else [listing])) if with_listing else []
    return words + words_of(values, f"--config {path}")


def words_of(values: Mapping[str, Any], where: str) -> list[str]:
    """Return options of build and plan as they are typed.

    Args:
        values: by name, with _ or - in it; True for a switch, False or None to leave an option out.
        where: they stand, for errors.

    Raises:
        UsageError: there is no such option.
    """
    known = {option.key: option for option in OPTIONS if option.name not in ("config", "listing")}
    words: list[str] = []
    for key, value in values.items():
        option = known.get(key.replace("-", "_"))
        if option is None:
            option_name = f"--{key.replace('_', '-')}"
            raise UsageError(f"{where}: there is no option {option_name}")
        if value is True:
            words.append(f"--{option.name}")
        elif value is not False and value is not None:
            several = value if isinstance(value, list) else [value]
            words += [f"--{option.name}={_plain(each)}" for each in several]
    return words


def read_toml(path: str, option: str) -> dict[str, Any]:
    """Read a TOML file that an option names.

    Raises:
        UsageError: there is none, or it is no TOML.
    """
    storage, name = split_path(absolute(path))
    try:
        values: dict[str, Any] = tomllib.loads(storage.read(name).decode())
        return values
    except OSError as error:
        raise UsageError(f"{option} {path}: {error.strerror}") from None
    except StorageError as error:
        raise UsageError(f"{option} {error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{option} {path}: {error}") from None


def _plain(value: Any) -> str:
    """Return a value as it is typed: `{train = 0.8, val = 0.2}` as train=0.8,val=0.2, and (320, 240) as 320x240."""
    if isinstance(value, dict):
        return ",".join(f"{name}={share}" for name, share in value.items())
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
