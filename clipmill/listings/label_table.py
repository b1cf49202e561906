"""The classes of a data set, and the class that each label in its listing means."""

from __future__ import annotations

import msgspec


class LabelRuling(msgspec.Struct, frozen=True, array_like=True):
    """The class that one label, as rows say it, means.

    Attributes:
        said: the text, the number beside it, and the folder that the video stands in ("" where it does not count).
        name: of the class; None for no label.
        number: the listing's own for the class; None if it has none.
        problem: why rows that say so are bad; "" if they are not.
    """

    said: tuple[str, int | None, str]
    name: str | None = None
    number: int | None = None
    problem: str = ""


class LabelTable(msgspec.Struct, frozen=True, array_like=True):
    """The classes of the data set, and the class that each label in the listing means.

    Attributes:
        names: in the order of label.labels.txt; placeholders for numbers that no class has.
        holes: indices of the placeholders.
        rulings: one for each thing that rows of the listing say.
        notes: lines for the person who builds.
    """

    names: list[str]
    holes: list[int] = []
    rulings: list[LabelRuling] = []
    notes: list[str] = []
