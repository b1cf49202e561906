"""Numbers as people read them."""

from __future__ import annotations

import os
from collections.abc import Sequence

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


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)
