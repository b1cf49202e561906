"""The clips that --limit takes, held against a plain reading of its definition."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill.messages import ClipRow
from clipmill.sources import limit as module
from clipmill.sources.limit import chance, class_of, take

ROWS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["train", "val"]), st.booleans()), max_size=300)


def row(clip_id, label, split, number):
    return ClipRow(clip_id, f"{clip_id}.mp4", split, label, None, None, None, None, (), "l.csv", number, {})


def candidates(drawn):
    rows = enumerate(drawn)
    return [(there, row(f"{label}{number}", label, split, number)) for number, (label, split, there) in rows]


def plainly(rows, limit):
    """Round after round take the next of each class; those of the last round by their hashes."""
    rows = [each for each in rows if each[0]] or rows
    classes = defaultdict(list)
    for each in sorted(rows, key=chance):
        classes[class_of(each)].append(each)
    taken = []
    while any(classes.values()) and len(taken) < limit:
        taken += sorted((of_class.pop(0) for of_class in classes.values() if of_class), key=chance)
    return {row.clip_id for _, row in taken[:limit]}


@given(ROWS, st.integers(1, 40), st.integers(0, 50))
def test_a_limit_takes_in_rounds(drawn, limit, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_HELD", most)
        taken = take(candidates(drawn), limit)
    assert {row.clip_id for row in taken} == plainly(candidates(drawn), limit)
    assert len(taken) == len({row.clip_id for row in taken})
