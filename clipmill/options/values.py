"""Kinds of option values: reading text as a value, with an error that says what is expected."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

import msgspec

from clipmill.layout import COLUMN_TYPES
from clipmill.options import COLUMN_ROLES, Budget
from clipmill.storage import absolute


class Kind(msgspec.Struct, frozen=True):
    """What an option takes.

    Attributes:
        says: the kind in words, for the docs.
        pattern: regular expression of the texts that may be right, for Dataflow's form.
        read: from text to value; raises argparse.ArgumentTypeError, which says what is wrong.
        write: from the value, as a manifest has it, to text.
    """

    says: str
    pattern: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = lambda value: f"{value:g}" if isinstance(value, float) else str(value)


def positive(text: str) -> int:
    """Read a whole number from 1 up."""
    if not re.fullmatch(r"[0-9]+", text) or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 up")
    return int(text)


def whole(text: str) -> int:
    """Read a whole number, which may be zero or negative."""
    if not re.fullmatch(r"-?[0-9]+", text):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number")
    return int(text)


def mebibytes(text: str) -> int:
    """Read a whole number of MiB; returns bytes."""
    return positive(text) << 20


def _written_mebibytes(value: int) -> str:
    return str(value >> 20)


def seconds(text: str) -> float:
    """Read a time span in seconds."""
    return _between(text, 1e9, "a number of seconds above 0")


def rate(text: str) -> float:
    """Read frames per second."""
    return _between(text, 1000, "a number of frames per second above 0, at most 1000")


def quality(text: str) -> int:
    """Read the quality of a JPEG, 1 to 100."""
    if not re.fullmatch(r"[0-9]+", text) or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to 100")
    return int(text)


def size(text: str) -> tuple[int, int]:
    """Read a width and a height in pixels."""
    found = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", text)
    if not found or not all(0 < int(side) <= 16384 for side in found.groups()):
        raise argparse.ArgumentTypeError(f"{text} is not a width and a height such as 320x240")
    return int(found[1]), int(found[2])


def share(text: str) -> float:
    """Read a share such as 50%; returns 0 to 1."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*%", text)
    if not found or float(found[1]) > 100:
        raise argparse.ArgumentTypeError(f"{text} is not a share from 0% to 100%")
    return float(found[1]) / 100


def _written_share(value: float) -> str:
    return f"{100 * value:g}%"


def budget(text: str) -> Budget:
    """Read a count of clips, or a share of the listing."""
    found = re.fullmatch(r"([0-9]+)|([0-9]+(?:\.[0-9]+)?)\s*%", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text} is not a number of clips such as 20 or a share such as 5%")
    return Budget(count=int(found[1])) if found[1] else Budget(share=float(found[2]) / 100)


def failures_budget(text: str) -> Budget:
    """Read a budget whose share never means fewer than three clips."""
    found = budget(text)
    return found if found.count is not None else Budget(share=found.share, least=3)


def days(text: str) -> float:
    """Read a time span in days: 7, 0.5, 7d."""
    try:
        found = float(text.removesuffix("d"))
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a number of days such as 7")
    return found


def shares(text: str) -> dict[str, float]:
    """Read splits and their shares, which add up to 1: train=0.8,val=0.2."""
    found: dict[str, float] = {}
    for word in text.split(","):
        split, _, share = (side.strip() for side in word.partition("="))
        if not re.fullmatch(r"[0-9A-Za-z_]+", split) or split in found:
            raise argparse.ArgumentTypeError(f"{text} is not like train=0.8,val=0.2")
        found[split] = _between(share, 1, "a share above 0, at most 1, as in train=0.8,val=0.2")
    if abs(sum(found.values()) - 1) > 1e-9:
        raise argparse.ArgumentTypeError(f"{text} adds up to {sum(found.values()):g}, not 1")
    return found


def columns(text: str) -> dict[str, str]:
    """Read which column is what: label=tag,start=t0; nothing after a = means no column."""
    found: dict[str, str] = {}
    for word in text.split(","):
        role, mark, column = (side.strip() for side in word.partition("="))
        if not mark or role not in COLUMN_ROLES or role in found:
            raise argparse.ArgumentTypeError(f"{text} is not like label=tag,start=t0, of {', '.join(COLUMN_ROLES)}")
        found[role] = column
    return found


def record_columns(text: str) -> str:
    """Read further columns of a listing and their types, text where none is said: caption,views=int64."""
    found: dict[str, str] = {}
    for word in text.split(","):
        column, mark, kind = word.rpartition("=")
        column, kind = (column.strip(), kind.strip()) if mark else (word.strip(), COLUMN_TYPES[0])
        if not column or column in found or kind not in COLUMN_TYPES:
            raise argparse.ArgumentTypeError(
                f"{text} is not like caption,views=int64: names of columns, with the types {', '.join(COLUMN_TYPES)}"
            )
        found[column] = kind
    return ",".join(f"{column}={kind}" for column, kind in sorted(found.items()))


def name(text: str) -> str:
    """Read the name of a data set; TFDS allows letters, digits and _."""
    if not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", text):
        raise argparse.ArgumentTypeError(
            f"{text} is not a letter, then letters, digits and _ (TFDS allows no other name)"
        )
    return text


def path(text: str) -> str | None:
    """Read a local path or a URL; None for an empty text.

    Raises:
        UsageError: a URL with a scheme that we do not know.
    """
    return absolute(text) if text else None


def _between(text: str, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise argparse.ArgumentTypeError(f"{text} is not {what}")
    return value


TEXT = Kind("text", ".+", str)
#: The patterns are for Dataflow's form, whose workers see no local disk.
LISTING = Kind("folder, file or glob", "gs://.+", str)
PATH = Kind("folder, file or URL", "gs://.+", path)
#: May be given several times; where it can be given only once, with commas between them.
PATHS = Kind("folders or URLs", "gs://.+", path)
NAME = Kind("letter, then letters, digits and _", r"[A-Za-z][A-Za-z0-9_]*", name)
POSITIVE = Kind("whole number from 1", "[0-9]+", positive)
WHOLE = Kind("whole number", "-?[0-9]+", whole)
MEBIBYTES = Kind("whole number of MiB", "[0-9]+", mebibytes, _written_mebibytes)
SECONDS = Kind("seconds above 0", "[0-9.]+", seconds)
RATE = Kind("frames per second, at most 1000", "[0-9.]+", rate)
QUALITY = Kind("whole number from 1 to 100", "[0-9]+", quality)
SIZE = Kind("width x height, as 320x240", "[0-9]+x[0-9]+", size)
BUDGET = Kind("number of clips, or share such as 5%", "[0-9.]+ *%?", budget)
FAILURES_BUDGET = Kind("number of clips, or share such as 5%", "[0-9.]+ *%?", failures_budget)
RECORD_COLUMNS = Kind("names of columns, with types", r"[^,]+(,[^,]+)*", record_columns)
COLUMNS = Kind("roles and names of columns", r"\w+=[^,]*(,\w+=[^,]*)*", columns)
SHARE = Kind("share such as 50%", "[0-9.]+ *%", share, _written_share)
SHARES = Kind("shares that add up to 1", r"\w+=[0-9.]+(,\w+=[0-9.]+)*", shares)
