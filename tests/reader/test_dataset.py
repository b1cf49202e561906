"""Opening a data set: splits, folds, selections, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.errors import NoSuchDataset, UsageError
from clipmill.layout import LAYOUT
from clipmill.reader import Dataset, WholeClip


def test_splits_labels_and_table(data: Dataset, mini: Miniature) -> None:
    assert data.splits == ["train", "val"]
    assert data.labels == ["boxing", "diving", "juggling"]
    assert data.version == mini.version
    train = [row for row in mini.rows if row["split"] == "train"]
    assert len(data["train"]) == len(train)
    table = data["train"].clips
    assert table["clip_id"].to_pylist() == [row["clip_id"] for row in train]
    assert table["frames"].to_pylist() == [row["frames"] for row in train]
    assert len(data.all) == 40
    assert "train 27, val 13" in repr(data)


def test_unknown_split_lists_those_there_are(data: Dataset) -> None:
    with pytest.raises(UsageError, match=r"no split 'test'; there is train, val$"):
        data["test"]


def test_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(NoSuchDataset, match=f"{tmp_path}: no published data set here"):
        clipmill.open(str(tmp_path))
    with pytest.raises(NoSuchDataset, match="no published data set here"):
        clipmill.open(str(tmp_path / "nowhere"))


def test_the_version_is_fixed_when_opened(tmp_path: Path) -> None:
    old = publish_miniature(tmp_path, clips=6)
    data = clipmill.open(str(tmp_path))
    new = publish_miniature(tmp_path, clips=9)
    assert data.version == old.version != new.version
    assert len(next(iter(data.all.batches(WholeClip(), batch_size=6)))["id"]) == 6
    assert clipmill.open(str(tmp_path)).version == new.version
    assert len(clipmill.open(str(tmp_path), version=old.version).all) == 6


def test_a_version_that_is_gone(tmp_path: Path) -> None:
    mini = publish_miniature(tmp_path, clips=6)
    data = clipmill.open(str(tmp_path))
    (tmp_path / "versions" / mini.version / "clips.parquet").unlink()
    with pytest.raises(NoSuchDataset, match=f"version {mini.version} is not there any more"):
        data.clips  # noqa: B018
    (tmp_path / "versions" / mini.version / "manifest.json").unlink()
    with pytest.raises(NoSuchDataset, match=f"version {mini.version} is not there"):
        clipmill.open(str(tmp_path))


def test_a_layout_of_tomorrow(tmp_path: Path) -> None:
    mini = publish_miniature(tmp_path, clips=6)
    manifest = tmp_path / "versions" / mini.version / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "layout": LAYOUT + 1}))
    with pytest.raises(NoSuchDataset, match="pip install -U clipmill"):
        clipmill.open(str(tmp_path))


def test_folds(data: Dataset, mini: Miniature) -> None:
    second = data.fold(2)
    expected = [row["clip_id"] for row in mini.rows if row["folds"][1] == "test"]
    assert second["test"].clips["clip_id"].to_pylist() == expected
    assert second.splits == ["train", "test"]
    assert data.splits == ["train", "val"]
    with pytest.raises(UsageError, match="no fold 4; there are 1 to 3"):
        data.fold(4)


def test_no_folds(tmp_path: Path) -> None:
    publish_miniature(tmp_path, clips=3)
    with pytest.raises(UsageError, match="no fold 1; it has none"):
        clipmill.open(str(tmp_path)).fold(1)


def test_select(data: Dataset) -> None:
    train = data["train"]
    ids = train.clips["clip_id"].to_pylist()
    assert train.select(ids=[ids[5], ids[2]]).clips["clip_id"].to_pylist() == [ids[2], ids[5]]
    assert train.select(index=[0, 3]).clips["clip_id"].to_pylist() == [ids[0], ids[3]]
    assert train.select(index=slice(4, 6)).clips["clip_id"].to_pylist() == ids[4:6]
    assert len(train.select(index=np.arange(27) % 2 == 0)) == 14
    long = train.select(where=pc.field("frames") > 9)
    assert set(long.clips["frames"].to_pylist()) == {17, 30}
    diving = train.select(where=lambda table: pc.equal(table["label_text"], "diving"))
    assert set(diving.clips["label_index"].to_pylist()) == {1}
    assert len(diving) == train.clips["label_index"].to_pylist().count(1)
    assert len(long.select(where=pc.field("frames") == 17, index=slice(0, 100))) < len(long)
    with pytest.raises(UsageError, match="clip_9999: no such clip"):
        train.select(ids=["clip_9999"])
    with pytest.raises(UsageError, match="index: "):
        train.select(index=[27])


def test_split_by_group_leaks_nothing_and_stays(data: Dataset) -> None:
    whole = data.all
    train, val = whole.split(val=0.3)
    groups = [set(part.clips["group"].to_pylist()) for part in (train, val)]
    assert len(train) + len(val) == 40
    assert groups[0] and groups[1] and not groups[0] & groups[1]
    # A clip that goes moves a group of its class at most.
    fewer = whole.select(index=slice(1, None))
    before, after = (set(part.clips["clip_id"].to_pylist()) for part in (val, fewer.split(val=0.3)[1]))
    moved = whole.select(ids=sorted((before ^ after) - set(whole.clips["clip_id"].to_pylist()[:1])))
    assert len(set(moved.clips["group"].to_pylist())) <= 1
    assert any(set(whole.split(val=0.3, seed=seed)[1].rows.tolist()) != set(val.rows.tolist()) for seed in (1, 2))


def test_split_without_groups_meets_its_shares(tmp_path: Path) -> None:
    publish_miniature(tmp_path, clips=400, lengths=[1], splits=["train"], clips_per_shard=100, sizes=[(16, 16)])
    whole = clipmill.open(str(tmp_path))["train"]
    rest, val, test = whole.split(val=0.2, test=0.1)
    assert [len(rest) + len(val) + len(test), len(set(rest.rows) | set(val.rows) | set(test.rows))] == [400, 400]
    for label in set(whole.clips["label_text"].to_pylist()):
        of_class, of_val, of_test = (part.clips["label_text"].to_pylist().count(label) for part in (whole, val, test))
        assert abs(of_val - 0.2 * of_class) < 1 and abs(of_test - 0.1 * of_class) < 1
    for wrong in ({}, {"val": 1.0}, {"val": -0.1}, {"a": 0.6, "b": 0.5}):
        with pytest.raises(UsageError, match="must be positive and leave something"):
            whole.split(**wrong)
    with pytest.raises(UsageError, match="by='video'"):
        whole.split(by="video", val=0.5)
