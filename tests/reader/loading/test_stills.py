"""Clips of one frame are loaded many at a time, and give what they give one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.layout import shard_path
from clipmill.reader import BadClip, CentreWindow, HorizontalFlip, Normalise, RandomCrop, Resize
from clipmill.reader.loading import stills
from clipmill.reader.loading.stills import Stills

KINDS = {
    "plain": {},
    "lists of labels": {"multi_label": True, "unlabelled": [2, 5]},
    "two sizes": {"sizes": [(64, 48), (48, 64)]},
}
FIELDS = ["frames", "label", "mask", "length", "id", "frame_index", "timestamp"]


@pytest.fixture(params=KINDS)
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Miniature:
    return publish_miniature(tmp_path, clips=30, lengths=[1], splits=["train"], **KINDS[request.param])


@pytest.mark.parametrize("shuffle", [False, "shards"])
@pytest.mark.parametrize("augment", [(), (RandomCrop(40), HorizontalFlip(), Normalise())])
@pytest.mark.parametrize("hosts", [(0, 1), (1, 2)])
def test_together_they_give_what_they_give_one_by_one(images, shuffle, augment, hosts, monkeypatch):
    monkeypatch.setattr(stills, "TOGETHER", 3)
    loaded = []
    load = Stills.load
    monkeypatch.setattr(Stills, "load", lambda *words: loaded.append(words[2]) or load(*words))
    clips = clipmill.open(str(images.path))["train"]
    steps = augment or ((Resize((40, 40)),) if len({frame["width"] for frame in images.rows}) > 1 else ())
    fields = FIELDS if clips.classes else [*FIELDS, "label_source"]
    how = dict(augment=steps, batch_size=7, shuffle=shuffle, fields=fields, hosts=hosts)
    one_by_one = list(clips.batches(path="streaming", **how))
    assert not loaded
    together = list(clips.batches(**how))
    assert sum(map(len, loaded)) == {1: 30, 2: 13}[hosts[1]]
    for found, expected in zip(together, one_by_one, strict=True):
        assert found.keys() == expected.keys()
        for field in expected:
            np.testing.assert_array_equal(found[field], expected[field], err_msg=field)


def test_clips_of_several_frames_and_other_samplers_are_loaded_one_by_one(tmp_path, monkeypatch):
    monkeypatch.setattr(Stills, "load", lambda *words: pytest.fail("not one by one"))
    publish_miniature(tmp_path, clips=6, lengths=[1, 2], splits=["train"])
    clips = clipmill.open(str(tmp_path))["train"]
    for batch in clips.batches(batch_size=6):
        assert batch["length"].tolist() == [1, 1, 1, 2, 2, 2]
    single = clips.select(index=slice(0, 3))
    for options in (dict(sampler=CentreWindow(1)), dict(views=2), dict(decode=False), dict(dct_scale=True)):
        assert [batch["length"].size for batch in single.batches(batch_size=3, **options)] in ([3], [6])


def test_a_damaged_one_is_named_and_costs_no_other(tmp_path):
    mini = publish_miniature(tmp_path, clips=9, lengths=[1], splits=["train"])
    row = mini.rows[4]
    path = tmp_path / shard_path(row["shard"])
    data = bytearray(path.read_bytes())
    data[row["offset"] + row["length"] - 400 : row["offset"] + row["length"] - 4] = bytes(396)
    frame = mini.frames[row["clip_id"]][0]
    at = bytes(path.read_bytes()).index(frame)
    data[at : at + 2] = b"no"
    path.write_bytes(data)
    clips = clipmill.open(str(tmp_path))["train"]
    with pytest.raises(BadClip, match=row["clip_id"]):
        list(clips.batches(batch_size=9))
    (batch,) = clips.batches(batch_size=9, on_error="skip")
    assert [name for name in batch["id"] if name] == [other["clip_id"] for other in mini.rows if other is not row]
    assert batch["length"].tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]
