"""Leaks of data sets: copies between splits, under two labels, in one split, in another data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from miniature import publish_miniature
from scenery import COPIES, publish_frames, scenery

import clipmill
from clipmill.errors import StorageError, UsageError
from clipmill.leaks import signatures
from clipmill.leaks.find import find_leaks
from clipmill.leaks.found import Found, kept_leaks
from clipmill.storage import LocalStorage, open_storage

#: The original, which is in train; what follows are its copies, in test, and then other clips.
ORIGINAL = scenery(0)
CLIPS = {
    "original": ORIGINAL,
    **{name: [change(frame) for frame in ORIGINAL] for name, change in COPIES.items()},
    "shift": ORIGINAL[10:],
    **{f"other{n}": scenery(n) for n in range(1, 5)},
    "black": [np.zeros((120, 160, 3), np.uint8)] * 20,
    "black too": [np.zeros((120, 160, 3), np.uint8)] * 20,
}


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("leaks") / "copies"
    publish_frames(path, list(CLIPS.values()), ["train", *["test"] * (len(CLIPS) - 1)])
    return path


@pytest.fixture(scope="module")
def found(out: Path) -> Found:
    return find_leaks(clipmill.open(str(out)))


def names(found: Found, kind: str) -> dict[frozenset[str], tuple[float, bool, bool]]:
    clips = {f"clip_{number:04d}": name for number, name in enumerate(CLIPS)}
    return {
        frozenset((clips[pair.first.id], clips[pair.second.id])): (pair.offset, pair.mirrored, pair.cropped)
        for pair in found.pairs
        if pair.kind == kind
    }


def test_every_copy_in_another_split_is_found_and_said_how(found: Found) -> None:
    between = names(found, "splits")
    assert between == {
        frozenset(("original", "half")): (0.0, False, False),
        frozenset(("original", "mirror")): (0.0, True, False),
        frozenset(("original", "crop")): (0.0, False, True),
        frozenset(("original", "logo")): (0.0, False, False),
        frozenset(("original", "shift")): (1.0, False, False),
    }
    assert found.counts["splits"] == found.leaks == 5 and found.clips == len(CLIPS)


def test_nothing_is_found_among_other_clips_and_black_ones(found: Found) -> None:
    alike = {"original", *COPIES, "shift"}
    assert all(set(pair) <= alike for kind in found.counts for pair in names(found, kind))


def test_pairs_between_splits_come_first_then_those_under_two_labels(found: Found) -> None:
    kinds = [pair.kind for pair in found.pairs]
    assert kinds == sorted(kinds, key=["against", "splits", "labels", "within"].index)
    assert found.counts["labels"] and found.counts["within"]
    for pair in found.pairs:
        assert (pair.first.label == pair.second.label) == (pair.kind == "within") or pair.kind == "splits"
    scores = [pair.score for pair in found.pairs if pair.kind == "labels"]
    assert scores == sorted(scores, reverse=True)


def test_what_was_found_is_kept(out: Path, found: Found) -> None:
    assert kept_leaks(open_storage(str(out)), found.version) == found


def test_a_copy_in_another_data_set_at_another_rate_is_found(out: Path, tmp_path: Path) -> None:
    publish_frames(tmp_path / "other", [scenery(9), ORIGINAL[20::2]], ["train", "val"], fps=5.0)
    data, other = clipmill.open(str(out)), clipmill.open(str(tmp_path / "other"))
    found = find_leaks(data, [other])
    original = [pair for pair in found.pairs if pair.kind == "against" and pair.first.id == "clip_0000"]
    assert [(pair.second.dataset, pair.second.id, pair.offset) for pair in original] == [(other.path, "clip_0001", 2.0)]
    assert found.counts["against"] == 6 and found.leaks == 11 and found.against == [other.path]


def test_signatures_are_made_once_and_kept(out: Path, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    data = clipmill.open(str(out))
    made = signatures.make_codes(data, range(len(CLIPS)))
    monkeypatch.setattr(signatures, "make_codes", lambda *_: pytest.fail("they are kept"))
    assert find_leaks(data) == found
    kept = signatures.signatures_of(data)
    assert (kept.codes == np.concatenate(made)).all() and kept.lengths.tolist() == [len(codes) for codes in made]
    # Those that were made otherwise are made anew.
    (path,) = out.glob("versions/*/signatures.arrow")
    path.write_bytes(path.read_bytes().replace(b"epoch", b"hcope"))
    monkeypatch.setattr(signatures, "make_codes", lambda *_: [codes ^ 1 for codes in made])
    assert signatures.signatures_of(data).codes[0, 0, 0] == made[0][0, 0, 0] ^ 1
    monkeypatch.undo()
    path.unlink()
    assert (signatures.signatures_of(data).codes == kept.codes).all()


def test_signatures_of_unchanged_clips_are_taken_over_from_other_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_frames(tmp_path / "out", [ORIGINAL, scenery(1)], ["train", "test"])
    before = clipmill.open(str(tmp_path / "out"))
    find_leaks(before)
    publish_frames(tmp_path / "out", [ORIGINAL, scenery(2), scenery(3)], ["test", "train", "train"])
    after = clipmill.open(str(tmp_path / "out"))
    asked: list[str] = []

    def make(data: clipmill.reader.Dataset, rows: list[int], *_: object) -> list[np.ndarray]:
        asked.extend(data.table.ids.take(rows).to_pylist())
        return make_codes(data, rows)

    make_codes = signatures.make_codes
    monkeypatch.setattr(signatures, "make_codes", make)
    taken = signatures.signatures_of(after)
    assert after.version != before.version and asked == ["clip_0001", "clip_0002"]
    assert (taken.codes == np.concatenate(make_codes(after, range(3)))).all()


def test_a_data_set_that_cannot_be_written_is_looked_at_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_frames(tmp_path / "out", [ORIGINAL, ORIGINAL], ["train", "test"])
    before = sorted(tmp_path.rglob("*"))

    def refuse(*_: object, **__: object) -> None:
        raise StorageError("read-only")

    monkeypatch.setattr(LocalStorage, "put", refuse)
    assert find_leaks(clipmill.open(str(tmp_path / "out"))).leaks == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_clips_with_lists_of_labels_are_compared(tmp_path: Path) -> None:
    publish_miniature(
        tmp_path / "out",
        clips=2,
        lengths=[30],
        splits=["train"],
        multi_label=True,
        draw=lambda clip, frame, *_: ORIGINAL[frame][:48, :64].copy(),
    )
    (pair,) = find_leaks(clipmill.open(str(tmp_path / "out"))).pairs
    assert (pair.kind, pair.first.label, pair.second.label) == ("labels", "boxing", "boxing, diving")


def test_images_with_masks_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_frames(tmp_path / "out", [ORIGINAL], ["train"])
    data = clipmill.open(str(tmp_path / "out"))
    monkeypatch.setattr(type(data.manifest), "pairs", property(lambda manifest: True))
    with pytest.raises(UsageError, match="images with masks"):
        find_leaks(data)
