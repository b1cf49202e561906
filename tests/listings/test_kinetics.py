from __future__ import annotations

import pytest
from listed import Listed, touch, write

from clipmill import listings
from clipmill.errors import ListingError

HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"


def test_a_row_of_kinetics(tmp_path):
    listing = write(tmp_path / "k.csv", HEADER + '"massaging, legs",-0Yb1tD3HUo,253,263,validate,1\n')
    (clip,) = Listed(listing).clips
    assert (clip.clip_id, clip.video) == ("-0Yb1tD3HUo_000253_000263", "-0Yb1tD3HUo_000253_000263")
    assert (clip.label, clip.label_number, clip.split) == ("massaging, legs", None, "val")
    assert (clip.start, clip.end, clip.group) == (253.0, 263.0, "-0Yb1tD3HUo")
    assert (clip.listing, clip.row, clip.extra) == (str(listing), 2, {"is_cc": "1"})


@pytest.mark.parametrize(
    ("name", "text", "label", "split"),
    [
        ("kinetics-400_val.csv", "label,youtube_id,time_start,time_end\r\nx,abcdefghijk,1,11\r\n", "x", "val"),
        ("kinetics_600_test (1).csv", "youtube_id,time_start,time_end,split\nabcdefghijk,1,11,test\n", None, "test"),
        ("all.csv", "label,youtube_id,time_start,time_end,split\nx,abcdefghijk,1,11,validate\n", "x", "val"),
        ("validate.csv", "\ufeffyoutube_id,time_start,time_end,label\nabcdefghijk,1.0,11.0,x\n", "x", "val"),
        ("train.csv", "label,youtube_id,time_start,time_end,split,is_cc\nx,abcdefghijk,1,11,,0\n", "x", "train"),
        ("training.tsv", "label\tyoutube_id\ttime_start\ttime_end\nx\tabcdefghijk\t1\t11\n", "x", "train"),
        ("other.csv", "label,youtube_id,time_start,time_end\nx,abcdefghijk,1,11\n", "x", ""),
    ],
)
def test_dialects(tmp_path, name, text, label, split):
    read = Listed(write(tmp_path / name, text))
    assert read.options.format == "kinetics"
    (clip,) = read.clips
    assert (clip.clip_id, clip.label, clip.split) == ("abcdefghijk_000001_000011", label, split)


def test_several_files_each_name_their_split(tmp_path):
    head = "label,youtube_id,time_start,time_end\n"
    files = [write(tmp_path / f"{name}.csv", f"{head}x,{name:_<11},1,11\n") for name in ("train", "val", "test")]
    assert {key[:4].strip("_"): split for key, split in Listed(*files).splits().items()} == {
        "trai": "train",
        "val": "val",
        "test": "test",
    }


@pytest.mark.parametrize(
    "place",
    [
        "{id}.mp4",
        "{id}_000253_000263.mkv",
        "{id}_000253_000263.webm",
        "riding a bike/{id}_000253_000263.mp4",
        "riding_a_bike/{id}_000253_000263.mp4",
        "riding_a_bike/{id}.mkv",
        "validation/{id}_000253_000263.mp4",
        "val/riding a bike/{id}_000253_000263.mp4",
        "videos_val/riding_a_bike/{id}.webm",
        "train/riding_a_bike/{id}.mp4",
    ],
)
def test_files_are_found_wherever_downloaders_put_them(tmp_path, place):
    place = place.format(id="-abcdefghij")
    touch(tmp_path / "k400", place)
    listing = write(tmp_path / "val.csv", HEADER + "riding a bike,-abcdefghij,253,263,val,0\n")
    read = Listed(listing, videos=str(tmp_path / "k400"))
    found = read.candidates("-abcdefghij_000253_000263")
    assert [path for path in found if (tmp_path / "k400" / path).exists()] == [place]


def test_folders_of_classes_may_be_links(tmp_path):
    touch(tmp_path / "store", "bike/-abcdefghij.mp4")
    (tmp_path / "k400/val").mkdir(parents=True)
    (tmp_path / "k400/val/riding_a_bike").symlink_to(tmp_path / "store/bike")
    listing = write(tmp_path / "val.csv", HEADER + "riding a bike,-abcdefghij,253,263,val,0\n")
    found = Listed(listing, videos=str(tmp_path / "k400")).candidates("-abcdefghij_000253_000263")
    assert "val/riding_a_bike/-abcdefghij.mp4" in found


