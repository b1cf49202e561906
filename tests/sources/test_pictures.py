"""Frames in a folder: their order, what is missing between them, and by what the folder is known."""

from __future__ import annotations

import os

import pytest

from clipmill.errors import ClipError
from clipmill.sources.pictures import fingerprint, in_order, is_pictures, stat_folder
from clipmill.storage import open_storage


@pytest.mark.parametrize(
    "names",
    [
        ["1.jpg", "2.jpg", "10.jpg"][:2],
        ["8.jpg", "9.jpg", "10.jpg", "11.jpg"],
        ["frame_00000_delay-0.1s.png", "frame_00001_delay-0.1s.png"],
        ["00000.png", "00005.png", "00010.png"],
        ["img9a.png", "img10a.png", "img11a.png"],
        ["a.png", "b.png", "c2.png"],
        ["x1_y1.png", "x1_y2.png", "x2_y3.png"],
        ["1403636579763555584.png", "1403636579813555456.png", "1403636579863555584.png", "1403636579999.png"][:3],
        ["only.jpg"],
    ],
)
def test_frames_come_in_natural_order(names):
    assert in_order(names[::-1]) == names
    assert in_order(sorted(names)) == names


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((1, 2, 4), "1 frame is missing between 2.jpg and 4.jpg"),
        ((1, 2, 3, 7, 8), "3 frames are missing between 3.jpg and 7.jpg"),
        ((0, 5, 10, 20), "1 frame is missing between 10.jpg and 20.jpg"),
        ((1, 3, 4, 6, 7, 9, 10, 12, 13), "4 frames are missing between 1.jpg and 3.jpg, .* and 1 other places"),
    ],
)
def test_gaps_are_named(numbers, words):
    with pytest.raises(ClipError, match=words) as caught:
        in_order([f"{number}.jpg" for number in numbers])
    assert caught.value.reason == "corrupt"


def test_a_folder_of_two_things_is_no_clip():
    with pytest.raises(ClipError, match=r"several kinds, 'flow_x_\.\.\.' and 'img_\.\.\.'"):
        in_order([f"{kind}_{number:05d}.jpg" for kind in ("flow_x", "img") for number in (1, 2)])
    with pytest.raises(ClipError, match=r"two frames have the number 1: 1\.jpg and 1\.png"):
        in_order(["1.png", "1.jpg", "2.jpg"])


def test_a_folder_is_known_by_its_frames(tmp_path):
    storage = open_storage(str(tmp_path))
    for folder in ("a", "b"):
        (tmp_path / folder / "below").mkdir(parents=True)
        for number in range(12):
            (tmp_path / folder / f"{folder}{number}.png").write_bytes(b"%d" % number)
        (tmp_path / folder / "below/1.png").write_bytes(b"deeper")
        (tmp_path / folder / "notes.txt").write_text(folder)
    assert fingerprint(storage, "a") == fingerprint(storage, "b")
    before = stat_folder(storage, "a")
    assert before is not None and before.size == 14
    assert is_pictures("a", before.stamp) and is_pictures("a/a1.png", "17") and not is_pictures("a.mp4", "17")
    os.utime(tmp_path / "a/a3.png", (1, 1))
    after = stat_folder(storage, "a")
    assert after is not None and after.stamp != before.stamp
    assert stat_folder(storage, "a/below/1.png") is None
    (tmp_path / "a/a3.png").write_bytes(b"x")
    assert fingerprint(storage, "a") != fingerprint(storage, "b")
    assert stat_folder(storage, "") is None
    assert stat_folder(storage, "gone") is None
