"""Class names and their numbers: --labels FILE, classInd.txt, and the order of label.labels.txt."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from clipmill.errors import ListingError
from clipmill.layout import is_label
from clipmill.listings.paths import BadRow
from clipmill.storage import split_path

#: What `is_label` asks for, in words.
LABEL_RULE = "a label is one line of text without blanks around it"

Declared = list[tuple[str, int | None]]

_NUMBERED = re.compile(r"(\d{1,9})\s+(\S.*)")
# pandas writes 3.0 for 3 where other cells of the column are empty.
_NUMBER = re.compile(r"(\d{1,18})(?:\.0)?", re.ASCII)


def read_labels(path: str) -> Declared:
    """The classes of a file with one class a line; its line number, from 0, is the class's number.

    Lines may be numbered themselves ("1 ApplyEyeMakeup", as in classInd.txt) when the numbers
    run on from 0 or 1 without a gap; those are then the classes' numbers.

    Raises:
        ListingError: there is no such file, it is not UTF-8, a line is no class's name, or one stands there twice.
    """
    storage, name = split_path(path)
    try:
        lines = storage.read(name).decode("utf-8-sig").split("\n")
    except FileNotFoundError:
        raise ListingError(f"{path}: no such file of labels") from None
    except UnicodeDecodeError:
        raise ListingError(f"{path}: not a UTF-8 text file, so not a file of labels") from None
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    numbers = list(range(len(names)))
    numbered = [_NUMBERED.fullmatch(name) for name in names]
    own = [int(match[1]) for match in numbered if match]
    if own and own[0] in (0, 1) and own == list(range(own[0], own[0] + len(names))):
        names, numbers = [match[2] for match in numbered if match], own
    seen: dict[str, int] = {}
    for line, label in enumerate(names, 1):
        if not label:
            raise ListingError(f"{path}:{line}: a blank line, where one class a line is expected")
        if not is_label(label):
            raise ListingError(f"{path}:{line}: {label!r} is no class: {LABEL_RULE}")
        if label in seen:
            raise ListingError(f"{path}:{line}: the class {label} stands in line {seen[label]} already")
        seen[label] = line
    if not names:
        raise ListingError(f"{path}: an empty file of labels")
    return list(zip(names, numbers, strict=True))


def as_number(text: str) -> int | None:
    """The number that a label consists of, None if it is a name."""
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else None


class Classes:
    """The classes that rows may have.

    Args:
        declared: all there are, or None where any name will do.
        where: the file that declares them.
    """

    def __init__(self, declared: Declared | None, where: str | None) -> None:
        self._where = where
        self._names = None if declared is None else [name for name, _ in declared]
        self._known = frozenset(self._names or ())
        self._from_one = bool(declared and declared[0][1] == 1)

    def whole(self, text: str) -> str:
        """A cell's label, 3 where the cell says 3.0; but a class that is declared keeps its name."""
        return text if as_number(text) is None or text in self._known else text.removesuffix(".0")

    def find(self, text: str, number: int | None = None) -> tuple[str | None, int | None]:
        """The class of a row's label, and the listing's own number for it.

        Args:
            text: a name, or a number as text, or "".
            number: where the row gives one beside the name.

        Raises:
            BadRow: no such class is declared, or it cannot be a name.
        """
        if number is None:
            number = as_number(text)
        if not text and number is None:
            return None, None
        name = text or str(number)
        if not is_label(name):
            raise BadRow(f"{name!r} is no label: {LABEL_RULE}")
        if self._names is None or name in self._known:
            return name, number
        if number is None or as_number(name) is None:
            raise BadRow(f"unknown label {name}: it is not in {self._where}")
        if self._from_one:  # lists mostly count from 0: an off-by-one would pass unseen
            raise BadRow(f"{self._where} counts from 1, so label {name} is uncertain: use a file of names alone")
        if number >= len(self._names):
            raise BadRow(f"unknown label {name}: {self._where} has {len(self._names)} classes, from 0")
        return self._names[number], number


def class_table(labels: Iterable[tuple[str, int | None]]) -> list[str]:
    """Class names in the order of label.labels.txt.

    That is the listing's own numbering where every class has one number and no two
    share it, else by `str.casefold`.

    Args:
        labels: (name, the listing's own number), with or without repetitions.
    """
    numbers: dict[str, set[int]] = defaultdict(set)
    for name, number in labels:
        numbers[name].update(() if number is None else (number,))
    own = {number for found in numbers.values() for number in found}
    if all(len(found) == 1 for found in numbers.values()) and len(own) == len(numbers):
        return sorted(numbers, key=lambda name: min(numbers[name]))
    return sorted(numbers, key=lambda name: (name.casefold(), name))
