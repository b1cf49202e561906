"""One clip: what it says of itself, and its frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from miniature import Miniature, publish_miniature, read_code

import clipmill
from clipmill.errors import UsageError
from clipmill.reader import Clip, Dataset, WholeClip
from clipmill.reader.markup import coloured


def test_a_clip_has_what_its_batch_has(each_schema: Miniature) -> None:
    train = clipmill.open(str(each_schema.path))["train"]
    batches = train.batches(WholeClip(), batch_size=1)
    for number in (0, 5, len(train) - 1):
        clip, batch = train[number], batches.at(0, number)
        assert (clip.id, clip.label, clip.length) == (batch["id"][0], batch["label"][0], batch["length"][0])
        for field in ("frames", "timestamp", "frame_index"):
            np.testing.assert_array_equal(getattr(clip, field), batch[field][0])
            assert getattr(clip, field).dtype == batch[field].dtype
        assert clip.mask is None and clip.frames is clip.frames, "frames are kept once read"
        row = next(row for row in each_schema.rows if row["clip_id"] == clip.id)
        assert clip.label_name == row["label_text"]
        assert {name: clip.row[name] for name in row} == row
        assert (clip.width, clip.height, len(clip)) == (row["width"], row["height"], row["frames"])


def test_clips_are_counted_iterated_and_taken_from_both_ends(data: Dataset) -> None:
    train = data["train"]
    ids = train.ids.to_pylist()
    assert [clip.id for clip in train] == ids and len(ids) == len(train)
    assert [clip.id for clip in reversed(train)] == ids[::-1]
    assert train[-1].id == ids[-1] and train[np.int64(3)].id == ids[3]
    assert train[2:6:2].ids.to_pylist() == ids[2:6:2] and train[-3:].ids.to_pylist() == ids[-3:]


def test_numbers_that_there_are_not(data: Dataset) -> None:
    train = data["train"]
    for number in (len(train), -len(train) - 1):
        with pytest.raises(IndexError, match=rf"clip {number}: there are 27"):
            train[number]
    with pytest.raises(UsageError, match=r"clips\['clip_0000'\]: a number is meant, as clips\[0\]; select\(ids="):
        train["clip_0000"]  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="keeps the order of the table"):
        train[::-1]
    with pytest.raises(UsageError, match=r"data\[0\]: a split's name is meant, of train, val; data.all has all"):
        data[0]  # type: ignore[index]


def test_a_preview_is_from_the_middle_of_equal_parts(data: Dataset, mini: Miniature) -> None:
    clip = next(clip for clip in data.all if clip.length == 30)
    seen = [read_code(frame) for frame in clip.preview(3)]
    assert [number for number, _ in seen] == [mini.numbers[clip.id]] * 3
    assert all(10 * part <= frame < 10 * (part + 1) for part, (_, frame) in enumerate(seen))
    assert len(data["train"][0].preview(100)) == 5


def test_a_clip_of_a_mix_is_that_of_its_member(data: Dataset, tmp_path: Path) -> None:
    publish_miniature(tmp_path, clips=7, lengths=[3], labels=["swimming", "diving"], splits=["train"])
    other = clipmill.open(str(tmp_path)).all
    mixed = clipmill.mix({"ours": (data["val"], 1), "theirs": (other, 2)})
    for number in (0, 4, len(mixed) - 1):
        alone = data["val"][number] if number < 13 else other[number - 13]
        clip = mixed[number]
        assert (clip.id, clip.label_name, clip.row) == (alone.id, alone.label_name, alone.row)
        np.testing.assert_array_equal(clip.frames, alone.frames)
        assert mixed.labels[clip.label] == clip.label_name or clip.label == -1
    assert mixed.labels == ["boxing", "diving", "juggling", "swimming"]


def test_lists_of_labels_and_none(tmp_path: Path) -> None:
    publish_miniature(tmp_path, clips=6, multi_label=True, unlabelled=[2])
    clips = {clip.id: clip for clip in clipmill.open(str(tmp_path)).all}
    assert clips["clip_0003"].label == [0, 1] and clips["clip_0003"].label_name == "boxing, diving"
    assert clips["clip_0002"].label == [] and "no label" in repr(clips["clip_0002"])


def test_a_clip_draws_itself(data: Dataset) -> None:
    clip = data["train"][3]
    drawn = clip.show(frames=2, steps=1).pixels
    np.testing.assert_array_equal(drawn, data.all.select(ids=[clip.id]).show(frames=2, steps=1).pixels)
    assert isinstance(clip, Clip)
    html = clip._repr_html_()
    assert clip.id in html and "data:image/jpeg;base64," in html and clip.row["source"] in html


def test_values_of_a_mask_have_the_colours_of_voc() -> None:
    # From the PASCAL VOC development kit: 0 background, 1 aeroplane, 2 bicycle, 15 person, 255 void.
    expected = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (192, 128, 128), (224, 224, 192)]
    np.testing.assert_array_equal(coloured(np.array([[0, 1, 2, 15, 255]], np.int32))[0], expected)
