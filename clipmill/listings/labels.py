"""From what rows say of their labels to classes and numbers: one rule for every format.

A row says a text, a number, both or nothing. What all rows say is counted first (`count_label`);
`settle_labels` then decides once, for the listing as a whole, which class each thing that was said
means, and a `Labeller` puts that into the rows. So one odd row never changes the number of another's
class: it is a bad row, or has no label.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from clipmill.layout import Label, LabelNumber, placeholder
from clipmill.ledger import Failure, Reason, Stage, failure_of
from clipmill.listings.class_resolution import ByFile, ByRows, Counts, Declaration, LabelRule, Said
from clipmill.listings.label_lists import as_lists
from clipmill.listings.label_table import LabelTable
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

_CHANGED = "the row changed since its listing was read first; run the build again"


def said_by(options: ListingOptions, row: ClipRow) -> tuple[Said, ...]:
    """Return what a row says of its label, or of each of its labels."""
    # The folder's name shows whether a number means what it means in --labels.
    folder = "" if options.labels is None else posixpath.basename(posixpath.dirname(row.video))
    if isinstance(row.label, tuple):
        pairs = zip(*as_lists(row.label, row.label_number), strict=True)
        return tuple((text, number, folder) for text, number in pairs)
    assert not isinstance(row.label_number, tuple)
    return ((row.label or "", row.label_number, folder),)


def count_label(options: ListingOptions, counts: Counts, row: ClipRow) -> Counts:
    """Add what a row says to what the rows before it said."""
    for said in said_by(options, row):
        counts[said] = _sum(counts.get(said), (1, row.listing, row.row))
    return counts


def merge_counts(several: Iterable[Counts]) -> Counts:
    """Add up counts that were made apart."""
    merged: Counts = {}
    for counts in several:
        for said, count in counts.items():
            merged[said] = _sum(merged.get(said), count)
    return merged


def _sum(one: tuple[int, str, int] | None, other: tuple[int, str, int]) -> tuple[int, str, int]:
    return other if one is None else (one[0] + other[0], *min(one[1:], other[1:]))


def settle_labels(counts: Counts, declared: Declaration | None = None, every: int = 1) -> LabelTable:
    """Decide which class each thing that rows say means.

    Args:
        counts: of the whole listing.
        declared: the classes, where they are declared.
        every: keep every K-th class, and number those from 0.

    Raises:
        ListingError: the rows' numbers are not those of the declared classes.
    """
    rule: LabelRule = ByRows(counts) if declared is None else ByFile(counts, declared)
    rulings = [rule.ruling(said) for said in sorted(counts, key=repr)]
    names, holes = _in_places(rule.numbered, rule.first)
    later = sorted(rule.unnumbered, key=lambda name: _order(name, None))
    kept = [name for place, name in enumerate(names) if place not in holes] + later
    if every > 1:
        return LabelTable(kept[::every], [], rulings, rule.notes)
    if rule.first and rule.numbered:
        last = max(rule.numbered)
        rule.notes.append(f"labels 0..{last - 1} are the numbers 1..{last} of {rule.source}, less one")
    if later and rule.numbered:
        rule.notes.append(f"classes without a number come after the others: {_some(later)}")
    return LabelTable(names + later, sorted(holes), rulings, rule.notes)


class Labeller:
    """Puts the names of classes, as label.labels.txt has them, and the listing's own numbers for them into rows."""

    def __init__(self, options: ListingOptions, table: LabelTable) -> None:
        self._options = options
        self._rulings = {ruling.said: ruling for ruling in table.rulings}
        self._place = {name: index for index, name in enumerate(table.names)}

    def __call__(self, row: ClipRow) -> ClipRow | Failure | None:
        """Return the row with its label, or what is wrong with it; None where --class-every leaves it out."""
        said = said_by(self._options, row)
        ruling = self._rulings.get(said[0]) if len(said) == 1 and not isinstance(row.label, tuple) else None
        if ruling is not None and ruling.name in self._place:
            return msgspec.structs.replace(row, label=ruling.name, label_number=ruling.number)
        found = self.meant(said)
        if found is None:
            return None
        if isinstance(found, str):
            return failure_of(row, Stage.READ_LISTING, Reason.BAD_ROW, found)
        label: Label | None = None
        number: LabelNumber = None
        if isinstance(row.label, tuple):
            label, number = tuple(found), tuple(found.values())
        elif found:
            ((label, number),) = found.items()
        return msgspec.structs.replace(row, label=label, label_number=number)

    def meant(self, said: Sequence[Said]) -> dict[str, int | None] | str | None:
        """Return the classes that a row means, in their order, each with the listing's own number for it.

        Or what is wrong, in words; None where --class-every leaves all of them out.
        """
        found: dict[str, int | None] = {}
        named = False
        for one in said:
            ruling = self._rulings.get(one)
            if ruling is None:
                return _CHANGED
            if ruling.problem:
                return ruling.problem
            if ruling.name is not None:
                named = True
                if ruling.name in self._place and found.get(ruling.name) is None:
                    found[ruling.name] = ruling.number
        if len(found) > 1:
            found = {name: found[name] for name in sorted(found, key=self._place.__getitem__)}
        return found if found or not named else None


def _order(name: str, number: int | None) -> tuple[bool, int, str, str]:
    return number is None, number or 0, name.casefold(), name


def _in_places(numbered: Mapping[int, str], first: int) -> tuple[list[str], set[int]]:
    """Return names by index, with placeholders for the numbers that no class has, and the places of those."""
    size = max(numbered, default=first - 1) + 1 - first
    holes = {place for place in range(size) if place + first not in numbered}
    taken = set(numbered.values())
    return [numbered.get(place + first) or _placeholder(place, taken) for place in range(size)], holes


def _placeholder(place: int, taken: set[str]) -> str:
    name = placeholder(place)
    while name in taken:
        name += "_"
    return name


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
