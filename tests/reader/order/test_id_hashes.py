"""Hashes of ids, and orders by them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.reader.draws import mix64, round_keys
from clipmill.reader.order import id_hashes
from clipmill.reader.order.id_hashes import MULTIPLIER, IdHashes, hash_ids

NONE = np.uint64(0)


def strings(*ids: str) -> pa.ChunkedArray:
    return pa.chunked_array([ids], pa.string())


def by_definition(clip_id: str, member: int) -> int:
    """The hash in Python's own numbers, one byte after the other."""
    data = clip_id.encode()
    value = sum(byte * MULTIPLIER**place for place, byte in enumerate(data)) + MULTIPLIER ** len(data)
    return int(mix64(np.array([value % 2**64 ^ member], np.uint64))[0])


def test_golden_hashes() -> None:
    """Saved states rely on these numbers: whoever changes them raises STATE."""
    ids = strings("", "a", "a\0", "Biking/v_Biking_g01_c01", "Überholen/straße.mp4")
    assert hash_ids(ids, NONE).tolist() == [
        6238072747940578789,
        5718913436695043505,
        16523536517815256532,
        5673125714207637017,
        3892075337144195790,
    ]


def test_golden_order() -> None:
    ids = strings(*(f"clip_{number}" for number in range(10)))
    assert IdHashes(ids).sorted_by(0, 0).tolist() == [5, 3, 0, 6, 1, 2, 4, 7, 9, 8]
    assert IdHashes(ids).sorted_by(0, 1).tolist() == [6, 1, 7, 2, 8, 5, 9, 0, 4, 3]


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=9), max_size=4),
    st.integers(0, 3),
    st.integers(0, 2**64 - 1),
    st.sampled_from([pa.string(), pa.large_string()]),
)
@settings(max_examples=150, deadline=None)
def test_hashes_are_those_of_the_definition(chunks: list[list[str]], cut: int, member: int, kind: pa.DataType) -> None:
    """Whatever chunks and slices the ids lie in, and however many are hashed at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(id_hashes, "PIECE", 3)
        ids = pa.chunked_array([pa.array(chunk, kind)[cut:] for chunk in chunks], kind)
        expected = [by_definition(clip_id, member) for chunk in chunks for clip_id in chunk[cut:]]
        assert hash_ids(ids, np.uint64(member)).tolist() == expected


def test_many_and_long_ids() -> None:
    ids = strings(*(f"{number}/" * (number % 7) + "x" * (900 if number == 2000 else 1) for number in range(3000)))
    found = hash_ids(ids, NONE)
    assert len(np.unique(found)) == len({clip_id.as_py() for clip_id in ids})
    for place in (0, 1023, 1024, 2000, 2001, 2999):
        assert found[place] == by_definition(ids[place].as_py(), 0)


def test_members_are_told_apart() -> None:
    ids = strings("a", "b", "a", "b")
    one, other = hash_ids(ids, np.array([1, 1, 2, 2], np.uint64)).reshape(2, 2)
    assert one.tolist() == hash_ids(strings("a", "b"), np.uint64(1)).tolist()
    assert not set(one.tolist()) & set(other.tolist())


def test_bits_of_hashes_are_even_and_independent_of_the_ids() -> None:
    """Ids that count up: each bit is set in half of the hashes, and flips with its neighbour's in half of the pairs."""
    hashes = hash_ids(strings(*(f"v_{number:05}" for number in range(20_000))), NONE)
    bits = np.unpackbits(hashes.view(np.uint8)).reshape(-1, 64)
    for shares in (bits.mean(axis=0), (bits[1:] ^ bits[:-1]).mean(axis=0)):
        assert np.abs(shares - 0.5).max() < 5 * 0.5 / np.sqrt(20_000)


@given(st.lists(st.text(max_size=8), unique=True, max_size=60), st.data(), st.integers(0, 2**64))
@settings(max_examples=100, deadline=None)
def test_the_order_of_some_is_that_of_all_with_the_others_left_out(
    ids: list[str], data: st.DataObject, seed: int
) -> None:
    ids = [clip_id.encode("utf-8", "replace").decode() for clip_id in ids]
    some = data.draw(st.permutations(ids))[: len(ids) // 2]
    word = int(round_keys(1, "order", seed, 3)[0])
    alone = int(round_keys(1, "member", "")[0])
    keys = {clip_id: mix64(np.array([by_definition(clip_id, alone) ^ word], np.uint64))[0] for clip_id in ids}
    whole = [ids[clip] for clip in IdHashes(strings(*ids)).sorted_by(seed, 3)]
    assert whole == sorted(ids, key=keys.__getitem__)
    part = [some[clip] for clip in IdHashes(strings(*some)).sorted_by(seed, 3)]
    assert part == [clip_id for clip_id in whole if clip_id in some]


def test_ids_of_one_hash_follow_each_other_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """No two ids of one hash are known, so their hashes are made equal here."""
    monkeypatch.setattr(id_hashes, "hash_ids", lambda ids, member: np.array([len(i.as_py()) for i in ids], np.uint64))
    for ids in (["b", "cc", "a", "é", "aa"], ["aa", "é", "a", "b", "cc"]):
        order = [ids[clip] for clip in IdHashes(strings(*ids)).sorted_by(1)]
        assert [clip_id for clip_id in order if len(clip_id) == 1] == ["a", "b", "é"]
        assert [clip_id for clip_id in order if len(clip_id) == 2] == ["aa", "cc"]
