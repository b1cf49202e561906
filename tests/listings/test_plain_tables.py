"""Moments in Time, and UCF-Crime's temporal annotations."""

from __future__ import annotations

from listed import Listed, write


def test_moments_in_time(tmp_path):
    read = Listed(
        write(tmp_path / "trainingSet.csv", "clapping/a b-1.mp4,clapping,3,0\n" * 5 + "clapping/c.mp4,clapping\n")
    )
    assert read.options.format == "moments"
    clip = read.clips[0]
    assert (clip.video, clip.label, clip.extra) == ("clapping/a b-1.mp4", "clapping", {"agree": "3", "disagree": "0"})
    assert [failure.row for failure in read.failures] == [6]


def test_ucf_crime(tmp_path):
    rows = [
        "Abuse028_x264.mp4  Abuse  165  240  -1  -1  ",
        "Arson007_x264.mp4  Arson  1 10 20 30",
        "Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1",
        "Abuse030_x264.mp4  Abuse  240  165  -1  -1  ",
    ]
    read = Listed(write(tmp_path / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt", "\n".join(rows)))
    assert read.options.format == "ucf-crime"
    assert [(clip.clip_id, clip.label, clip.frame_range) for clip in read.clips] == [
        ("Abuse028_x264_f164_f240", "Abuse", (164, 240)),
        ("Arson007_x264_f0_f10", "Arson", (0, 10)),
        ("Arson007_x264_f19_f30", "Arson", (19, 30)),
        ("Normal_Videos_003_x264", "Normal", None),
    ]
    assert {clip.split for clip in read.clips} == {"test"}
    assert [failure.row for failure in read.failures] == [4]
