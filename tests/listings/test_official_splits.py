"""The official lists of UCF101 and HMDB51, in miniature."""

from __future__ import annotations

import pytest
from listed import Listed, touch, write

from clipmill.errors import ListingError, UsageError
from clipmill.layout import UNUSED

HANDSTAND = "HandstandPushups/v_HandStandPushups_g01_c01"


@pytest.fixture
def ucf(tmp_path):
    """Two classes, two folds, CRLF; fold 2 swaps train and test."""
    folder = tmp_path / "ucfTrainTestlist"
    a, b, h = "Archery/v_Archery_g01_c01.avi", "Archery/v_Archery_g02_c01.avi", f"{HANDSTAND}.avi"
    write(folder / "classInd.txt", "1 Archery\r\n2 HandstandPushups\r\n")
    write(folder / "trainlist01.txt", f"{a} 1\r\n{h} 2\r\n")
    write(folder / "testlist01.txt", f"{b}\r\n")
    write(folder / "trainlist02.txt", f"{b} 1\r\n")
    write(folder / "testlist02.txt", f"{a}\r\n{h}\r\n")
    touch(tmp_path / "UCF-101", a, b, "HandstandPushups/v_HandstandPushups_g01_c01.avi")
    return folder


def test_folds_of_ucf_become_one_row_a_clip(ucf, tmp_path):
    read = Listed(ucf, videos=str(tmp_path / "UCF-101"))
    assert read.options.format == "ucf"
    assert not read.failures
    clip = read.by_id["Archery/v_Archery_g02_c01"]
    assert (clip.folds, clip.label, clip.label_number, clip.group) == (("test", "train"), "Archery", 1, "v_Archery_g02")
    assert (clip.listing, clip.row) == (str(ucf / "testlist01.txt"), 1)
    assert [read.splits()[name] for name in sorted(read.by_id)] == ["train", "test", "train"]
    other = Listed(ucf, videos=str(tmp_path / "UCF-101"), fold=2)
    assert [other.splits()[name] for name in sorted(other.by_id)] == ["test", "train", "test"]
    assert read.classes() == ["Archery", "HandstandPushups"]


def test_a_listing_without_folds_has_no_other_fold(tmp_path):
    touch(tmp_path, "a/1.avi", "b/2.avi")
    with pytest.raises(UsageError, match="--fold 4: this listing is read as tree; only lists of hmdb and ucf have"):
        Listed(tmp_path, fold=4)


def test_ids_from_the_lists_are_those_of_the_tree(ucf, tmp_path):
    lists = Listed(ucf, videos=str(tmp_path / "UCF-101"))
    for name in ("UCF-101", "as-listed"):
        touch(tmp_path / name, *(clip.video for clip in lists.clips))
    (tmp_path / "as-listed/HandstandPushups/v_HandstandPushups_g01_c01.avi").rename(
        tmp_path / f"as-listed/{HANDSTAND}.avi"
    )
    assert set(lists.by_id) == set(Listed(tmp_path / "UCF-101").by_id) == set(Listed(tmp_path / "as-listed").by_id)
    groups = {clip.group for clip in lists.clips}
    assert groups == {clip.group for clip in Listed(tmp_path / "as-listed").clips}


def test_both_spellings_of_handstand_are_looked_for(ucf, tmp_path):
    read = Listed(ucf, videos=str(tmp_path / "UCF-101"))
    assert read.candidates("HandstandPushups/v_HandstandPushups_g01_c01") == [
        "HandstandPushups/v_HandstandPushups_g01_c01.avi",
        f"{HANDSTAND}.avi",
        "HandStandPushups/v_HandStandPushups_g01_c01.avi",
    ]
    assert read.candidates("Archery/v_Archery_g01_c01") == ["Archery/v_Archery_g01_c01.avi"]


def test_single_lists_and_pairs_of_them(ucf, tmp_path):
    videos = str(tmp_path / "UCF-101")
    read = Listed(ucf / "trainlist02.txt", ucf / "testlist02.txt", videos=videos)
    assert read.options.fold == 2
    assert sorted(read.splits().values()) == ["test", "test", "train"]
    assert read.by_id["Archery/v_Archery_g01_c01"].folds == ("", "test")
    assert sorted(clip.label_number for clip in read.clips) == [1, 1, 2]
    (ucf / "classInd.txt").unlink()
    read = Listed(ucf / "testlist01.txt", videos=videos)
    assert [(clip.label, clip.label_number) for clip in read.clips] == [("Archery", None)]
    assert read.classes() == ["Archery"]


def test_numbers_come_from_another_fold_where_there_is_no_class_ind(ucf, tmp_path):
    (ucf / "classInd.txt").unlink()
    read = Listed(ucf, videos=str(tmp_path / "UCF-101"))
    assert {clip.label: clip.label_number for clip in read.clips} == {"Archery": 1, "HandstandPushups": 2}


def test_a_fold_that_is_not_there_is_refused(ucf, tmp_path):
    with pytest.raises(UsageError, match="--fold 3: this listing has fold 1, 2"):
        Listed(ucf, videos=str(tmp_path / "UCF-101"), fold=3)
    with pytest.raises(UsageError, match="--fold 3: this listing has fold 2"):
        Listed(ucf / "trainlist02.txt", videos=str(tmp_path / "UCF-101"), fold=3)


