"""Lists of folders of frames."""

from __future__ import annotations

import pytest
from listed import Listed, write


@pytest.mark.parametrize("separator", [" ", ",", "\t", ", "])
def test_folder_frames_and_label(tmp_path, separator):
    lines = [separator.join(("a/two words", "156", "3")), separator.join(("74225", "9", "-1"))]
    read = Listed(write(tmp_path / "train.txt", "\r\n".join(lines)))
    assert read.options.format == "rawframes"
    one, other = read.clips
    assert (one.video, one.label, one.frame_range, one.extra) == ("a/two words", "3", None, {"listing_frames": "156"})
    assert (other.clip_id, other.label, other.split) == ("74225", None, "train")


def test_three_numbers_everywhere_are_offset_frames_and_label(tmp_path):
    path = write(tmp_path / "l.txt", "imgs 2 5 127\nimgs 7 5 1\n")
    one, other = Listed(path).clips
    assert (one.clip_id, one.frame_range, one.label) == ("imgs_f2_f7", (2, 7), "127")
    assert (other.frame_range, other.group) == ((7, 12), "imgs")
    (clip,) = Listed(write(tmp_path / "m.txt", "imgs 5 3 7\n"), multi_label=True).clips
    assert (clip.label, clip.frame_range) == (("3", "7"), None)


def test_several_labels(tmp_path):
    read = Listed(write(tmp_path / "l.txt", "x 5 1\ny 5 3 5\n"))
    assert [clip.label for clip in read.clips] == [("1",), ("3", "5")]


def test_windows_paths_and_slashes_at_the_end(tmp_path):
    read = Listed(write(tmp_path / "l.txt", "data\\brush hair\\x_0 407 0\ndata/y/ 7 0\n"))
    assert [clip.video for clip in read.clips] == ["data/brush hair/x_0", "data/y"]


def test_wrong_rows_name_their_line(tmp_path):
    read = Listed(write(tmp_path / "l.txt", "x 5 1\ny 5 1\nz 5 1\nw 5 1\nv 5 1\nu 5\n../t 5 1\ns 0 1\n"))
    assert len(read.clips) == 5
    assert [(failure.row, failure.message.partition(" (")[0]) for failure in read.failures] == [
        (6, "'u 5' is not a folder, a number of frames and a label"),
        (7, f"the path ../t leaves the root {tmp_path}"),
        (8, "the number of frames is 0"),
    ]
