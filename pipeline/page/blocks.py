"""What a page is made of: sections of text, tables, plots and strips of frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec


class Text(msgspec.Struct, frozen=True):
    """A paragraph."""

    kind: ClassVar[str] = "text"

    text: str


class Table(msgspec.Struct, frozen=True):
    """A table: the first column stands to the left, the others to the right.

    Attributes:
        caption: what it shows.
        headings: of the columns.
        rows: of cells as text.
        prose: its cells are texts, so that all stand to the left.
    """

    kind: ClassVar[str] = "table"

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    prose: bool = False


class Plot(msgspec.Struct, frozen=True):
    """A drawing.

    Attributes:
        caption: what it shows.
        alt: the same in numbers, for whoever does not see it.
        svg: an <svg> element, with `currentColor` for ink and no ground.
    """

    kind: ClassVar[str] = "plot"

    caption: str
    alt: str
    svg: str


class Strip(msgspec.Struct, frozen=True):
    """Frames of one clip beside each other.

    Attributes:
        caption: of the clip.
        uri: the picture as a data: address; "" where it could not be read, and the caption says why.
    """

    caption: str
    uri: str


class Sheet(msgspec.Struct, frozen=True):
    """A contact sheet: a strip for each clip."""

    kind: ClassVar[str] = "sheet"

    caption: str
    strips: Sequence[Strip]


Block = Text | Table | Plot | Sheet


class Section(msgspec.Struct, frozen=True):
    """A part of the page under a heading; left out where it has no blocks.

    Attributes:
        name: of its anchor.
        title: its heading.
        blocks: in order.
    """

    name: str
    title: str
    blocks: Sequence[Block]
