"""AVA: boxes of one time become a clip."""

from __future__ import annotations

import json

from listed import Listed, write


def test_the_boxes_of_a_time_are_one_clip(tmp_path):
    rows = [
        "-5KQ66BBWC4,0902,0.077,0.151,0.283,0.811,80,1",
        "-5KQ66BBWC4,0902,0.077,0.151,0.283,0.811,9,1",
        "-5KQ66BBWC4,0902,0.5,0.1,0.9,1.0,80,0",
        "-5KQ66BBWC4,0903,,,,,,",
        "-5KQ66BBWC4,0904,0.5,0.1,0.9",
        "xyz,1,0.5,0.1,0.9,1.0,12",
    ]
    read = Listed(write(tmp_path / "ava_train_v2.2.csv", "\n".join(rows)))
    assert read.options.format == "ava"
    first, empty, other = read.clips
    assert (first.clip_id, first.video, first.start, first.end) == ("-5KQ66BBWC4_0902", "-5KQ66BBWC4", 900.5, 903.5)
    assert (set(first.label), first.row, first.split, first.extra["key_time"]) == ({"9", "80"}, 1, "train", "0902")
    boxes = json.loads(first.extra["boxes"])
    assert boxes == [
        [0.077, 0.151, 0.283, 0.811, 80, 1],
        [0.077, 0.151, 0.283, 0.811, 9, 1],
        [0.5, 0.1, 0.9, 1.0, 80, 0],
    ]
    assert (empty.label, empty.extra["boxes"]) == ((), "[]")
    assert (other.start, other.end, json.loads(other.extra["boxes"])) == (0.0, 2.5, [[0.5, 0.1, 0.9, 1.0, 12]])
    assert [(failure.row, failure.source) for failure in read.failures] == [(5, "-5KQ66BBWC4")]
