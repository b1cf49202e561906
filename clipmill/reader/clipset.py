"""A set of clips: a split, a part of one, or a mix of several data sets."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.keys import unit
from clipmill.reader.samplers import Lengths
from clipmill.reader.table import ClipTable

if TYPE_CHECKING:
    import pyarrow as pa

    from clipmill.reader.dataset import Dataset

Rows = npt.NDArray[np.int32]


class Part(NamedTuple):
    """Clips of one data set.

    Attributes:
        dataset: that holds them.
        rows: (clips,) int32, increasing rows of its table.
        split: its split, if the clips are all of it.
        name, share: in a mix.
    """

    dataset: Dataset
    rows: Rows
    split: str | None
    name: str = ""
    share: float = 1.0


class ClipSet:
    """Clips that are read together; see `Dataset` and `mix`.

    Attributes:
        parts: the data sets they are from; one, but in a mix.
        labels: names of the classes.
        table: what is known of each clip of those data sets.
        rows: (clips,) int32, the clips' rows in `table`.
    """

    def __init__(
        self, parts: Sequence[Part], table: ClipTable | None = None, rows: Rows | None = None, labels: Sequence[str] = ()
    ) -> None:
        self.parts = tuple(parts)
        self.labels = list(labels or parts[0].dataset.labels)
        self.table = table if table is not None else parts[0].dataset.table
        self.rows = rows if rows is not None else parts[0].rows

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        where = " + ".join(f"{part.dataset.path}[{part.split or 'some clips'}]" for part in self.parts)
        return f"<{len(self)} clips of {where}>"

    @property
    def clips(self) -> pa.Table:
        """The clip table of these clips, as Arrow; see `clipmill.layout.CLIP_COLUMNS`."""
        return self._only("look at its parts' tables").dataset.clips.take(self.rows)

    @property
    def lengths(self) -> Lengths:
        """What samplers plan with."""
        import pyarrow as pa

        ids = self.table.ids if self._is_whole else self.table.ids.take(pa.array(self.rows))
        return Lengths(ids, self.table.frames[self.rows].astype(np.int64), self.table.fps[self.rows])

    def select(
        self,
        *,
        ids: Sequence[str] | None = None,
        index: Sequence[int] | slice | npt.NDArray[Any] | None = None,
        where: Any | Callable[[pa.Table], Any] | None = None,
    ) -> ClipSet:
        """Some of the clips, in the table's order.

        Args:
            ids: clip ids.
            index: numbers in this set, a slice of them, or one bool for each clip.
            where: an Arrow expression (`pyarrow.compute.field("frames") > 64`), or a function
                from the clip table to one bool for each clip.

        Raises:
            UsageError: an id is not in the set, or a number out of it.
        """
        part = self._only("select before mixing")
        keep = np.ones(len(self), bool)
        if ids is not None:
            keep &= self._mask(self._find(ids))
        if index is not None:
            keep &= self._mask(index)
        if where is not None:
            keep &= self._where(where)
        return ClipSet([Part(part.dataset, self.rows[keep], part.split if keep.all() else None)])

    def split(self, *, seed: int = 0, by: str = "group", **shares: float) -> tuple[ClipSet, ...]:
        """Cut at random: `train, val = clips.split(val=0.2)`; what is left comes first.

        A group is never cut, and where a clip goes depends on nothing but its group (its id
        where it has none) and the seed; so shares are met only on average over groups.

        Args:
            seed: another cut.
            by: "group", or "clip" to cut groups all the same.
            shares: of each further part, by any name.

        Raises:
            UsageError: the shares are not positive or leave nothing.
        """
        part = self._only("split before mixing")
        if not shares or min(shares.values()) <= 0 or sum(shares.values()) >= 1:
            raise UsageError(f"split({shares}): shares must be positive and leave something")
        if by not in ("group", "clip"):
            raise UsageError(f"by={by!r}: not one of group, clip")
        keys = self._keys(part, by)
        places = {key: unit("reader split", seed, key) for key in set(keys)}
        place = np.array([places[key] for key in keys])
        bounds = np.concatenate([[0.0], np.cumsum(list(shares.values())), [1.0]])
        masks = [(low <= place) & (place < high) for low, high in zip(bounds, bounds[1:], strict=False)]
        return tuple(
            ClipSet([Part(part.dataset, self.rows[mask], None)]) for mask in [masks[-1], *masks[:-1]]
        )

    def batches(self, *args: Any, **options: Any) -> Any:
        """Batches of these clips; see `clipmill.reader.batches.make`, which takes the same arguments."""
        from clipmill.reader.batches import make

        return make(self, *args, **options)

    @cached_property
    def _is_whole(self) -> bool:
        return len(self.rows) == len(self.table.frames)

    def _only(self, instead: str) -> Part:
        if len(self.parts) > 1:
            raise UsageError(f"this is a mix of several data sets: {instead}")
        return self.parts[0]

    def _find(self, ids: Sequence[str]) -> npt.NDArray[Any]:
        import pyarrow as pa
        import pyarrow.compute as pc

        wanted = pa.array(list(ids), pa.string())
        found = pc.index_in(wanted, value_set=self.lengths.ids)
        if found.null_count:
            missing = wanted.filter(pc.is_null(found))[0].as_py()
            raise UsageError(f"{missing}: no such clip in {self!r}")
        return found.to_numpy()

    def _where(self, where: Any) -> npt.NDArray[np.bool_]:
        import pyarrow as pa
        import pyarrow.dataset as ds

        if callable(where) and not isinstance(where, ds.Expression):
            return np.asarray(where(self.clips)).astype(bool)
        numbered = self.clips.append_column("__number", pa.array(np.arange(len(self))))
        return self._mask(numbered.filter(where)["__number"].to_numpy())

    def _mask(self, index: Any) -> npt.NDArray[np.bool_]:
        mask = np.zeros(len(self), bool)
        try:
            mask[index if isinstance(index, slice) else np.asarray(index)] = True
        except IndexError as error:
            raise UsageError(f"index: {error}") from None
        return mask

    def _keys(self, part: Part, by: str) -> list[str]:
        ids = self.lengths.ids.to_pylist()
        if by == "clip":
            return ids
        groups = part.dataset.column("group").take(self.rows).to_pylist()
        return [name if group is None else f"group {group}" for name, group in zip(ids, groups, strict=True)]


def pack_rows(rows: Rows, count: int) -> str:
    """Rows out of `count` as text: their bits, deflated, in base 64."""
    mask = np.zeros(count, np.uint8)
    mask[rows] = 1
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def unpack_rows(text: str, count: int) -> Rows:
    """The rows of `pack_rows`."""
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return np.flatnonzero(np.unpackbits(bits)[:count]).astype(np.int32)
