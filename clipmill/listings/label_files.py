"""Label files (--labels FILE, classInd.txt): one class a line, numbered or not, a table, or JSON."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from clipmill.errors import ListingError
from clipmill.layout import is_label
from clipmill.storage import split_path

#: What `is_label` asks for, in words.
LABEL_RULE = "a label is one line of text without blanks around it, zero bytes or more than 1,000 characters"

#: (name, number) of each class, in the order of their numbers.
Declared = list[tuple[str, int]]

_Pairs = list[tuple[str, int]]
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER_FIRST = re.compile(r"(\d{1,9})\s+(\S.*)", re.ASCII)
_NUMBER_LAST = re.compile(r"(.*\S)\s+(\d{1,9})", re.ASCII)


def read_labels(path: str) -> Declared:
    """Read the classes of a file, in the order of their numbers.

    One class a line, whose line number from 0 is then its number; or numbered lines, "1 Archery" or
    "Archery 1", whose numbers run on from 0 or 1; or a table of two columns, id,name or name,id; or
    JSON: a list of names, {name: id}, {id: name}, or a list of objects with an id and a name.

    Raises:
        ListingError: there is no such file, it is not UTF-8, a line is no class's name, or a name or number
            stands there twice.
    """
    storage, name = split_path(path)
    try:
        text = storage.read(name).decode("utf-8-sig")
    except FileNotFoundError:
        raise ListingError(f"{path}: no such file of labels") from None
    except UnicodeDecodeError:
        raise ListingError(f"{path}: not a UTF-8 text file, so not a file of labels") from None
    if text.lstrip()[:1] in ("{", "["):
        return _checked(path, _of_json(path, text), lambda place: f"entry {place}")
    lines = [line.strip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ListingError(f"{path}: an empty file of labels")
    skipped, pairs = _of_table(lines)
    pairs = pairs or _of_numbered_lines(lines) or [(line, number) for number, line in enumerate(lines)]
    return _checked(path, pairs, lambda place: str(place + skipped))


def _checked(path: str, pairs: _Pairs, where: Callable[[int], str]) -> Declared:
    if not pairs:
        raise ListingError(f"{path}: an empty file of labels")
    names: dict[str, int] = {}
    numbers: dict[int, int] = {}
    for place, (label, number) in enumerate(pairs, 1):
        at = f"{path}:{where(place)}"
        if not label:
            raise ListingError(f"{at}: a blank line, where one class a line is expected")
        if not is_label(label):
            raise ListingError(f"{at}: {label!r} is no class: {LABEL_RULE}")
        if label in names:
            raise ListingError(f"{at}: the class {label} stands in line {where(names[label])} already")
        if number in numbers:
            raise ListingError(f"{at}: the number {number} stands in line {where(numbers[number])} already")
        names[label] = numbers[number] = place
    return sorted(pairs, key=lambda pair: pair[1])


def _of_table(lines: Sequence[str]) -> tuple[int, _Pairs]:
    """Return (lines of the header, pairs) of a table id,name or name,id, separated by commas, tabs or semicolons."""
    for delimiter in ("\t", ",", ";"):
        rows = list(csv.reader(lines, delimiter=delimiter))
        for skipped in (0, 1):
            body = rows[skipped:]
            if not body or any(len(row) < 2 for row in rows):
                break
            if all(_NUMBER.fullmatch(row[0].strip()) for row in body):
                return skipped, [(delimiter.join(row[1:]).strip(), int(row[0])) for row in body]
            if all(_NUMBER.fullmatch(row[-1].strip()) for row in body):
                return skipped, [(delimiter.join(row[:-1]).strip(), int(row[-1])) for row in body]
    return 0, []


def _of_numbered_lines(lines: Sequence[str]) -> _Pairs:
    """Return the pairs of lines with a number before or after each name, if the numbers run on from 0 or 1."""
    for pattern, number, name in ((_NUMBER_FIRST, 1, 2), (_NUMBER_LAST, 2, 1)):
        found = [pattern.fullmatch(line) for line in lines]
        pairs = [(match[name], int(match[number])) for match in found if match]
        own = sorted(number for _, number in pairs)
        if len(pairs) == len(lines) and own[0] in (0, 1) and own == list(range(own[0], own[0] + len(own))):
            return pairs if len({name for name, _ in pairs}) == len(pairs) else []
    return []


def _of_json(path: str, text: str) -> _Pairs:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ListingError(f"{path}: not JSON ({error})") from None
    pairs: list[tuple[Any, Any]] = []
    if isinstance(found, dict):
        pairs = list(found.items())
        if not all(_is_number(number) for _, number in pairs):
            pairs = [(name, number) for number, name in pairs]
    elif all(isinstance(entry, str) for entry in found):
        pairs = [(name, number) for number, name in enumerate(found)]
    elif all(isinstance(entry, dict) and len(entry) == 2 for entry in found):
        for entry in found:
            first, second = entry.values()
            pairs.append((second, first) if _is_number(first) and isinstance(second, str) else (first, second))
    if not pairs or not all(isinstance(name, str) and _is_number(number) for name, number in pairs):
        raise ListingError(
            f"{path}: not a file of labels: JSON of labels is a list of names, an object from name to number, "
            "or a list of objects with an id and a name"
        )
    return [(name.strip(), int(number)) for name, number in pairs]


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 <= value < 10**9
    return isinstance(value, str) and bool(_NUMBER.fullmatch(value))