@pytest.mark.parametrize("label", ["x" * 300, "\u4e2d" * 100], ids=["letters", "bytes"])
def test_a_label_that_no_folder_can_have(tmp_path, label):
    listing = write(tmp_path / "val.csv", HEADER + f"{label},-abcdefghij,253,263,val,0\n")
    assert len(Listed(listing).candidates("-abcdefghij_000253_000263")) == 6


def test_a_missing_file_in_a_flat_folder_costs_six_looks(tmp_path):
    listing = write(tmp_path / "val.csv", HEADER + "riding a bike,-abcdefghij,253,263,val,0\n")
    assert Listed(listing).candidates("-abcdefghij_000253_000263") == [
        *(f"-abcdefghij_000253_000263{suffix}" for suffix in (".mp4", ".mkv", ".webm")),
        *(f"-abcdefghij{suffix}" for suffix in (".mp4", ".mkv", ".webm")),
    ]


def test_the_folder_of_the_split_goes_first(tmp_path):
    touch(tmp_path, "train/x.mp4", "val/x.mp4")
    listing = write(tmp_path / "l.csv", HEADER + "a,-abcdefghij,1,11,val,0\nb,-abcdefghik,1,11,train,0\n")
    read = Listed(listing)
    assert [read.candidates(clip.clip_id)[0].split("/")[0] for clip in read.clips] == ["val", "train"]


def test_folders_made_later_are_seen_after_resolving_again(tmp_path):
    listing = write(tmp_path / "l.csv", HEADER + "a b,-abcdefghij,1,11,val,0\n")
    assert not any("a_b/" in path for path in Listed(listing).candidates("-abcdefghij_000001_000011"))
    touch(tmp_path, "a_b/-abcdefghij.mp4")
    assert "a_b/-abcdefghij.mp4" in Listed(listing).candidates("-abcdefghij_000001_000011")


def test_a_label_cannot_lead_out_of_the_root(tmp_path):
    touch(tmp_path, "secret/-abcdefghij.mp4", "root/x.mp4")
    listing = write(tmp_path / "l.csv", HEADER + "../secret,-abcdefghij,1,11,val,0\n..,-abcdefghik,1,11,val,0\n")
    read = Listed(listing, videos=str(tmp_path / "root"))
    assert not any(".." in path for clip in read.clips for path in read.candidates(clip.clip_id))


def test_fractions_are_looked_for_rounded_and_cut_off(tmp_path):
    listing = write(tmp_path / "l.csv", HEADER + "a,-abcdefghij,1.7,11.7,val,0\n")
    found = Listed(listing).candidates("-abcdefghij_000002_000012")
    assert "-abcdefghij_000001_000011.mp4" in found


def test_bad_rows(tmp_path):
    rows = [
        "a,-abcdefghij,10,5,val,0",
        "a,-abcdefghij,10,10,val,0",
        "a,-abcdefghij,-1,5,val,0",
        "a,-abcdefghij,x,5,val,0",
        "a,-abcdefghij,nan,5,val,0",
        "a,-abcdefghij,0,inf,val,0",
        "a,#NAME?,0,10,val,0",
        "a,,0,10,val,0",
        "a,../../abc,0,10,val,0",
        "a,-abcdefghij,0,10,val",
        "a,-abcdefghij,0,10,val,0",
    ]
    read = Listed(write(tmp_path / "l.csv", HEADER + "\n".join(rows)))
    assert [failure.row for failure in read.failures] == list(range(2, 12))
    assert [failure.message for failure in read.failures] == [
        "bad time range: end 5 s is not after start 10 s",
        "bad time range: end 10 s is not after start 10 s",
        "bad time range: start is '-1', not a number of seconds from 0",
        "bad time range: start is 'x', not a number of seconds from 0",
        "bad time range: start is 'nan', not a number of seconds from 0",
        "bad time range: end is 'inf', not a number of seconds from 0",
        "'#NAME?' is not a YouTube id",
        "'' is not a YouTube id",
        "'../../abc' is not a YouTube id",
        "5 cells where the header has 6",
    ]
    assert [clip.row for clip in read.clips] == [12]


