"""Charades: many labels with times in one row."""

from __future__ import annotations

from field_listings import CHARADES
from listed import Listed, write

NAMES = "c092 Looking out a window\nc147 Standing at a stove\nc000 Holding clothes\n"


def test_a_clip_for_each_action(tmp_path):
    write(tmp_path / "Charades_v1_classes.txt", NAMES)
    read = Listed(write(tmp_path / "Charades_v1_train.csv", CHARADES))
    assert read.options.format == "charades" and not read.failures
    assert [(clip.clip_id, clip.label, clip.label_number, clip.start, clip.end) for clip in read.clips] == [
        ("46GP8_c092_11900_21200", "Looking out a window", 92, 11.9, 21.2),
        ("46GP8_c147_0_12600", "Standing at a stove", 147, 0.0, 12.6),
        ("YSKX3", None, None, None, None),
    ]
    assert {clip.split for clip in read.clips} == {"train"}
    assert (read.clips[0].group, read.clips[0].extra["scene"]) == ("46GP8", "Kitchen")
    assert len(read.classes()) == 148


def test_without_the_classes_their_codes_are_the_names(tmp_path):
    read = Listed(write(tmp_path / "Charades_v1_test.csv", CHARADES))
    assert [clip.label for clip in read.clips] == ["c092", "c147", None]


def test_with_several_labels_a_video_is_one_clip(tmp_path):
    read = Listed(write(tmp_path / "Charades_v1_train.csv", CHARADES), multi_label=True)
    assert [(clip.video, set(clip.label), clip.start) for clip in read.clips] == [
        ("46GP8", {"c092", "c147"}, None),
        ("YSKX3", set(), None),
    ]


def test_a_wrong_action_makes_its_row_bad(tmp_path):
    text = (
        CHARADES.replace("c147 0.00 12.60", "c147 12.60 0.00")
        + CHARADES.splitlines()[2].replace("YSKX3", "good")
        + "\n"
    )
    read = Listed(write(tmp_path / "Charades_v1_train.csv", text))
    assert [clip.video for clip in read.clips] == ["YSKX3", "good"]
    assert [failure.row for failure in read.failures] == [2]
