from __future__ import annotations

import os
import re

import msgspec
import pytest
from listed import Listed, touch

from clipmill import listings
from clipmill.errors import ListingError, UsageError
from clipmill.listings import class_folders


def test_a_folder_per_class_gives_its_videos_and_nothing_else(tmp_path):
    root = touch(
        tmp_path / "UCF-101",
        "Biking/v_Biking_g07_c02.avi",
        "Biking/deeper/still/x.MP4",
        "Yo Yo/a (1) [x] & #b;!.webm",
        "Biking/notes.txt",
        "Biking/.DS_Store",
        "Biking/Thumbs.db",
        "Biking/y.mp4.part",
        "Biking/._v_Biking_g07_c02.avi",
        ".git/z.mp4",
        "readme.txt",
    )
    read = Listed(root)
    assert read.options.format == "tree"
    assert read.options.videos == str(root)
    assert sorted(read.by_id) == ["Biking/deeper/still/x", "Biking/v_Biking_g07_c02", "Yo Yo/a (1) [x] & #b;!"]
    assert not read.failures
    clip = read.by_id["Biking/v_Biking_g07_c02"]
    assert (clip.video, clip.label, clip.group) == ("Biking/v_Biking_g07_c02.avi", "Biking", "v_Biking_g07")
    assert (clip.row, clip.listing, clip.folds, clip.start, clip.extra) == (0, str(root), (), None, {})
    assert read.by_id["Yo Yo/a (1) [x] & #b;!"].group is None
    assert set(read.splits().values()) == {"train"}
    assert sum(listings.ignored(read.options, slice_) for slice_ in read.slices) == 7
    assert read.classes() == ["Biking", "Yo Yo"]


@pytest.mark.parametrize("name", ["__MACOSX", "@eaDir", ".DS_Store", "$RECYCLE.BIN", "lost+found"])
def test_what_systems_leave_behind_is_no_class_and_no_video(tmp_path, name):
    beside = touch(tmp_path / "splits", "train/run/1.mp4", "test/jump/2.mp4", f"{name}/train/run/x.mp4")
    touch(beside, f"train/{name}/y.mp4", f"train/run/{name}/z.mp4")
    for root, ids, classes in (
        (beside, ["test/jump/2", "train/run/1"], ["jump", "run"]),
        (beside / "train", ["run/1"], ["run"]),
    ):
        read = Listed(root)
        assert sorted(read.by_id) == ids and read.classes() == classes and not read.failures
        # Folders beside splits or classes count once, deeper ones with their files.
        expected = 3 if root == beside else 2
        assert sum(listings.ignored(read.options, slice_) for slice_ in read.slices) == expected


def test_files_that_differ_in_their_suffix_alone_have_it_in_their_ids(tmp_path):
    read = Listed(
        touch(tmp_path, "a/c.mp4", "a/c.webm", "a/d.mp4", "b/c.mp4", "a/v_A_g01_c01.avi", "a/v_A_g01_c01.mp4")
    )
    assert not read.failures
    ids = ["a/c.mp4", "a/c.webm", "a/d", "a/v_a_g01_c01.avi", "a/v_a_g01_c01.mp4", "b/c"]
    assert sorted(read.by_id) == ids
    assert {read.by_id[clip].group for clip in ids[3:5]} == {"v_a_g01"}


def test_one_folder_of_class_folders_is_meant_where_nothing_stands_beside_it(tmp_path):
    """As an archive is unpacked: its one folder must not become the one class."""
    inner = touch(tmp_path / "videos/UCF-101", "run/a.avi", "jump/b.avi")
    touch(tmp_path / "videos", "readme.txt", "__MACOSX/x.avi")
    for listing in (tmp_path / "videos", tmp_path):
        read = Listed(listing)
        assert read.options.listings == (str(inner),) and sorted(read.by_id) == ["jump/b", "run/a"]
    # Splits, one class, frames and a video beside it stay as they are.
    assert Listed(touch(tmp_path / "split", "train/run/a.avi", "train/jump/b.avi")).classes() == ["jump", "run"]
    assert Listed(touch(tmp_path / "one", "run/a.avi", "run/b.avi")).classes() == ["run"]
    assert Listed(touch(tmp_path / "frames", "run/a/0.jpg", "run/a/1.jpg", "run/b/0.jpg")).classes() == ["run"]
    assert Listed(touch(tmp_path / "beside", "run/a/0.avi", "run/b/0.avi", "run/c.avi")).classes() == ["run"]


def test_each_class_folder_is_a_part(tmp_path):
    touch(tmp_path, "b/1.mp4", "b/2.mp4", "a/1.mp4")
    read = Listed(tmp_path)
    of_slice = {slice_.label: list(listings.read_slice(read.options, slice_)) for slice_ in read.slices}
    assert {label: len(clips) for label, clips in of_slice.items()} == {None: 0, "a": 1, "b": 2}


