"""Clips as plain values: rows of a clip table, their labels, and the data sets that they are from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from clipmill.errors import UsageError
from clipmill.layout import PAIRS
from clipmill.reader.clip_table import ClipTable
from clipmill.reader.sampling.base import Lengths

ClipRows = npt.NDArray[np.int32]


class Columns(Protocol):
    """Reads columns of a clip table, as Arrow."""

    @property
    def all(self) -> pa.Table:
        """The whole table."""

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Read some columns, by default all."""


class Publication(Protocol):
    """Finds clips of a listing in the version that was built from it."""

    def clips(self, member: Member, version: str | None = None) -> Clips | None:
        """Return a member's clips there, without those that could not be made; None while nothing is published.

        Args:
            member: clips of the listing.
            version: the name of a version to take, whether it is the latest or not; None for the one built.
        """


class OpenedVersion(NamedTuple):
    """The version of a data set that clips are from.

    Attributes:
        path: of the data set.
        local: whether that is on this machine's file system.
        version: its name.
        fold: the official fold that splits are of; None for those that were built.
        clips: how many clips its table has.
        columns: reads its clip table.
        publication: finds its clips in the version that it becomes, where it is a listing of clips that are still made.
    """

    path: str
    local: bool
    version: str
    fold: int | None
    clips: int
    columns: Columns
    publication: Publication | None = None


class Member(NamedTuple):
    """Clips of one data set; a mix has several members.

    Attributes:
        dataset: the version that holds them.
        rows: (clips,) int32, increasing rows of its table.
        split: its split, if the clips are all of it.
        name, share: in a mix.
        left_out: clips that show the same as clips of another set, and were left out of these for it.
    """

    dataset: OpenedVersion
    rows: ClipRows
    split: str | None = None
    name: str = ""
    share: float = 1.0
    left_out: int = 0


class Clips:
    """Clips that are read together, as planning and loading need them.

    Attributes:
        members: the data sets they are from; several only in a mix.
        table: what is known of each clip of those data sets.
        rows: (clips,) int32, the clips' rows in `table`.
        labels: names of the classes.
    """

    def __init__(self, members: Sequence[Member], table: ClipTable, rows: ClipRows, labels: Sequence[str]) -> None:
        self.members = tuple(members)
        self.table = table
        self.rows = rows
        self.labels = list(labels)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<{len(self)} clips of {' + '.join(map(_told, self.members))}>"

    @property
    def left_out(self) -> int:
        """How many clips `select(not_near=...)` left out of these."""
        return sum(member.left_out for member in self.members)

    @property
    def clips(self) -> pa.Table:
        """The clip table of these clips, as Arrow; see `clipmill.layout.CLIP_COLUMNS`."""
        return self.single("look at its members' tables").dataset.columns.all.take(self.rows)

    @property
    def pairs(self) -> bool:
        """Whether these are images with masks."""
        return any(reader.schema.name.startswith(PAIRS) for _, reader in self.table.shards)

    @property
    def adopted(self) -> bool:
        """Whether others wrote records among these, which only the reader's own paths can read."""
        return any(reader.schema.placed for _, reader in self.table.shards)

    @property
    def classes(self) -> int | None:
        """How many classes there are, where clips have lists of labels, so that `label` is multi-hot; else None."""
        return None if self.table.label_lists is None else len(self.labels)

    def label_names(self, clip: int) -> str:
        """Return the names of a clip's labels, parted by commas; "" where it has none."""
        return ", ".join(self.labels[label] for label in self.table.labels(int(self.rows[clip])))

    @property
    def ids(self) -> pa.ChunkedArray:
        """Clip ids, an Arrow array of strings."""
        whole = len(self.rows) == len(self.table.frames)
        return self.table.ids if whole else self.table.ids.take(pa.array(self.rows))

    @property
    def lengths(self) -> Lengths:
        """Ids, frames and seconds of the clips, for samplers."""
        return Lengths(_LateIds(self), self.table.frames[self.rows].astype(np.int64), self.table.seconds[self.rows])

    def origin(self, clip: int) -> tuple[Member, int]:
        """Return the data set that a clip is from, and the clip's row in that one's clip table."""
        row = int(self.rows[clip])
        if self.table.dataset is None:
            return self.members[0], row
        # A mix's table has the rows of one member after those of the other.
        number = self.table.dataset[row]
        member = self.members[number]
        return member, int(member.rows[row - int(np.searchsorted(self.table.dataset, number))])

    def alone(self, clip: int) -> Clips:
        """Return one of these clips as a set."""
        member, _ = self.origin(clip)
        row = self.rows[[clip]]
        return Clips([member._replace(rows=row, split=None, left_out=0)], self.table, row, self.labels)

    def single(self, instead: str) -> Member:
        """Return the only member.

        Raises:
            UsageError: this is a mix; `instead` says what to do.
        """
        if len(self.members) > 1:
            raise UsageError(f"this is a mix of several data sets: {instead}")
        return self.members[0]


def _told(member: Member) -> str:
    near = f", {member.left_out} left out that are near others" if member.left_out else ""
    return f"{member.dataset.path}[{member.split or 'some clips'}{near}]"


class _LateIds:
    """Clip ids, read only when a sampler uses them: for a million clips that takes a second."""

    def __init__(self, clips: Clips) -> None:
        self._clips = clips

    def __iter__(self) -> Iterator[str]:
        return iter(self._clips.ids.to_pylist())
