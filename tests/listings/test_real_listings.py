"""The official lists and annotation files themselves, from ../shared/data."""

from __future__ import annotations

from collections import Counter

import pytest
from listed import Listed
from places import DATA

from clipmill import listings
from clipmill.errors import ListingError
from clipmill.listings.base import look_at

LISTS = DATA / "listings"

pytestmark = [
    pytest.mark.shared_data,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real listings at {DATA}"),
]


@pytest.fixture(scope="module")
def ucf():
    return Listed(LISTS / "ucf101", videos=str(DATA / "videos" / "ucf101"))


def test_ucf101_has_13320_clips_in_three_folds(ucf):
    assert (len(ucf.clips), len(ucf.by_id), len(ucf.failures)) == (13_320, 13_320, 0)
    assert [Counter(clip.folds[fold] for clip in ucf.clips) for fold in range(3)] == [
        {"train": 9537, "test": 3783},
        {"train": 9586, "test": 3734},
        {"train": 9624, "test": 3696},
    ]
    classes = ucf.classes()
    assert len(classes) == 101
    assert classes[:2] == ["ApplyEyeMakeup", "ApplyLipstick"]
    assert all(classes[clip.label_number - 1] == clip.label for clip in ucf.clips)


def test_no_group_of_ucf101_is_in_train_and_test_of_a_fold(ucf):
    for fold in range(3):
        of_group: dict[str, set[str]] = {}
        for clip in ucf.clips:
            of_group.setdefault(clip.group, set()).add(clip.folds[fold])
        assert len(of_group) == 101 * 25
        assert all(len(splits) == 1 for splits in of_group.values())


def test_the_128_handstands_are_spelled_as_their_folder(ucf):
    names = [clip for clip in ucf.clips if clip.label == "HandstandPushups"]
    assert len(names) == 128
    assert all(clip.clip_id.startswith("HandstandPushups/v_HandstandPushups_g") for clip in names)
    listed = {path for clip in names for path in listings.candidates(ucf.options, clip)}
    lines = (LISTS / "ucf101" / "trainlist01.txt").read_text().split()
    assert {line for line in lines if "HandStand" in line} <= listed


def test_ids_of_the_real_clips_are_those_of_the_lists(ucf):
    tree = Listed(DATA / "videos" / "ucf101")
    assert (len(tree.clips), len(tree.failures)) == (97, 0)
    ucf101 = [clip for clip in tree.clips if clip.clip_id in ucf.by_id]
    assert len(ucf101) > 60  # the others are of UCF50, with classes of its own
    for clip in ucf101:
        other = ucf.by_id[clip.clip_id]
        assert (clip.video, clip.label, clip.group) == (other.video, other.label, other.group)


def test_hmdb51_has_6766_clips_in_three_folds():
    read = Listed(LISTS / "hmdb51", videos=str(DATA / "videos" / "hmdb51"))
    assert (read.options.format, len(read.by_id), len(read.failures)) == ("hmdb", 6766, 0)
    assert Counter(clip.folds[0] for clip in read.clips) == {"train": 3570, "test": 1530, "": 1666}
    assert Counter(read.splits().values()) == {"train": 3570, "test": 1530, "unused": 1666}
    assert len(read.classes()) == 51
    golf = "golf/Golf_Tips_-_Hit_The_Driver_300+_Yards!!!_golf_f_nm_np1_fr_med_0"
    assert (DATA / "videos" / "hmdb51" / read.by_id[golf].video).exists()


def test_hmdb51_as_mmaction_converts_it():
    files = [LISTS / "hmdb51" / name for name in ("trainlist01.txt", "testlist01.txt")]
    read = Listed(*files, videos=str(DATA / "videos" / "hmdb51"))
    official = Listed(LISTS / "hmdb51", videos=str(DATA / "videos" / "hmdb51"))
    assert Counter(read.splits().values()) == {"train": 3570, "test": 1530}
    assert not read.failures
    assert read.splits().items() <= official.splits().items()


