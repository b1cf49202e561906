"""Label files (--labels FILE, classInd.txt): one class a line, numbered or not, a table, or JSON."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from clipmill.errors import ListingError
from clipmill.layout import is_label
from clipmill.listings.text_lines import is_comment
from clipmill.storage import split_path

#: What `is_label` asks for, in words.
LABEL_RULE = "a label is one line of text without blanks around it, zero bytes or more than 1,000 characters"

#: (name, number) of each class, in the order of their numbers.
Declared = list[tuple[str, int]]

_Pairs = list[tuple[str, int]]
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER_FIRST = re.compile(r"(\d{1,9})(?:[:.)]?\s+|:)(\S.*)", re.ASCII)
_NUMBER_LAST = re.compile(r"(.*[^\s:])(?:\s+|\s*:\s*)(\d{1,9})", re.ASCII)
# Heads of columns, and keys of objects, that are the name or the number of a class; letters alone, in lower case.
_NAMES = ("name", "classname", "labelname", "labeltext", "displayname", "label", "class", "category", "action")
_NUMBERS = ("id", "index", "idx", "number", "classid", "classindex", "classidx", "labelid", "labelindex", "label")
#: No class has one of these names, but a column may.
_HEADS = frozenset(("name", "names", "label", "labels", "class", "classes", "classname", "labelname"))


def read_labels(path: str) -> Declared:
    """Read the classes of a file, in the order of their numbers.

    One class a line, whose line number from 0 is then its number; or numbered lines, "1 Archery", "1: Archery" or
    "Archery 1", whose numbers run on from 0 or 1; or a table id,name or name,id, or with a header that says which
    columns these are; or JSON: a list of names, {name: id}, {id: name}, or a list of objects with an id and a name.
    Lines that begin with "#" and a blank are comments.

    Raises:
        ListingError: there is no such file, it is not UTF-8, a line is no class's name or a table's header, or a
            name or number stands there twice.
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
    numbered = [(row, line.strip()) for row, line in enumerate(text.split("\n"), 1) if not is_comment(line.encode())]
    while numbered and not numbered[-1][1]:
        numbered.pop()
    if not numbered:
        raise ListingError(f"{path}: an empty file of labels")
    lines = [line for _, line in numbered]
    skipped, pairs = _of_table(lines)
    pairs = pairs or _of_numbered_lines(lines)
    if not pairs and len(lines) > 1 and _plain(lines[0]) in _HEADS:
        raise ListingError(
            f"{path}:{numbered[0][0]}: {lines[0]!r} looks like the head of a column, which would be class 0: remove "
            "that line, or number all lines if it is a class"
        )
    pairs = pairs or [(line, number) for number, line in enumerate(lines)]
    return _checked(path, pairs, lambda place: str(numbered[place + skipped - 1][0]))


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
    """Return (lines of the header, pairs) of a table, separated by commas, tabs or semicolons."""
    for delimiter in ("\t", ",", ";"):
        rows = list(csv.reader(lines, delimiter=delimiter))
        if any(len(row) < 2 for row in rows):
            continue
        if (places := _by_header(rows)) is not None:
            name, number = places
            return 1, [(row[name].strip(), int(row[number])) for row in rows[1:]]
        for skipped in (0, 1):
            body = rows[skipped:]
            if body and all(_NUMBER.fullmatch(row[0].strip()) for row in body):
                return skipped, [(delimiter.join(row[1:]).strip(), int(row[0])) for row in body]
            if body and all(_NUMBER.fullmatch(row[-1].strip()) for row in body):
                return skipped, [(delimiter.join(row[:-1]).strip(), int(row[-1])) for row in body]
    return 0, []


def _by_header(rows: Sequence[Sequence[str]]) -> tuple[int, int] | None:
    """Return the places of name and number in a table whose first row says which they are; None where it does not."""
    heads, *body = ([_plain(cell) for cell in rows[0]], *rows[1:])
    if not body or len({len(row) for row in rows}) > 1:
        return None
    number = next(
        (heads.index(head) for head in _NUMBERS if head in heads and _all_numbers(body, heads.index(head))), None
    )
    names = (heads.index(head) for head in _NAMES if head in heads)
    name = next((place for place in names if place != number), None)
    return None if name is None or number is None else (name, number)


def _all_numbers(rows: Sequence[Sequence[str]], place: int) -> bool:
    return all(_NUMBER.fullmatch(row[place].strip()) for row in rows)


def _plain(head: str) -> str:
    return re.sub(r"[\W_]+", "", head.casefold())


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
    elif all(isinstance(entry, dict) for entry in found):
        pairs = [_of_object(entry) for entry in found]
    if not pairs or not all(isinstance(name, str) and _is_number(number) for name, number in pairs):
        raise ListingError(
            f"{path}: not a file of labels: JSON of labels is a list of names, an object from name to number, "
            "or a list of objects with an id and a name"
        )
    return [(name.strip(), int(number)) for name, number in pairs]


def _of_object(entry: dict[str, Any]) -> tuple[Any, Any]:
    """Return the name and the number in an object: those of its two values, or of the keys that are called so."""
    if len(entry) == 2:
        first, second = entry.values()
        return (second, first) if _is_number(first) and isinstance(second, str) else (first, second)
    by_key = {_plain(key): value for key, value in entry.items()}
    number = next((by_key[key] for key in _NUMBERS if _is_number(by_key.get(key))), None)
    name = next((by_key[key] for key in _NAMES if isinstance(by_key.get(key), str)), None)
    return name, number


def _is_number(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return 0 <= value < 10**9
    return isinstance(value, str) and bool(_NUMBER.fullmatch(value))
