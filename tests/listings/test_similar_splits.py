"""--split-by similar: clips that show the same stay in one split, whatever is asked for and wherever it runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill.errors import StorageError
from clipmill.listings import similar_splits
from clipmill.listings.similar_splits import draw_similar
from clipmill.options import ListingOptions
from clipmill.signatures.clip_signatures import to_table, work_path, write_table
from clipmill.storage import open_storage

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


class FakeClip(msgspec.Struct):
    clip_key: str
    clip_id: str
    digest: str
    group: str | None
    source: str
    label_text: str | tuple[str, ...]


def clip(number: int, group: str | None = None, digest: str = "", label: str | tuple[str, ...] = "x") -> FakeClip:
    key = f"{number:032x}"
    return FakeClip(key, f"clip{number}", digest or key, group, f"{number}.avi", label)


def drawn(monkeypatch, clips, pairs, **options) -> dict[str, str]:
    """The split of each clip, where these pairs of numbers show the same."""
    places = {one.clip_key: place for place, one in enumerate(sorted(clips, key=lambda one: one.clip_key))}
    alike = [(places[f"{one:032x}"], places[f"{other:032x}"]) for one, other in pairs]
    with monkeypatch.context() as patched:
        patched.setattr(similar_splits, "_alike", lambda keys, storage: alike)
        members = map(similar_splits.member_of, clips)
        found = draw_similar(ListingOptions(("l",), splits=SHARES, **options), members, open_storage("."))
    return {one.clip_id: found.split_of(one) for one in clips}


@given(
    data=st.data(),
    labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=40),
    seed=st.integers(0, 3),
)
def test_no_pair_no_group_and_no_copy_is_divided(data: st.DataObject, labels: list[str], seed: int) -> None:
    numbers = st.integers(0, len(labels) - 1)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers), max_size=20))
    groups = data.draw(st.lists(st.sampled_from([None, "g", "h"]), min_size=len(labels), max_size=len(labels)))
    digests = data.draw(st.lists(st.sampled_from(["", "", "", "d"]), min_size=len(labels), max_size=len(labels)))
    clips = [clip(*row) for row in zip(range(len(labels)), groups, digests, labels, strict=True)]
    with pytest.MonkeyPatch.context() as monkeypatch:
        splits = drawn(monkeypatch, clips, pairs, seed=seed)
        again = drawn(monkeypatch, data.draw(st.permutations(clips)), data.draw(st.permutations(pairs)), seed=seed)
    assert again == splits and set(splits.values()) <= SHARES.keys()
    for one, other in pairs:
        assert splits[f"clip{one}"] == splits[f"clip{other}"]
    for kept in (
        *({one.clip_id for one in clips if one.group == group} for group in "gh"),
        {one.clip_id for one in clips if one.digest == "d"},
    ):
        assert len({splits[name] for name in kept}) <= 1


def test_shares_hold_inside_each_class_as_far_as_clusters_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [clip(number, label="ab"[number % 2]) for number in range(100)]
    pairs = [(number, number + 4) for number in range(0, 96, 8)] + [(number, number + 8) for number in range(40)]
    splits = drawn(monkeypatch, clips, pairs)
    for label in range(2):
        counts = Counter(splits[f"clip{number}"] for number in range(label, 100, 2))
        assert abs(counts["train"] - 30) <= 8 and min(counts["val"], counts["test"]) >= 2, counts
    assert drawn(monkeypatch, clips, pairs, seed=1) != splits


def test_clips_of_several_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [clip(number, label=[(), ("a",), ("b", "a")][number % 3]) for number in range(30)]
    splits = drawn(monkeypatch, clips, [(0, 1), (1, 2), (7, 8)], label_lists=True)
    assert splits["clip0"] == splits["clip1"] == splits["clip2"] and splits["clip7"] == splits["clip8"]
    assert set(splits.values()) == SHARES.keys()


def test_kept_signatures_are_compared_and_a_lost_one_ends_the_run(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    noise = np.random.default_rng(0).integers(1, 1 << 32, (3, 8, 2, 4), np.uint32)
    clips = [clip(number) for number in range(4)]
    keys = [one.clip_key for one in clips]
    members = [similar_splits.member_of(one) for one in clips]
    options = ListingOptions(("l",), splits=SHARES)
    write_table(storage, work_path(keys[:3]), to_table(keys[:3], list(noise)))
    with pytest.raises(StorageError, match="signatures of this run are gone"):
        draw_similar(options, members, storage)
    write_table(storage, work_path(keys[3:]), to_table(keys[3:], [noise[1]]))
    found = draw_similar(options, members, storage)
    assert found.clusters == {"1.avi": "1.avi", "3.avi": "1.avi"} or found.clusters == {"3.avi": "1.avi"}
    assert found.split_of(clips[1]) == found.split_of(clips[3])
    assert pa.array(keys).null_count == 0