def test_folders_of_splits_on_top(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "validation/a/2.mp4", "test/b/3.mp4", "test/loose.mp4", "beside.mp4")
    read = Listed(tmp_path)
    assert read.splits() == {"train/a/1": "train", "validation/a/2": "val", "test/b/3": "test"}
    assert {clip.label for clip in read.clips} == {"a", "b"}
    assert sorted((failure.source, failure.split) for failure in read.failures) == [
        ("beside.mp4", ""),
        ("test/loose.mp4", "test"),
    ]


def test_numbered_images_below_a_class_are_frames_and_others_are_clips(tmp_path):
    touch(
        tmp_path, "walk/c1/1.jpg", "walk/c1/2.jpg", "walk/c2/frame_00_delay-0.1s.png", "walk/c2/frame_01_delay-0.1s.png"
    )
    touch(tmp_path, "cat/sub/a3f.jpg", "cat/sub/b77c.jpg", "cat/sub/tom.jpg", "cat/top.jpg")
    touch(tmp_path, "n01/images/n01_0.JPEG", "n01/images/n01_1.JPEG", "n01/n01_boxes.txt")
    read = Listed(tmp_path)
    assert sorted(clip.video for clip in read.clips) == [
        *("cat/sub/a3f.jpg", "cat/sub/b77c.jpg", "cat/sub/tom.jpg", "cat/top.jpg"),
        *("n01/images/n01_0.JPEG", "n01/images/n01_1.JPEG", "walk/c1", "walk/c2"),
    ]
    assert {clip.label for clip in read.clips} == {"cat", "n01", "walk"} and not read.failures


def test_a_tree_is_searched_for_videos_once(tmp_path, monkeypatch):
    touch(tmp_path, "a/1.jpg", "b/2.jpg")
    read = Listed(tmp_path)
    monkeypatch.setattr(class_folders, "_walk", None)
    assert listings.slices(read.options) == read.slices


def test_a_split_without_class_folders_is_unlabelled(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "test/2.mp4")
    read = Listed(tmp_path)
    assert {clip.clip_id: clip.label for clip in read.clips} == {"train/a/1": "a", "test/2": None}


def test_a_split_beside_a_class_is_refused_and_the_splits_alone_are_taken(tmp_path):
    touch(tmp_path, "train/a/1.mp4", "val/a/1.mp4", "other/1.mp4")
    with pytest.raises(ListingError, match="train looks like a split and other like a class"):
        Listed(tmp_path)
    read = Listed(tmp_path / "train", tmp_path / "val")
    assert read.options.videos == str(tmp_path)
    assert read.splits() == {"train/a/1": "train", "val/a/1": "val"}


def test_a_class_may_be_called_train(tmp_path):
    touch(tmp_path, "train/1.mp4", "bus/1.mp4")
    assert Listed(tmp_path).classes() == ["bus", "train"]


def test_videos_without_any_class_folder_are_unlabelled(tmp_path):
    touch(tmp_path, "1.mp4", "2.mkv")
    read = Listed(tmp_path)
    assert [(clip.clip_id, clip.label) for clip in read.clips] == [("1", None), ("2", None)]


def test_videos_beside_class_folders_are_bad_rows(tmp_path):
    touch(tmp_path, "1.mp4", "a/2.mp4")
    read = Listed(tmp_path)
    assert list(read.by_id) == ["a/2"]
    assert [(f.source, f.reason, f.row) for f in read.failures] == [("1.mp4", "bad_row", 0)]


def test_links_are_followed_and_those_that_lead_nowhere_are_kept_as_rows(tmp_path):
    touch(tmp_path / "store", "x.mp4", "folder/y.mp4")
    touch(tmp_path / "data", "a/1.mp4")
    (tmp_path / "data/a/link.mp4").symlink_to(tmp_path / "store/x.mp4")
    (tmp_path / "data/a/gone.mp4").symlink_to(tmp_path / "store/gone.mp4")
    (tmp_path / "data/b").symlink_to(tmp_path / "store/folder")
    assert sorted(Listed(tmp_path / "data").by_id) == ["a/1", "a/gone", "a/link", "b/y"]


def test_a_link_in_a_circle_is_refused(tmp_path):
    touch(tmp_path, "a/1.mp4")
    (tmp_path / "a/again").symlink_to(tmp_path / "a")
    with pytest.raises(ListingError, match="a link to one above"):
        Listed(tmp_path)


