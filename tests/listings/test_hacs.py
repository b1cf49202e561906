"""HACS Clips, and HVU's tags."""

from __future__ import annotations

from listed import Listed, write

HEADER = "classname,youtube_id,subset,start,end,label\n"


def test_the_class_is_the_name_and_negative_clips_are_unused(tmp_path):
    rows = "Archery,-0Yb1tD3HUo,training,1.0,3.0,1\nArchery,-0Yb1tD3HUo,training,5.0,7.0,-1\n"
    rows += "Archery,bbbbbbbbbbb,testing,1,3,2\n"
    read = Listed(write(tmp_path / "HACS_clips_v1.1.1.csv", HEADER + rows))
    assert read.options.format == "hacs"
    good, negative = read.clips
    assert (good.clip_id, good.label, good.split) == ("-0Yb1tD3HUo_000001_000003", "Archery", "train")
    assert (negative.label, negative.start) == (None, 5.0)
    assert read.splits() == {good.clip_id: "train", negative.clip_id: "unused"}
    assert [(failure.row, failure.message[:16]) for failure in read.failures] == [(4, "the label is '2'")]


def test_hvus_tags_are_labels(tmp_path):
    text = "Tags,youtube_id,time_start,time_end\nrun|park,-0Yb1tD3HUo,1,11\n"
    (clip,) = Listed(write(tmp_path / "HVU_Train_V1.0.csv", text), multi_label=True).clips
    assert (clip.clip_id, clip.label) == ("-0Yb1tD3HUo_000001_000011", ("park", "run"))
