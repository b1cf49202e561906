"""The two rules of labels: classes that a file declares, and classes that only rows say."""

from __future__ import annotations

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import NamedTuple

from clipmill.errors import ListingError
from clipmill.layout import is_label
from clipmill.listings.label_files import LABEL_RULE, Declared
from clipmill.listings.label_table import LabelRuling

#: What a row says of a label: the text, the number beside it, and the folder that its video stands in.
Said = tuple[str, int | None, str]
#: What was said, how often, and where first: (rows, listing, row).
Counts = dict[Said, tuple[int, str, int]]

# No label, wherever it stands; and those that may be names of classes, but not in a column of numbers.
_NOTHING = frozenset(("", "-1", "-1.0", "nan", "null", "na", "n/a", "<na>", "#n/a"))
_NO_NUMBER = frozenset(("none", "unknown", "unlabeled", "unlabelled", "nil", "undefined", "-", "--", "?"))
# pandas writes 3.0 for 3 where other cells of the column are empty.
_NUMBER = re.compile(r"(\d{1,18})(?:\.0)?", re.ASCII)
# A number beyond this plus ten times the count of numbers is a typing error, not a class.
_FAR = 10_000


def as_number(text: str) -> int | None:
    """Return the number that a label consists of, None if it is a name."""
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else None


def is_nothing(text: str) -> bool:
    """Return whether a label's cell is one of the usual marks for "no label"."""
    return text.casefold() in _NOTHING


class Declaration(NamedTuple):
    """Classes that are declared apart from the rows.

    Attributes:
        classes: all there are.
        where: the file that declares them.
        checked: whether the rows' own numbers are compared with them.
    """

    classes: Declared
    where: str
    checked: bool


# Between the cells of a line, or a number and a name.
_CELLS = re.compile(r"[,;\t]\s*|(?<=\d)\s+|\s+(?=\d+$)")


