"""Choosing clips of a set: by id, number, a rule on the clip table, what they show, or a random cut between groups."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from clipmill.errors import UsageError
from clipmill.reader.clips import Clips, Member
from clipmill.signatures.clip_signatures import Signatures, load_signatures
from clipmill.signatures.compare import find_alike, tell_crowded
from clipmill.storage import open_storage
from clipmill.strata import cut_classes

log = logging.getLogger("clipmill.reader")

Mask = npt.NDArray[np.bool_]


def by_id(clips: Clips, ids: Sequence[str]) -> Mask:
    """Return (clips,) whether each clip's id is one of `ids`.

    Raises:
        UsageError: there is no clip of an id.
    """
    wanted = pa.array(list(ids), pa.string())
    found = pc.index_in(wanted, value_set=clips.ids)
    if found.null_count:
        missing = wanted.filter(pc.is_null(found))[0].as_py()
        raise UsageError(f"{missing}: no such clip in {clips!r}")
    return by_index(clips, found.to_numpy(zero_copy_only=False))


def by_index(clips: Clips, index: Any) -> Mask:
    """Return (clips,) whether each clip is in `index`: numbers, a slice, or one bool for each.

    Raises:
        UsageError: a number is out of range.
    """
    mask = np.zeros(len(clips), bool)
    try:
        mask[index if isinstance(index, slice) else np.asarray(index, None if len(index) else np.int64)] = True
    except IndexError as error:
        raise UsageError(f"index: {error}") from None
    return mask


def by_rule(clips: Clips, rule: Any | Callable[[Any], Any]) -> Mask:
    """Return (clips,) whether an Arrow expression, or a function of the clip table, holds for each clip."""
    if not isinstance(rule, pc.Expression):
        return np.asarray(rule(clips.clips)).astype(bool)
    numbered = clips.clips.append_column("#", pa.array(np.arange(len(clips))))
    return by_index(clips, numbered.filter(rule)["#"].to_numpy())


def near(clips: Clips, others: Clips) -> Mask:
    """Return (clips,) whether each clip shows the same as one of `others`, or is one of them.

    Raises:
        UsageError: no signatures are kept with a data set of either; `others` is no set of clips.
    """
    if not isinstance(others, Clips):
        raise UsageError(f"not_near={others!r}: a set of clips is meant, as data['test'] or data.all")
    ours = clips.single("select before mixing")
    signatures = _signatures(ours)
    found = np.zeros(len(clips), bool)
    crowded = np.zeros(len(clips), bool)
    for theirs in others.members:
        compared = find_alike(signatures, _signatures(theirs))
        found[compared.alike.left] = True
        crowded |= compared.crowded
        if (ours.dataset.path, ours.dataset.version) == (theirs.dataset.path, theirs.dataset.version):
            found |= np.isin(clips.rows, theirs.rows)
    unsure = int((crowded & ~found).sum())
    if unsure:
        log.warning("not_near: %s", tell_crowded(unsure))
    return found


def _signatures(member: Member) -> Signatures:
    path, version = member.dataset.path, member.dataset.version
    kept = load_signatures(open_storage(path), version)
    if kept is None:
        raise UsageError(
            f"{path}: version {version} has no signatures, by which not_near finds clips that show the same: "
            f"make them with `clipmill leaks {path}`, or build with --signatures"
        )
    return kept.take(member.rows)


def cut(clips: Clips, shares: Mapping[str, float], seed: int, by: str) -> list[Mask]:
    """Cut clips at random; return masks of what is left and of each share. See `ClipSet.split`."""
    if not shares or min(shares.values()) <= 0 or sum(shares.values()) >= 1:
        raise UsageError(f"split: shares {dict(shares)} must be positive and leave something")
    if by not in ("group", "clip"):
        raise UsageError(f"by={by!r}: not one of group, clip")
    member = clips.single("split before mixing")
    known = member.dataset.columns.read(["group", "source"]).take(clips.rows).to_pydict()
    keys = clips.ids.to_pylist()
    if by == "group":
        pairs = zip(known["group"], known["source"], strict=True)
        keys = [f"source {source}" if group is None else f"group {group}" for group, source in pairs]
    places, labels = clips.table.pairs(clips.rows)
    strata = [(str(label), keys[place]) for place, label in zip(places.tolist(), labels.tolist(), strict=True)]
    counted = ((label, key, number) for (label, key), number in Counter(strata).items())
    several = clips.table.label_lists is not None
    cuts = cut_classes(counted, [1 - sum(shares.values()), *shares.values()], f"reader split\x1f{seed}", several)
    # Of a clip's labels the first will do, since all of its group are in one split.
    first = np.flatnonzero(np.diff(places, prepend=-1)).tolist()
    parts = np.array([cuts.split_of(*strata[number]) for number in first], np.int64)
    return [parts == part for part in range(len(shares) + 1)]
