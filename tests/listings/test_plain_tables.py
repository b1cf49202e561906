"""Moments in Time, and temporal annotations of UCF-Crime and THUMOS14."""

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


def test_thumos_has_a_file_for_each_class(tmp_path):
    files = {
        "Diving_val.txt": "video_validation_0000266  72.8 76.4\nvideo_validation_0000266  80 77\nother  1 2\n",
        "CliffDiving_val.txt": "video_validation_0000266  72.8 76.4\n",
        "Ambiguous_val.txt": "video_validation_0000681  44.0 50.9\n",
        "Diving_test.txt": "video_test_0000004  0.2 1.1\n",
    }
    paths = [write(tmp_path / name, text) for name, text in files.items()]
    read = Listed(*paths)
    assert read.options.format == "thumos"
    assert sorted((clip.clip_id, clip.label, clip.split, clip.start, clip.end) for clip in read.clips) == [
        ("video_test_0000004_200_1100", "Diving", "test", 0.2, 1.1),
        ("video_validation_0000266_72800_76400", "CliffDiving", "val", 72.8, 76.4),
        ("video_validation_0000266_72800_76400", "Diving", "val", 72.8, 76.4),
        ("video_validation_0000681_44000_50900", None, "unused", 44.0, 50.9),
    ]
    assert [failure.row for failure in read.failures] == [2, 3]
    assert {failure.listing for failure in read.failures} == {str(paths[0])}
    both = Listed(*paths[:2], multi_label=True)
    assert [clip.label for clip in both.clips] == [("CliffDiving", "Diving")]
