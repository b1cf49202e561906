"""Cut classes into random splits whose shares hold inside every class, as nearly as whole groups allow.

The groups of a class are ordered by a hash, and every split takes the groups between two
cuts. So what a split has of a class depends on that class alone, and a clip that is added
or removed moves each cut of its class by one group at most.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

import msgspec


class Cuts(msgspec.Struct, frozen=True, array_like=True):
    """Where classes are cut.

    Attributes:
        seed: of the order of groups.
        places: by class, the place of the first group of every split but the first.
        home: the class that decides for a group of several classes.
        lacking: by split, from 0, the classes of which it has nothing.
    """

    seed: str
    places: dict[str, list[float]]
    home: dict[str, str]
    lacking: dict[int, list[str]] = {}

    def split_of(self, label: str, group: str) -> int:
        """Return which split a group is in, from 0."""
        return bisect_right(self.places[self.home.get(group, label)], _place(self.seed, group))


def cut_classes(
    counted: Iterable[tuple[str, str, int]], shares: Sequence[float], seed: str, several: bool = False
) -> Cuts:
    """Return the cuts that give every split its share of every class.

    Args:
        counted: (class, group, clips); a pair of class and group may come several times.
        shares: of the splits, in their order; they need not add up to 1.
        seed: of the order of groups.
        several: clips are of several classes each; then a group counts for the rarest of its own.
    """
    classes_of: dict[str, Counter[str]] = defaultdict(Counter)
    for label, group, clips in counted:
        classes_of[group][label] += clips
    groups: dict[str, list[tuple[float, int]]] = {}
    home = {}
    totals: Counter[str] = Counter()
    if several:
        for classes in classes_of.values():
            totals.update(classes)
    for group, classes in classes_of.items():
        label = min(classes, key=lambda label: (totals[label], -classes[label], label))
        size = max(classes.values()) if several else classes.total()
        groups.setdefault(label, []).append((_place(seed, group), size))
        if len(classes) > 1:
            home[group] = label
    places = {}
    lacking: dict[int, list[str]] = defaultdict(list)
    for label, found in sorted(groups.items()):
        found.sort()
        numbers = _cuts(found, shares)
        places[label] = [found[number][0] if number < len(found) else 1.0 for number in numbers]
        for split, (first, until) in enumerate(pairwise([0, *numbers, len(found)])):
            if first == until and shares[split]:
                lacking[split].append(label)
    cuts = Cuts(seed, places, home, dict(lacking))
    return msgspec.structs.replace(cuts, lacking=_lacking(cuts, classes_of, shares)) if several else cuts


def _lacking(cuts: Cuts, classes_of: Mapping[str, Counter[str]], shares: Sequence[float]) -> dict[int, list[str]]:
    """Return for each split the classes of which it has no clip; a group of several classes counts for each of them."""
    has: dict[str, set[int]] = defaultdict(set)
    for group, classes in classes_of.items():
        split = cuts.split_of(min(classes), group)
        for label in classes:
            has[label].add(split)
    found = {
        split: sorted(label for label, splits in has.items() if split not in splits)
        for split, share in enumerate(shares)
        if share
    }
    return {split: labels for split, labels in found.items() if labels}


def _place(seed: str, group: str) -> float:
    """Return a number in [0, 1) that depends only on the seed and the group."""
    digest = hashlib.sha256(f"{seed}\x1f{group}".encode(errors="surrogateescape")).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)


def _cuts(groups: list[tuple[float, int]], shares: Sequence[float]) -> list[int]:
    """Return after how many groups of one class to cut, for each split but the last."""
    sizes = [size for _, size in groups]
    ends = [0, *accumulate(sizes)]
    wanted = _whole_numbers(ends[-1], shares)
    numbers = [_nearest(ends, aim) for aim in accumulate(wanted[:-1])]
    if len(groups) >= len(shares):
        _fill(numbers, ends, wanted)
    return numbers


def _whole_numbers(clips: int, shares: Sequence[float]) -> list[int]:
    """Divide clips into whole numbers by shares (largest remainders)."""
    exact = [clips * share / sum(shares) for share in shares]
    whole = [int(part + 1e-9) for part in exact]
    for split in sorted(range(len(shares)), key=lambda split: whole[split] - exact[split])[: clips - sum(whole)]:
        whole[split] += 1
    return whole


def _nearest(ends: list[int], aim: int) -> int:
    """Return after how many groups to cut so that about `aim` clips are before the cut."""
    after = bisect_left(ends, aim)
    return after - 1 if after and aim - ends[after - 1] < ends[after] - aim else after


def _fill(numbers: list[int], ends: list[int], wanted: Sequence[int]) -> None:
    """Give a group to each split that should have clips and has none, unless that takes half of the class."""
    last = len(numbers)
    for split in range(last, -1, -1):
        first = numbers[split - 1] if split else 0
        until = numbers[split] if split < last else len(ends) - 1
        if first < until or not wanted[split]:
            continue
        if split and first > split and 2 * (ends[until] - ends[first - 1]) <= ends[-1]:
            numbers[split - 1] -= 1
        elif split < last and until < len(ends) - 1 and 2 * (ends[until + 1] - ends[first]) <= ends[-1]:
            numbers[split] = max(numbers[split], until + 1)
    for split in range(1, last):
        numbers[split] = max(numbers[split], numbers[split - 1])
