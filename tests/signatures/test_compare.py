"""Finding pairs by their codes: what is planted is found, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from clipmill.signatures import candidates
from clipmill.signatures.clip_signatures import Signatures, join
from clipmill.signatures.compare import Alignments
from clipmill.signatures.compare import find_alike as compare
from clipmill.signatures.frame_codes import QUARTERS, VIEWS, mirrored


def signatures(*clips: np.ndarray) -> Signatures:
    return join(np.concatenate(clips), [len(codes) for codes in clips])


def find_alike(left: Signatures, right: Signatures | None = None) -> Alignments:
    return compare(left, right).alike


def clip(seed: int, samples: int = 20) -> np.ndarray:
    """Codes of a clip that changes a little from sample to sample: the middle is like nothing else, as the whole."""
    random = np.random.default_rng(seed)
    codes = np.repeat(random.integers(1, 1 << 32, (1, VIEWS, QUARTERS), np.uint32), samples, axis=0)
    for sample in range(1, samples):
        codes[sample] = flipped(codes[sample - 1], 1, seed * 1000 + sample)
    return codes


def flipped(codes: np.ndarray, bits: int, seed: int = 0) -> np.ndarray:
    """The same with a few bits of each code flipped."""
    random = np.random.default_rng(seed)
    for _ in range(bits):
        codes = codes ^ (np.uint32(1) << random.integers(0, 32, codes.shape, np.uint32))
    return codes


def test_clips_of_other_scenes_are_not_alike() -> None:
    alike = find_alike(signatures(*(clip(seed) for seed in range(300))))
    assert len(alike.left) == 0


def test_a_copy_is_found_with_its_shift_whichever_comes_first() -> None:
    original = clip(1)
    alike = find_alike(signatures(clip(2), original, clip(3), original[6:], original[:12]))
    pairs = dict(zip(zip(alike.left.tolist(), alike.right.tolist(), strict=True), alike.shift.tolist(), strict=True))
    assert pairs[1, 3] == 6 and pairs[1, 4] == 0 and pairs[3, 4] == -6
    assert not alike.mirrored.any() and (alike.unlike == 0).all()


def test_two_sets_are_compared_with_each_other_only() -> None:
    original = clip(1)
    alike = find_alike(signatures(clip(2), original, original), signatures(flipped(original, 1), clip(4)))
    assert list(zip(alike.left, alike.right, strict=True)) == [(1, 0), (2, 0)]


def test_a_mirrored_copy_is_found() -> None:
    alike = find_alike(signatures(clip(1), mirrored(clip(1))[4:]))
    assert alike.mirrored.tolist() == [True] and alike.shift.tolist() == [4]


def test_a_cropped_copy_is_found_by_its_view() -> None:
    whole, crop = clip(1), clip(2)
    crop[:, 0] = flipped(whole[:, 1], 2)
    alike = find_alike(signatures(whole, crop))
    assert (alike.left_view.tolist(), alike.right_view.tolist()) == ([1], [0])


def test_one_quarter_may_differ_but_not_two() -> None:
    original, other = clip(1), clip(2)
    for quarters, found in ((1, 1), (2, 0)):
        covered = original.copy()
        covered[:, :, :quarters] = other[:, :, :quarters]
        assert len(find_alike(signatures(original, covered)).left) == found


def test_quarters_that_show_nothing_do_not_count_and_one_alone_says_nothing() -> None:
    for dark, found in ((2, 1), (3, 0)):
        codes = clip(1)
        codes[:, :, :dark] = 0
        assert len(find_alike(signatures(codes, codes)).left) == found


def test_clips_must_share_a_second_or_all_of_the_shorter_one() -> None:
    original = clip(1)
    ends_alike = clip(2)
    ends_alike[-3:] = original[:3]
    assert len(find_alike(signatures(original, ends_alike)).left) == 0
    assert len(find_alike(signatures(original, original[:1])).left) == 1


def test_of_a_crowd_each_clip_is_paired_with_the_first_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "CROWD", 3)
    alike, crowded = compare(signatures(clip(2), *[clip(1, 1)] * 20))
    assert set(alike.left) | set(alike.right) == set(range(1, 21))
    assert len(alike.left) < 20 * 3
    assert crowded.tolist() == [False, *[True] * 20]
    assert not compare(signatures(clip(2), *[clip(1, 1)] * 3)).crowded.any()


def test_a_title_card_that_clips_begin_with_does_not_make_them_alike() -> None:
    title = clip(1, 2)
    clips = [np.concatenate([title, clip(seed)]) for seed in range(10, 20)]
    assert len(find_alike(signatures(*clips)).left) == 0


def test_many_are_compared_in_pieces_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [clip(seed // 2, 5 + seed) for seed in range(20)]
    whole = find_alike(signatures(*clips))
    monkeypatch.setattr("clipmill.signatures.candidates._CLIPS", 3)
    monkeypatch.setattr("clipmill.signatures.candidates._HITS", 5)
    monkeypatch.setattr("clipmill.signatures.compare._TOGETHER", 64)
    pieces = find_alike(signatures(*clips))
    assert len(whole.left) == 10
    assert all((one == other).all() for one, other in zip(whole, pieces, strict=True))


def test_sets_without_clips_or_samples_have_no_pairs() -> None:
    nothing = join(np.empty((0, VIEWS, QUARTERS), np.uint32), [])
    assert len(find_alike(nothing).left) == len(find_alike(signatures(clip(1)), nothing).left) == 0
