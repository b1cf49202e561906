"""Which clips of a set: by id, by number, by a rule on the clip table, or by a random cut between groups."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from clipmill.errors import UsageError
from clipmill.keys import unit

if TYPE_CHECKING:
    from clipmill.reader.clipset import ClipNumbers, ClipSet

Mask = npt.NDArray[np.bool_]


def by_id(clips: ClipSet, ids: Sequence[str]) -> Mask:
    """(clips,) whether each clip's id is one of `ids`.

    Raises:
        UsageError: there is no clip of an id.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    wanted = pa.array(list(ids), pa.string())
    found = pc.index_in(wanted, value_set=clips.ids)
    if found.null_count:
        missing = wanted.filter(pc.is_null(found))[0].as_py()
        raise UsageError(f"{missing}: no such clip in {clips!r}")
    return by_index(clips, found.to_numpy(zero_copy_only=False))


def by_index(clips: ClipSet, index: Any) -> Mask:
    """(clips,) whether each clip is in `index`: numbers, a slice, or one bool for each.

    Raises:
        UsageError: a number is out of range.
    """
    mask = np.zeros(len(clips), bool)
    try:
        mask[index if isinstance(index, slice) else np.asarray(index, None if len(index) else np.int64)] = True
    except IndexError as error:
        raise UsageError(f"index: {error}") from None
    return mask


def by_rule(clips: ClipSet, rule: Any | Callable[[Any], Any]) -> Mask:
    """(clips,) whether an Arrow expression, or a function of the clip table, holds for each clip."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not isinstance(rule, pc.Expression):
        return np.asarray(rule(clips.clips)).astype(bool)
    numbered = clips.clips.append_column("#", pa.array(np.arange(len(clips))))
    return by_index(clips, numbered.filter(rule)["#"].to_numpy())


def cut(clips: ClipSet, shares: Mapping[str, float], seed: int, by: str) -> list[Mask]:
    """Masks of what is left and of each share; see `ClipSet.split`."""
    if not shares or min(shares.values()) <= 0 or sum(shares.values()) >= 1:
        raise UsageError(f"split: shares {dict(shares)} must be positive and leave something")
    if by not in ("group", "clip"):
        raise UsageError(f"by={by!r}: not one of group, clip")
    part = clips.single("split before mixing")
    keys = clips.ids.to_pylist()
    if by == "group":
        groups, sources = (part.dataset.column(name).take(clips.rows).to_pylist() for name in ("group", "source"))
        pairs = zip(groups, sources, strict=True)
        keys = [f"source {source}" if group is None else f"group {group}" for group, source in pairs]
    places = {key: unit("reader split", seed, key) for key in set(keys)}
    place = np.array([places[key] for key in keys])
    bounds = [0.0, *np.cumsum(list(shares.values()))]
    masks = [(low <= place) & (place < high) for low, high in pairwise(bounds)]
    return [place >= bounds[-1], *masks]


def pack(rows: ClipNumbers, count: int) -> str:
    """Rows out of `count` as text: their bits, deflated, in base 64."""
    mask = np.zeros(count, np.uint8)
    mask[rows] = 1
    return base64.b64encode(zlib.compress(np.packbits(mask).tobytes())).decode()


def unpack(text: str, count: int) -> ClipNumbers:
    """The rows that `pack` packed."""
    bits = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return np.flatnonzero(np.unpackbits(bits)[:count]).astype(np.int32)