def test_rows_without_times_are_the_whole_file(tmp_path):
    (clip,) = Listed(write(tmp_path / "l.csv", "youtube_id,label\nabcdefghijk,x\n")).clips
    assert (clip.clip_id, clip.start, clip.end) == ("abcdefghijk", None, None)


def test_names_that_carry_times():
    assert listings.name_carries_times("a/-0Yb1tD3HUo_000004_000014.mp4", 4.2, 14.0)
    assert not listings.name_carries_times("a/-0Yb1tD3HUo_000004_000014.mp4", 5.0, 14.0)
    assert not listings.name_carries_times("a/-0Yb1tD3HUo_000004_000014.mp4", None, None)
    assert not listings.name_carries_times("a/-0Yb1tD3HUo.mp4", 4.0, 14.0)
    assert not listings.name_carries_times("a_000001_000011/x.mp4", 1.0, 11.0)
    for name in ("x_4_14.mp4", "x_4.0_14.0", "x-4-14.webm", "x_4000_14000.mp4"):
        assert listings.name_carries_times(name, 4.0, 14.0)
    assert not listings.name_carries_times("x_4_15.mp4", 4.0, 14.0)


def test_rows_of_one_clip_add_their_labels_and_its_file_may_be_in_the_folder_of_each(tmp_path):
    rows = "run,abcdefghijk,1,11,train,0\njump high,abcdefghijk,1,11,train,0\n"
    touch(tmp_path, "jump_high/abcdefghijk_000001_000011.mp4", "run/abcdefghijk_000001_000011.mp4")
    read = Listed(write(tmp_path / "k.csv", HEADER + rows), multi_label=True)
    (clip,) = read.clips
    assert clip.label == ("jump high", "run")
    folders = {path.partition("/")[0] for path in read.candidates(clip.clip_id) if "/" in path}
    assert folders == {"jump_high", "run"}


def test_ranges_of_frames_are_read_as_in_other_tables(tmp_path):
    text = "youtube_id,label,start_frame,stop_frame\nabcdefghijk,x,10,40\nabcdefghijk,x,40,\nabcdefghijk,x,,\n"
    read = Listed(write(tmp_path / "val.csv", text + "abcdefghijk,x,9,9\nabcdefghijk,x,-1,5\n"))
    assert {clip.clip_id: clip.frame_range for clip in read.clips} == {
        "abcdefghijk_f10_f40": (10, 40),
        "abcdefghijk_f40_fopen": (40, None),
        "abcdefghijk": None,
    }
    assert {clip.video for clip in read.clips} == {"abcdefghijk"} and {clip.start for clip in read.clips} == {None}
    assert read.candidates("abcdefghijk_f10_f40") == [f"abcdefghijk{suffix}" for suffix in (".mp4", ".mkv", ".webm")]
    assert [failure.message for failure in read.failures] == [
        "bad range of frames: end 9 is not after 9",
        "bad range of frames: '-1' is not a whole number from 0",
    ]


def test_seconds_go_before_frames(tmp_path):
    text = "youtube_id,label,time_start,time_end,start_frame,end_frame\nabcdefghijk,x,1,11,30,330\n"
    (clip,) = Listed(write(tmp_path / "val.csv", text)).clips
    assert (clip.clip_id, clip.frame_range) == ("abcdefghijk_000001_000011", None)
    assert clip.extra == {"start_frame": "30", "end_frame": "330"}


def test_times_under_other_names_are_not_passed_over(tmp_path):
    listing = write(tmp_path / "val.csv", "youtube_id,label,first_frame\nabcdefghijk,x,1\n")
    with pytest.raises(ListingError, match=r"the column first_frame looks like a time.*--columns start_frame=first_fr"):
        Listed(listing)
    assert Listed(listing, columns={"start_frame": "first_frame"}).clips[0].frame_range == (1, None)
