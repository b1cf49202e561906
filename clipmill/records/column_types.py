"""Further columns of the listing in records: their types, and what their cells hold. Loads no NumPy."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

_INT64 = range(-(1 << 63), 1 << 63)


def read_columns(declared: str) -> dict[str, str]:
    """Return the type of each column from a text such as `caption=text,views=int64`."""
    pairs = (word.rpartition("=") for word in declared.split(",")) if declared else ()
    return {name: kind for name, _, kind in pairs}


def write_columns(columns: Mapping[str, str]) -> str:
    """Return the text that `read_columns` reads; the same for any order."""
    return ",".join(f"{name}={kind}" for name, kind in sorted(columns.items()))


def cell(kind: str, text: str | None) -> str | int | float:
    """Return what a cell holds: of an empty one "", -1 or NaN.

    Args:
        kind: one of `clipmill.layout.COLUMN_TYPES`.
        text: of the cell; None where the row has none.

    Raises:
        ValueError: it holds something else.
    """
    if kind == "text":
        return text or ""
    text = (text or "").strip()
    if kind == "int64":
        if re.fullmatch(r"[+-]?[0-9]{1,19}|", text) and int(text or -1) in _INT64:
            return int(text or -1)
        raise ValueError(f"{text!r} is not a whole number of 64 bits")
    try:
        value = float("x" if "_" in text else text or "nan")
        struct.pack("<f", value)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a number that a float holds") from None
    return value
