"""How numbers, places and tables are put: for people, and for programs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import msgspec

from clipmill.storage import is_url


def place(path: str) -> str:
    """An absolute path as a person would type it here."""
    near = path if is_url(path) else os.path.relpath(path)
    return path if near.startswith("..") else near


def size(number: float) -> str:
    """Bytes as 512 B, 1.9 GB, 212 GB: powers of ten, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:,.3g} TB" if number < 1000 else f"{number:,.0f} TB"


def about(number: float) -> str:
    """A count with two digits that mean something."""
    if number < 100:
        return f"{number:.0f}"
    digits = len(str(round(number))) - 2
    return f"{round(number, -digits):,.0f}"


def plural(number: int, word: str) -> str:
    """1 clip, 2 clips, 3 classes."""
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{ending}"


def percent(share: float) -> str:
    """A share as 17 %, 0.4 % or 99.5 %: all and nothing only where it is so."""
    number = 100 * share
    if 0 < number < 10 or 99 < number < 100:
        return f"{min(99.9, max(0.1, number)):.1f} %"
    return f"{number:.0f} %"


def clock(seconds: float) -> str:
    """Seconds as 42s, 3m05s or 2h07m."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def version(name: str) -> str:
    """A version's name as people need it: eight digits tell versions apart, and every command takes them."""
    return name[:8]


def one_line(text: str) -> str:
    """Text from a file name or a listing, with what could break a line or a terminal spelled out."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def block(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values, a line each, the values below each other."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name.ljust(width)}  {value}".rstrip() for name, value in rows)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side: the first to the left, the others to the right."""
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
