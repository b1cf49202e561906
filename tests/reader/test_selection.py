"""Leaving out clips that show the same as clips of another set."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from scenery import COPIES, publish_frames, scenery

import clipmill
from clipmill.errors import UsageError
from clipmill.leaks.find import find_leaks
from clipmill.reader import CentreWindow, Dataset
from clipmill.reader.replay import replay

BLACK = [np.zeros((120, 160, 3), np.uint8)] * 20
#: By number: 0 and 4 of train show the same as clips of test, 7 and 8 show nothing.
CLIPS = (
    *(scenery(0), scenery(1), scenery(2), scenery(3), [frame[:, ::-1] for frame in scenery(4)], scenery(5)),
    *(scenery(0)[10:], BLACK, BLACK, [COPIES["logo"](frame) for frame in scenery(4)]),
)
SPLITS = ["train"] * 6 + ["test", "test", "train", "test"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    path = tmp_path_factory.mktemp("near") / "out"
    publish_frames(path, CLIPS, SPLITS)
    found = clipmill.open(str(path))
    find_leaks(found)
    return found


def numbers(clips: clipmill.reader.ClipSet) -> list[int]:
    return sorted(int(clip_id[-4:]) for clip_id in clips.ids.to_pylist())


def test_clips_near_another_split_are_left_out_and_counted(data: Dataset) -> None:
    train = data["train"].select(not_near=data["test"])
    assert numbers(train) == [1, 2, 3, 5, 8]
    assert train.left_out == 2
    assert repr(train) == f"<5 clips of {data.path}[some clips, 2 left out that are near others]>"
    pairs = find_leaks(data).pairs
    near = {pair.first.id if pair.first.split == "train" else pair.second.id for pair in pairs if pair.kind == "splits"}
    assert near == set(data["train"].ids.to_pylist()) - set(train.ids.to_pylist())


def test_it_goes_together_with_other_conditions(data: Dataset) -> None:
    train = data["train"].select(ids=["clip_0000", "clip_0001", "clip_0002"], not_near=data["test"])
    assert (numbers(train), train.left_out) == ([1, 2], 1)
    again = data["train"].select(not_near=data.all.select(ids=["clip_0006"])).select(not_near=data["test"])
    assert (numbers(again), again.left_out) == ([1, 2, 3, 5, 8], 2)
    alone = data["train"].select(ids=["clip_0001", "clip_0002"]).select(not_near=data["test"])
    assert "left out" not in repr(alone) and alone.left_out == 0


def test_the_clips_of_the_other_set_themselves_are_left_out_whatever_they_show(data: Dataset) -> None:
    assert numbers(data.all.select(not_near=data["test"])) == [1, 2, 3, 5, 8]


def test_another_data_set_and_a_mix_are_compared_too(data: Dataset, tmp_path: Path) -> None:
    publish_frames(tmp_path / "other", [scenery(9), scenery(3)[4:]], ["train", "val"])
    other = clipmill.open(str(tmp_path / "other"))
    find_leaks(other)
    assert numbers(data["train"].select(not_near=other.all)) == [0, 1, 2, 4, 5, 8]
    mixed = clipmill.mix({"one": (other["val"], 1), "two": (data["test"], 1)})
    assert numbers(data["train"].select(not_near=mixed)) == [1, 2, 5, 8]
    with pytest.raises(UsageError, match="select before mixing"):
        mixed.select(not_near=data["test"])


def test_a_state_has_the_clips_that_are_left_and_workers_read_them(data: Dataset) -> None:
    train = data["train"].select(not_near=data["test"])
    options = {"augment": [], "batch_size": 2, "shuffle": True}
    threads = train.batches(CentreWindow(4), **options)
    read = [batch["id"].tolist() for batch in threads]
    workers = train.batches(CentreWindow(4), workers=2, **options)
    assert [batch["id"].tolist() for batch in workers] == read
    assert sorted(chain(*read)) == sorted(train.ids.to_pylist())
    state = threads.state_dict()
    workers.load_state_dict(state)
    assert replay(threads.state_dict() | {"epoch": 0}, 1).batch["id"].tolist() == read[1]
    with pytest.raises(UsageError, match="the state is of a reader with clips"):
        data["train"].batches(CentreWindow(4), **options).load_state_dict(state)


def test_without_signatures_it_says_how_to_make_them(data: Dataset, tmp_path: Path) -> None:
    publish_frames(tmp_path / "other", [scenery(9)], ["val"])
    other = clipmill.open(str(tmp_path / "other"))
    said = f"{other.path}: version {other.version} has no signatures, .*: make them with `clipmill leaks {other.path}`"
    with pytest.raises(UsageError, match=said):
        data["train"].select(not_near=other["val"])
    with pytest.raises(UsageError, match=said):
        other["val"].select(not_near=data["test"])


def test_what_is_no_set_of_clips_is_refused(data: Dataset) -> None:
    with pytest.raises(UsageError, match=r"a set of clips is meant, as data\['test'\] or data.all"):
        data["train"].select(not_near=data)  # type: ignore[arg-type]