class LabelRule:
    """The class of each label that rows say; the base of both rules.

    Attributes:
        counts: what was said.
        numbered: name of a class by its number.
        unnumbered: names of further classes.
        first: the number that becomes index 0.
        source: what the numbers are of, in words.
        notes: lines for the person who builds.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.numbered: dict[int, str] = {}
        self.unnumbered: set[str] = set()
        self.first = 0
        self.source = "the listing"
        self.notes: list[str] = []

    def ruling(self, said: Said) -> LabelRuling:
        """Return the class that a said label means, or what is wrong with it."""
        raise NotImplementedError

    def where(self, said: Said) -> str:
        """Return the file and row that said something first."""
        _, listing, row = self.counts[said]
        return f"{posixpath.basename(listing)}:{row}" if row else posixpath.basename(listing)


class _Pair(NamedTuple):
    name: str
    number: int


class ByRows(LabelRule):
    """The rule where only rows say which classes there are.

    Where most rows without a number of their own have whole numbers for labels, those are the numbers and a
    word among them is a bad row; else all are names. A name with two numbers, or a number with two names, is
    what most rows say; where as many say the one as the other, all of them are bad rows.
    """

    def __init__(self, counts: Counts) -> None:
        super().__init__(counts)
        self._pairs: Counter[_Pair] = Counter()
        self._words: Counter[str] = Counter()
        self._lone: Counter[int] = Counter()
        self._first_said: dict[_Pair | str | int, Said] = {}
        for said, (count, *_) in sorted(counts.items(), key=lambda item: item[1][1:]):
            meant = _meant(said)
            if isinstance(meant, _Pair):
                self._pairs[meant] += count
            elif isinstance(meant, int):
                self._lone[meant] += count
            elif meant is not None:
                self._words[meant] += count
            if meant is not None:
                self._first_said.setdefault(meant, said)
        self._alike: dict[str | int, list[_Pair]] = defaultdict(list)
        for pair in self._pairs:
            self._alike[pair.name].append(pair)
            self._alike[pair.number].append(pair)
        words = sum(count for word, count in self._words.items() if word.casefold() not in _NO_NUMBER)
        self._all_names = not self._pairs and words > self._lone.total()
        self._disputed: set[int] = set()
        self._far: set[int] = set()
        self._number_of: dict[str, int] = {}
        if self._all_names:
            numbers = (_whole(text) for text, *_ in counts if as_number(text) is not None)
            self.unnumbered = set(filter(is_label, (*self._words, *numbers)))
        else:
            self._settle_numbers()

    def _settle_numbers(self) -> None:
        good = [pair for pair in self._pairs if is_label(pair.name) and self._rival(pair) is None]
        self._number_of = {name: number for name, number in good}
        even = {pair.number for pair in self._pairs if self._is_even(pair)}
        self._disputed = even - set(self._number_of.values())
        known = {*self._number_of.values(), *self._disputed, *self._lone}
        self._far = {number for number in known if number > _FAR + 10 * len(known)}
        paired = {pair.name for pair in self._pairs}
        numbered = {
            number: str(number) if str(number) not in paired else f"number_{number}"
            for number in self._lone.keys() - self._disputed
        }
        numbered |= {number: name for name, number in good}
        self.numbered = {number: name for number, name in numbered.items() if number not in self._far}
        self.first = first_number(known - self._far, least=2)
        if self._pairs or not self._lone:
            self.unnumbered = {word for word in self._words if word not in paired and is_label(word)}

    def _rivals(self, pair: _Pair) -> list[_Pair]:
        return [other for other in (*self._alike[pair.name], *self._alike[pair.number]) if other != pair]

    def _rival(self, pair: _Pair) -> _Pair | None:
        """Return the most frequent other pair with this name or number, if as many rows say it or more."""
        found = max(self._rivals(pair), key=lambda other: (self._pairs[other], other), default=None)
        return found if found is not None and self._pairs[found] >= self._pairs[pair] else None

    def _is_even(self, pair: _Pair) -> bool:
        """Return whether as many rows say a contradicting pair as say this one."""
        rival = self._rival(pair)
        return rival is not None and self._pairs[rival] == self._pairs[pair]

    def ruling(self, said: Said) -> LabelRuling:
        """Return the class that a said label means, or what is wrong with it."""
        meant = _meant(said)
        if meant is None:
            return LabelRuling(said)
        if self._all_names:
            name = _whole(said[0])
            return LabelRuling(said, name, None, "" if is_label(name) else _no_label(name))
        if isinstance(meant, int):
            return self._number(said, meant)
        if isinstance(meant, str):
            return self._word(said, meant)
        rival = self._rival(meant)
        if not is_label(meant.name):
            return LabelRuling(said, problem=_no_label(meant.name))
        if rival is None:
            return self._near(said, meant.name, meant.number)
        if rival.name == meant.name:
            problem = f"{meant.name} has the number {meant.number} here and {rival.number}"
        else:
            problem = f"the number {meant.number} is {meant.name} here and {rival.name}"
        return LabelRuling(said, problem=f"{problem} in {self._others(rival, self._pairs[rival])}")

    def _number(self, said: Said, number: int) -> LabelRuling:
        if number in self._disputed:
            one = min(self._alike[number])
            there = self._others(one, self._pairs[one])
            problem = f"class {number} has several names: it is {one.name} in {there}, which as many others contradict"
            return LabelRuling(said, problem=problem)
        return self._near(said, self.numbered.get(number, ""), number)

    def _word(self, said: Said, name: str) -> LabelRuling:
        if not is_label(name):
            return LabelRuling(said, problem=_no_label(name))
        if name in self._number_of:
            return LabelRuling(said, name, self._number_of[name])
        if name in self.unnumbered:
            return LabelRuling(said, name)
        if any(pair.name == name for pair in self._pairs):
            return LabelRuling(said, problem=f"{name} has several numbers in other rows; give this row its number")
        if name.casefold() in _NO_NUMBER:
            return LabelRuling(said)
        number, rows = self._lone.most_common(1)[0]
        problem = f"the label {name!r} is a word, where others are numbers, as {number} in {self._others(number, rows)}"
        return LabelRuling(said, problem=problem)

    def _near(self, said: Said, name: str, number: int) -> LabelRuling:
        if number not in self._far:
            return LabelRuling(said, name, number)
        most = max(self.numbered, default=0)
        return LabelRuling(said, problem=f"the label's number {number} is far above the others, which go up to {most}")

    def _others(self, meant: _Pair | int, rows: int) -> str:
        """Describe the other rows that say something: how many, and the first."""
        return f"{rows:,} other row{'s' if rows > 1 else ''} ({self.where(self._first_said[meant])})"


class ByFile(LabelRule):
    """The rule where a file declares the classes; the rows' own numbers are compared with it."""

    def __init__(self, counts: Counts, declared: Declaration) -> None:
        super().__init__(counts)
        self._file = self.source = declared.where
        self.numbered = {number: name for name, number in declared.classes}
        self.first = first_number(self.numbered, least=1)
        self._by_name = dict(declared.classes)
        self._parts = {part: name for name in self._by_name for part in _CELLS.split(name) if part != name}
        self._alike = {_plain(name): name for name in self._by_name}
        self._by_folder = {_plain(name): number for name, number in declared.classes}
        self._lone = sorted({number for said in counts if (number := self._lone_number(said)) is not None})
        self._named = self._foldered = False
        if declared.checked:
            self._named = self._agreed(self._votes(named=True))
            votes = self._votes(named=False)
            lone = sum(count for said, (count, *_) in counts.items() if self._lone_number(said) is not None)
            if 2 * sum(count for count, _ in votes.values()) > lone:
                self._foldered = self._agreed(votes)
                if not self._foldered:
                    _, shown = max((vote for by, vote in votes.items() if by), key=lambda vote: vote[0])
                    raise ListingError(f"--labels {self._file}: its numbers are not those of the listing: {shown}")
            else:
                self._check_range()
        shared = next((number for number in self._lone if number in self.numbered), None)
        if shared is not None:
            self.notes.append(f"labels are the numbers of {self._file}: {shared} is {self.numbered[shared]}")

    def _name(self, text: str) -> str:
        """Return a label's text as the file spells it."""
        return text if text in self._by_name else _whole(text)

    def _lone_number(self, said: Said) -> int | None:
        """Return the number of a label that has no name beside it."""
        text, number, _ = said
        if self._name(text) in self._by_name or not (is_nothing(text) or as_number(text) is not None):
            return None
        return as_number(text) if number is None else number

    def _votes(self, named: bool) -> dict[int, tuple[int, str]]:
        """Count how far rows' numbers are from the file's.

        Args:
            named: compare by the name beside the number; else by the folder of the video.

        Returns:
            by difference: the number of rows, and the first of them in words.
        """
        votes: dict[int, tuple[int, str]] = {}
        for said, (count, *_) in sorted(self.counts.items(), key=lambda item: item[1][1:]):
            if named:
                own, there = said[1], self._by_name.get(self._name(said[0]))
            else:
                own, there = self._lone_number(said), self._by_folder.get(_plain(said[2]))
            if own is not None and there is not None:
                example = f"{self.where(said)} has {own}, where {self.numbered[there]} is {there} in the file"
                rows, first = votes.get(own - there, (0, example))
                votes[own - there] = rows + count, first
        return votes

    def _agreed(self, votes: dict[int, tuple[int, str]]) -> bool:
        """Return whether most rows have the file's numbers.

        Raises:
            ListingError: most have a number that is one more, or one less.
        """
        total = sum(rows for rows, _ in votes.values())
        for by in (-1, 1):
            if by in votes and 2 * votes[by][0] > total:
                raise self._shifted(by, votes[by][1])
        return bool(votes) and 2 * votes.get(0, (0, ""))[0] > total

    def _check_range(self) -> None:
        if len(self._lone) < 2:
            return
        low, high = min(self.numbered), max(self.numbered)
        least, most = self._lone[0], self._lone[-1]
        if (least > low and most == high + 1) or (least == low - 1 and most < high):
            raise self._shifted(1 if least > low else -1, f"the listing has {least} to {most}")

    def _shifted(self, by: int, shown: str) -> ListingError:
        low, high = min(self.numbered), max(self.numbered)
        return ListingError(
            f"--labels {self._file}: shifted by one: the listing's numbers are one {'above' if by > 0 else 'below'} "
            f"those of the file, {low} to {high} ({shown}). Number the file's lines as the listing does: "
            f"{low + by} {self.numbered[low]}, and so on"
        )

    def ruling(self, said: Said) -> LabelRuling:
        """Return the class that a said label means, or what is wrong with it."""
        text, number, folder = said
        name, lone = self._name(text), self._lone_number(said)
        if name in self._by_name:
            own = self._by_name[name]
            if self._named and number not in (None, own):
                return LabelRuling(said, problem=f"the label's number is {number}, but {name} is {own} in {self._file}")
            return LabelRuling(said, name, own if number is None else number)
        if lone is None:
            if is_nothing(text) or (self._lone and text.casefold() in _NO_NUMBER):
                return LabelRuling(said)
            return LabelRuling(said, problem=f"unknown label {text}: {self._lacks(text)}")
        if lone not in self.numbered:
            has = f"has {min(self.numbered)} to {max(self.numbered)}"
            return LabelRuling(said, problem=f"unknown label {lone}: {self._file} {has}")
        there = self._by_folder.get(_plain(folder), lone)
        if self._foldered and there != lone:
            problem = f"the label is {lone}, but the folder {folder} is {there} in {self._file}"
            return LabelRuling(said, problem=problem)
        return LabelRuling(said, self.numbered[lone], lone)

    def _lacks(self, text: str) -> str:
        """Say that the file has no such class, and what it has that may be meant."""
        if whole := self._parts.get(text):
            return f"{self._file} has the class {whole!r}; write its lines as number,name, without further cells"
        alike = self._alike.get(_plain(text))
        return f"{self._file} spells it {alike}" if alike else f"it is not in {self._file}"


def first_number(numbers: Collection[int], least: int) -> int:
    """Return the number that becomes index 0: 1 where numbers run from 1 to `least` or more without a gap, else 0."""
    return int(len(numbers) >= least and sorted(numbers) == list(range(1, len(numbers) + 1)))


def _meant(said: Said) -> _Pair | str | int | None:
    """Return what a label says: a name with a number, a name, a number, or None."""
    text, number, _ = said
    name = "" if is_nothing(text) else text
    if name and number is not None:
        return _Pair(_whole(name), number)
    number = as_number(text) if number is None else number
    return number if number is not None else name or None


def _whole(text: str) -> str:
    """Return a cell's label: 3 where the cell says 3.0."""
    return text if as_number(text) is None else text.removesuffix(".0")


def _plain(name: str) -> str:
    """Return a name without case, spaces and punctuation, which files spell in different ways."""
    return "".join(sign for sign in name.casefold() if sign.isalnum())


def _no_label(text: str) -> str:
    return f"{text[:60]!r} is no label: {LABEL_RULE}"