@pytest.mark.parametrize(
    ("name", "rows", "classes", "split", "extra"),
    [
        ("activitynet_kinetics-400_val.csv", 19_906, 400, "val", {"is_cc"}),
        ("activitynet_kinetics-600_test.csv", 72_924, 0, "test", set()),
        ("slowfastfork_reduced_kinetics-400_val.csv", 2_975, 360, "val", {"is_cc"}),
    ],
)
def test_kinetics(name, rows, classes, split, extra):
    read = Listed(LISTS / "kinetics" / name)
    assert read.options.format == "kinetics"
    assert (len(read.by_id), len(read.failures)) == (rows, 0)
    assert len({clip.label for clip in read.clips} - {None}) == classes
    assert {clip.split for clip in read.clips} == {split}
    assert {key for clip in read.clips for key in clip.extra} == extra
    assert [clip.row for clip in read.clips] == list(range(2, rows + 2))
    assert any(clip.clip_id.startswith("-") for clip in read.clips)


@pytest.mark.parametrize(
    ("name", "rows", "classes", "split"),
    [
        ("mmaction2_kinetics400_train_list_videos__VideoSwin_tiny.txt", 4, 2, "train"),
        ("paddlevideo_k400_train_small_videos_tab.list", 192, 2, "train"),
        ("uniformer_k600_test_comma.csv", 28_736, 600, "test"),
        ("mmaction2_tests/video_test_list.txt", 2, 1, "test"),
    ],
)
def test_lists_of_other_tools(name, rows, classes, split):
    read = Listed(LISTS / "conventions" / name)
    assert (read.options.format, len(read.clips), len(read.failures)) == ("list", rows, 0)
    assert read.classes() == [str(number) for number in range(classes)]
    assert {clip.split for clip in read.clips} == {split}


@pytest.mark.parametrize(
    ("name", "kind", "rows", "classes"),
    [
        ("conventions/uniformer_sthv2_rgb_validation_split.txt", "rawframes", 24_777, 174),
        ("conventions/mmaction2_tests/rawframe_test_list_multi_label.txt", "rawframes", 2, 6),
        ("conventions/mmaction2_tests/rawframe_test_list_with_offset.txt", "rawframes", 2, 128),
        ("conventions/mmaction2_tests/action_test_anno.json", "json", 2, 2),
        ("conventions/mmaction2_tests/hvu_video_test_anno.json", "json", 2, 12),
        ("hmdb51/hmdb51_train_split_1_rawframes.txt", "rawframes", 3_570, 51),
    ],
)
def test_annotations_and_folders_of_frames(name, kind, rows, classes):
    read = Listed(LISTS / name)
    assert (read.options.format, len(read.clips), len(read.failures)) == (kind, rows, 0)
    assert len(read.classes()) == classes


def test_absolute_paths_of_another_machine():
    """Nothing of them is here, so they are missing; where the files are, they are found."""
    read = Listed(LISTS / "conventions" / "slowfastfork_train.csv")
    assert (len(read.clips), len(read.failures)) == (4999, 0)
    assert not any(clip.video.startswith("/") for clip in read.clips)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("conventions/mmaction2_tests/audio_test_list.txt", "audio files"),
        ("conventions/mmaction2_tests/proposal_normalized_list.txt", "temporal proposals"),
        ("conventions/mmaction2_tests/rawvideo_test_anno.json", "JSON of no known shape"),
        ("conventions/mmaction2_tests/video_text_test_list.json", "JSON without a key path"),
        ("ucf101/classInd.txt", "a file of classes"),
    ],
)
def test_annotations_that_are_no_listing(name, why):
    with pytest.raises(ListingError, match=f"this looks like .*{why}"):
        Listed(LISTS / name)


def test_no_listing_is_taken_for_another_format():
    expected = {"ucf101": {"ucf"}, "hmdb51": {"hmdb"}, "kinetics": {"kinetics"}, "conventions": {"list"}}
    found: dict[str, set[str]] = {name: set() for name in expected}
    confused = []
    for path in sorted(path for path in LISTS.rglob("*") if path.is_file()):
        look = look_at(str(path))
        matching = [name for name, known in listings.FORMATS.items() if known.matches(look)]
        official = [name for name in matching if name in ("ucf", "hmdb")]
        # Official lists go by their names first: trainlist01.txt is a list of paths and numbers, too.
        if len(official) > 1 or len(set(matching) - {"ucf", "hmdb"}) > 1:
            confused.append((path.name, matching))
        found[path.relative_to(LISTS).parts[0]] |= set(matching[:1])
    assert not confused
    found["hmdb51"] -= {"ucf", "list", "rawframes"}  # as other tools converted it
    found["conventions"] -= {"rawframes", "json"}
    assert found == expected