def test_names_that_are_not_utf8(tmp_path):
    touch(tmp_path, "a/1.mp4", "a/\u00fc\u4e2d.mp4")
    with open(os.fsencode(tmp_path) + b"/a/\xff.mp4", "wb"):
        pass
    read = Listed(tmp_path)
    assert sorted(read.by_id) == ["a/1", "a/\u00fc\u4e2d"]
    assert [(f.source, f.reason) for f in read.failures] == [("a/\\xff.mp4", "bad_row")]
    os.mkdir(os.fsencode(tmp_path) + b"/\xfe")
    with pytest.raises(ListingError, match=r"the folder \\xfe is not UTF-8"):
        Listed(tmp_path)


@pytest.mark.parametrize("name", [" run", "run ", "ru\nn", "ru\u2028n"])
def test_a_folder_that_is_no_class_is_named(tmp_path, name):
    touch(tmp_path, f"train/{name}/1.mp4", "test/jump/1.mp4")
    with pytest.raises(ListingError, match=rf"train: the folder {re.escape(repr(name))} is no class: .*; rename it"):
        Listed(tmp_path / "train")
    with pytest.raises(ListingError, match="is no class"):
        Listed(tmp_path)


def test_numeric_folders_keep_their_numbers(tmp_path):
    touch(tmp_path, "10/x.mp4", "9/x.mp4", "0/x.mp4")
    read = Listed(tmp_path)
    assert {clip.label: read.classes().index(clip.label) for clip in read.clips} == {"0": 0, "9": 9, "10": 10}


def test_a_file_of_labels_names_the_classes(tmp_path):
    touch(tmp_path / "data", "a/1.mp4", "b/1.mp4", "1/1.mp4")
    (tmp_path / "labels.txt").write_text("b\na\n")
    read = Listed(tmp_path / "data", labels=str(tmp_path / "labels.txt"))
    assert {clip.clip_id: clip.label for clip in read.clips} == {"a/1": "a", "b/1": "b", "1/1": "a"}
    assert read.classes() == ["b", "a"]
    (tmp_path / "labels.txt").write_text("b\n")
    read = Listed(tmp_path / "data", labels=str(tmp_path / "labels.txt"))
    assert [f.message for f in read.failures if f.source == "a/1.mp4"] == [
        f"unknown label a: it is not in {tmp_path}/labels.txt"
    ]


def test_the_root_may_be_above_the_listing_but_not_elsewhere(tmp_path):
    touch(tmp_path, "data/a/1.mp4", "other/x")
    assert list(Listed(tmp_path / "data", videos=str(tmp_path)).by_id) == ["data/a/1"]
    with pytest.raises(ListingError, match="not under --videos"):
        Listed(tmp_path / "data", videos=str(tmp_path / "other"))


def test_folders_without_videos_are_refused(tmp_path):
    with pytest.raises(ListingError, match="no such file"):
        Listed(tmp_path / "nowhere")
    with pytest.raises(ListingError, match="no such file, and no folder with anything in it"):
        Listed(tmp_path)
    touch(tmp_path, "a/readme.md", "train.csv")
    with pytest.raises(
        ListingError, match=r"no video and no image in this folder; to read a list, name the file itself: .*train\.csv"
    ):
        Listed(tmp_path)
    with pytest.raises(UsageError, match="no listing"):
        Listed()


def test_several_class_folders_side_by_side_are_the_classes(tmp_path):
    root = touch(tmp_path / "ucf", "Biking/v_Biking_g07_c02.avi", "Billiards/x.avi", "YoYo/y.avi", "readme.txt")
    read = Listed(root / "Biking", root / "Billiards")
    whole = Listed(root)
    assert read.by_id == {
        clip_id: msgspec.structs.replace(clip, listing=str(root / clip.label))
        for clip_id, clip in whole.by_id.items()
        if clip.label != "YoYo"
    }
    assert read.classes() == ["Biking", "Billiards"]


@pytest.mark.parametrize(
    "paths, ids, classes",
    [
        (["train", "test"], ["test/run/2", "train/jump/1"], ["jump", "run"]),  # splits
        (["part1", "part2"], ["part1/run/1", "part2/run/2"], ["run"]),  # folders that hold the classes
        (["flat/run"], ["1"], []),  # one folder may be anything
        (["flat/run", "other/jump"], ["flat/run/1", "other/jump/1"], []),
    ],
)
def test_other_folders_side_by_side_are_no_classes(tmp_path, paths, ids, classes):
    touch(tmp_path, "train/jump/1.avi", "test/run/2.avi", "part1/run/1.avi", "part2/run/2.avi")
    touch(tmp_path, "flat/run/1.avi", "other/jump/1.avi")
    read = Listed(*(tmp_path / path for path in paths))
    assert (sorted(read.by_id), read.classes()) == (ids, classes)