def test_lists_without_videos_beside_them_ask_for_the_root(ucf, tmp_path):
    with pytest.raises(ListingError, match=r"no folder Archery with videos beside these lists.*--videos ROOT"):
        Listed(ucf)
    (tmp_path / "UCF-101/Archery").rename(ucf / "Archery")
    assert Listed(ucf).options.videos == str(ucf)


def test_bad_rows_of_lists(ucf, tmp_path):
    write(
        ucf / "trainlist01.txt",
        b"Archery/v_Archery_g01_c01.avi 1\r\n\r\n"
        b"Archery/v_Archery_g01_c01.avi 1\r\n"  # again
        b"Archery/v_Archery_g02_c01.avi 1\r\n"  # in testlist01 too
        b"Archery/v_Archery_g03_c01.avi 2\r\n"
        b"Juggling/v_Juggling_g03_c01.avi 3\r\n"
        b"v_Archery_g04_c01.avi 1\r\n"
        b"../Archery/v_Archery_g05_c01.avi 1\r\n"
        b"Archery/\xff.avi 1\r\n",
    )
    read = Listed(ucf, videos=str(tmp_path / "UCF-101"))
    assert [(f.row, f.reason, f.message) for f in read.failures] == [
        (3, "duplicate", f"the same clip as {ucf}/trainlist01.txt:1"),
        (4, "bad_row", f"the clip is in train and in test of fold 1 ({ucf}/testlist01.txt:1)"),
        (5, "bad_row", "the label is 2, but Archery is 1 in classInd.txt"),
        (6, "bad_row", "unknown label Juggling: it is not in classInd.txt"),
        (7, "bad_row", "the path v_Archery_g04_c01.avi has no folder that would name its class"),
        (
            8,
            "bad_row",
            f"the path ../Archery/v_Archery_g05_c01.avi leaves the root {tmp_path}/UCF-101 (see --allow-outside)",
        ),
        (9, "bad_row", "the row is not UTF-8"),
    ]
    assert {f.stage for f in read.failures} == {"ReadListing"}
    assert len(read.clips) == 3


def test_backslashes_part_folders(tmp_path):
    listing = write(tmp_path / "trainlist01.txt", "wave\\a_b.avi 51\nwave\\c.avi 51\n")
    read = Listed(listing, videos=str(tmp_path))
    assert [(clip.clip_id, clip.video, clip.label, clip.label_number) for clip in read.clips] == [
        ("wave/a_b", "wave/a_b.avi", "wave", 51),
        ("wave/c", "wave/c.avi", "wave", 51),
    ]


@pytest.fixture
def hmdb(tmp_path):
    folder = tmp_path / "testTrainMulti_7030_splits"
    odd = "Golf!!!_(x)_[y]_#1;&_golf.avi"
    write(folder / "golf_test_split1.txt", f"{odd} 1 \nplain.avi 2 \nfree.avi 0 \n")
    write(folder / "golf_test_split2.txt", f"{odd} 0 \nplain.avi 1 \nfree.avi 2 \n")
    write(folder / "brush_hair_test_split1.txt", "b.avi 1 \n")
    write(folder / "brush_hair_test_split2.txt", "b.avi 2 \n")
    return folder


def test_folds_of_hmdb(hmdb, tmp_path):
    read = Listed(hmdb, videos=str(tmp_path))
    assert read.options.format == "hmdb"
    assert not read.failures
    assert {clip.clip_id: clip.folds for clip in read.clips} == {
        "golf/Golf!!!_(x)_[y]_#1;&_golf": ("train", ""),
        "golf/plain": ("test", "train"),
        "golf/free": ("", "test"),
        "brush_hair/b": ("train", "test"),
    }
    assert read.by_id["golf/plain"].video == "golf/plain.avi"
    assert read.classes() == ["brush_hair", "golf"]


def test_clips_that_a_fold_does_not_use_are_never_in_train(hmdb, tmp_path):
    read = Listed(hmdb, videos=str(tmp_path))
    assert read.splits()["golf/free"] == UNUSED
    other = Listed(hmdb, videos=str(tmp_path), fold=2)
    assert other.splits()["golf/Golf!!!_(x)_[y]_#1;&_golf"] == UNUSED
    assert other.splits()["golf/free"] == "test"


def test_bad_rows_of_split_files(hmdb, tmp_path):
    write(hmdb / "golf_test_split1.txt", "a.avi 3\nb.avi\n../../../c.avi 1\nd e.avi 1\n")
    read = Listed(hmdb, videos=str(tmp_path))
    assert [(f.row, f.message) for f in read.failures] == [
        (1, "'a.avi 3' is not a name and 0, 1 or 2"),
        (2, "'b.avi' is not a name and 0, 1 or 2"),
        (
            3,
            f"the path golf/../../../c.avi leaves the root {tmp_path} (see --allow-outside)",
        ),
    ]
    assert "golf/d e" in read.by_id


@pytest.mark.parametrize("marks", ["12", "21"])
def test_the_order_of_lines_does_not_choose_the_split(tmp_path, marks):
    folder = tmp_path / "splits"
    write(folder / "golf_test_split1.txt", "".join(f"a.avi {mark} \n" for mark in marks))
    read = Listed(folder, videos=str(tmp_path))
    assert read.splits() == {"golf/a": "test"}
    assert [f.message.split(" of fold")[0] for f in read.failures] == ["the clip is in train and in test"]


def test_a_single_split_file(hmdb, tmp_path):
    read = Listed(hmdb / "golf_test_split2.txt", videos=str(tmp_path))
    assert read.options.fold == 2
    assert sorted(read.splits().values()) == ["test", "train", "unused"]
