"""Formatting of numbers, paths and tables for people, and JSON for programs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clipmill.storage import is_url


def place(path: str) -> str:
    """Return an absolute path as a person would type it here."""
    near = path if is_url(path) else os.path.relpath(path)
    return path if near.startswith("..") else near


def size(number: float) -> str:
    """Return a number of bytes as 512 B, 1.9 GB, 212 GB: powers of ten, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} TB" if number < 1000 else f"{number:,.0f} TB"


def about(number: float) -> str:
    """Return a count, rounded to two digits."""
    if number < 100:
        return f"{number:.0f}"
    digits = len(str(round(number))) - 2
    return f"{round(number, -digits):,.0f}"


def plural(number: int, word: str) -> str:
    """Return a count with its noun: 1 clip, 2 clips, 3 classes."""
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{ending}"


def classes(counts: Mapping[str, int]) -> str:
    """Say how many classes there are, and how many clips the smallest and the largest have."""
    least, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    clips = plural(counts[most], "clip")
    if counts[least] == counts[most]:
        return f"{plural(len(counts), 'class')} of {clips}{' each' * (len(counts) > 1)}"
    return f"{plural(len(counts), 'class')}, from {counts[least]:,} ({least}) to {clips} ({most})"


def percent(share: float) -> str:
    """Return a share as 17 %, 0.4 % or 99.5 %: 0 % and 100 % only where exact."""
    number = 100 * share
    if 0 < number < 10 or 99 < number < 100:
        return f"{min(99.9, max(0.1, number)):.1f} %"
    return f"{number:.0f} %"


def clock(seconds: float) -> str:
    """Return seconds as 42s, 3m05s or 2h07m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def version(name: str) -> str:
    """Return a version's first eight digits, which every command accepts as its name."""
    return name[:8]


def one_line(text: str) -> str:
    """Return text of a file name or a listing with its unprintable characters escaped."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def lines(text: str) -> str:
    """Return text of several lines with all other unprintable characters escaped."""
    return "\n".join(map(one_line, text.split("\n")))


def block(rows: Sequence[tuple[str, str]]) -> str:
    """Return names and values, a line each, with the values aligned."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name.ljust(width)}  {value}".rstrip() for name, value in rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON, for a program."""
    print(msgspec.json.encode(value).decode())
