"""The classes of adopted clips: their numbers as the records have them, their names from wherever one is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from clipmill.errors import DataError
from clipmill.layout import Label, LabelIndex, is_label, placeholder


class Said(NamedTuple):
    """What a record says of its labels.

    Attributes:
        where: the record, for errors.
        labels, texts: numbers and names; either may be empty.
    """

    where: str
    labels: tuple[int, ...]
    texts: tuple[str, ...]


class Classes(NamedTuple):
    """The classes of a data set.

    Attributes:
        names: in the order of their numbers.
        several: clips have lists of labels.
    """

    names: list[str]
    several: bool

    def of(self, said: Said) -> tuple[LabelIndex, Label]:
        """Return the label of a clip, or its labels: numbers and names."""
        numbers = said.labels or tuple(sorted(self.names.index(text) for text in set(said.texts)))
        numbers = tuple(dict.fromkeys(numbers))
        if self.several:
            return numbers, tuple(self.names[number] for number in numbers)
        return (numbers[0], self.names[numbers[0]]) if numbers else (-1, "")


def settle(said: Iterable[Said], declared: Sequence[str] | None) -> Classes:
    """Decide the number and the name of every class.

    Args:
        said: of all clips.
        declared: the names in the order of their numbers, where they are known beforehand; then those in records
            are passed over where a record has numbers.

    Raises:
        DataError: a number has two names, or is not among those declared; a record has a name but no number,
            where others have numbers.
    """
    names: dict[int, tuple[str, str]] = {}
    alone: dict[str, str] = {}
    several = False
    numbers: set[int] = set()
    for clip in said:
        several |= len(clip.labels) > 1 or len(clip.texts) > 1
        numbers.update(clip.labels)
        if not clip.labels:
            alone |= {text: clip.where for text in clip.texts}
        elif declared is None and len(clip.texts) == len(clip.labels):
            for number, text in zip(clip.labels, clip.texts, strict=True):
                name, where = names.setdefault(number, (text, clip.where))
                if name != text:
                    raise DataError(
                        f"class {number} is {name!r} in {where} and {text!r} in {clip.where}: name the classes with "
                        "--labels FILE"
                    )
    if declared is not None:
        known = list(declared)
        if numbers and max(numbers) >= len(known):
            raise DataError(f"a record has class {max(numbers)}, and there are {len(known)} names of classes")
    elif numbers:
        known = _in_places({number: name for number, (name, _) in names.items()}, numbers)
    else:
        known = sorted(alone, key=lambda name: (name.casefold(), name))
    for name, where in alone.items():
        if name not in known:
            raise DataError(f"{where}: its class {name!r} has no number: name the classes with --labels FILE")
    odd = next((name for name in known if not is_label(name)), None)
    if odd is not None:
        raise DataError(f"{odd!r} cannot be the name of a class, which is one line without blanks around it")
    return Classes(known, several)


def _in_places(names: dict[int, str], numbers: set[int]) -> list[str]:
    """Return the names in the order of their numbers; a class without a name is called by its number."""
    taken: set[str] = set()
    found = []
    for number in range(max(numbers) + 1):
        name = names.get(number, f"class {number}" if number in numbers else placeholder(number))
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(name)
    return found
