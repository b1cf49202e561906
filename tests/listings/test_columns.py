"""Generic tables: CSV, TSV and JSON Lines."""

from __future__ import annotations

import json

import pytest
from listed import Listed, write

from clipmill import listings
from clipmill.errors import ListingError
from clipmill.listings.label_files import LABEL_RULE


def test_every_column(tmp_path):
    listing = write(
        tmp_path / "mine.csv",
        "path,label,split,start,end,group,id,camera,frames\n"
        "a/x.mp4,jump,valid,1.5,2.25,film 7,clip-1,left,9\n"
        "a/y.mp4,,,,,,,,\n",
    )
    read = Listed(listing)
    assert read.options.format == "csv"
    assert read.options.videos == str(tmp_path)
    first, second = read.clips
    assert (first.clip_id, first.video, first.label, first.split) == ("clip-1", "a/x.mp4", "jump", "val")
    assert (first.start, first.end, first.group) == (1.5, 2.25, "film 7")
    assert first.extra == {"camera": "left", "listing_frames": "9"}  # clips.parquet has a column frames of its own
    assert (second.clip_id, second.label, second.split, second.start, second.group) == ("a/y", None, "", None, None)
    assert (first.row, second.row) == (2, 3)
    assert read.candidates("clip-1") == ["a/x.mp4"]


@pytest.mark.parametrize(
    "header",
    [
        "file,class,subset,time_start,time_end",
        "Filename,Class Name,Set,Start,End",
        "video,category,partition,start_time,end_time",
        "video_path,action,split,start_sec,end-sec",
        '"video path";"label";"split";"t_start";"t_end"',
        "file_path\tlabel_name\tsplit\tbegin\tend_seconds",
        "fileName,className,subset,startTime,endTime",
    ],
)
def test_common_names_of_columns(tmp_path, header):
    delimiter = next(mark for mark in ";\t," if mark in header)
    row = delimiter.join(["x.mp4", "jump", "testing", "1", "2"])
    (clip,) = Listed(write(tmp_path / "l.csv", f"{header}\n{row}\n")).clips
    assert (clip.video, clip.label, clip.split, clip.start, clip.end) == ("x.mp4", "jump", "test", 1.0, 2.0)
    assert clip.extra == {}


def test_ids_and_groups_of_rows_with_times(tmp_path):
    listing = write(tmp_path / "l.csv", "path,start,end\nf/a.b.mp4,0,1.0005\nf/a.b.mp4,1,\nf/a.b.mp4,,3\nf/c.mp4,,\n")
    clips = Listed(listing).clips
    assert [clip.clip_id for clip in clips] == ["f/a.b_0_1000", "f/a.b_1000_open", "f/a.b_open_3000", "f/c"]
    assert [clip.group for clip in clips] == ["f/a.b.mp4"] * 3 + [None]


def test_labels_with_numbers(tmp_path):
    clips = Listed(write(tmp_path / "l.csv", "path,label,label_id\nx.mp4,jump,7\ny.mp4,,8\nz.mp4,run,1x\n"))
    assert [(clip.label, clip.label_number) for clip in clips.clips] == [("jump", 7), ("8", 8)]
    assert [failure.message for failure in clips.failures] == ["the label's number is '1x', not a whole number"]


@pytest.mark.parametrize("name", ["l.csv", "l.jsonl"])
def test_whole_numbers_as_pandas_writes_them(tmp_path, name):
    labels = ["10.0", "2.0", "2", "1.5", "v2.0"]
    numbers = ["3.0", "1.0", "1", "2.0", "0.0"]
    if name == "l.csv":
        text = "path,label,label_id\n" + "".join(f"{n}.mp4,{labels[n]},{numbers[n]}\n" for n in range(5))
    else:
        text = "".join(f'{{"path": "{n}.mp4", "label": "{labels[n]}", "label_id": {numbers[n]}}}\n' for n in range(5))
    read = Listed(write(tmp_path / name, text))
    assert [(clip.label, clip.label_number) for clip in read.clips] == [
        *(("10", 3), ("2", 1), ("2", 1), ("1.5", 2), ("v2.0", 0)),
    ]
    read = Listed(write(tmp_path / "n.csv", "path,label\na.mp4,10.0\nb.mp4,2.0\nc.mp4,0.0\n"))
    assert [read.classes().index(clip.label) for clip in read.clips] == [10, 2, 0]
    labels = write(tmp_path / "labels.txt", "1.0\n2.0\n")
    read = Listed(write(tmp_path / "n.csv", "path,label\na.mp4,1.0\nb.mp4,0.0\n"), labels=str(labels))
    assert [clip.label for clip in read.clips] == ["1.0", "1.0"]


@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_header_that_comes_again_is_no_clip(tmp_path, bom):
    text = "path,label\na.mp4,x\n"
    read = Listed(write(tmp_path / "l.csv", text + bom + text.replace("a.mp4", "b.mp4") + '"path","label"\n'))
    assert [(clip.row, clip.label) for clip in read.clips] == [(2, "x"), (4, "x")]
    assert not read.failures


def test_labels_that_label_files_cannot_hold(tmp_path):
    labels = ["a\x0bb", "a\u2028b", "a\x85b", "\u2028ab", " ab "]
    read = Listed(write(tmp_path / "l.csv", "path,label\n" + "".join(f"a.mp4,{label}\n" for label in labels)))
    assert [clip.label for clip in read.clips] == ["ab", "ab"]
    assert [(failure.row, failure.message) for failure in read.failures] == [
        (row, f"{labels[row - 2]!r} is no label: {LABEL_RULE}") for row in (2, 3, 4)
    ]


def test_crlf_bom_blank_lines_quotes_and_unicode(tmp_path):
    listing = write(
        tmp_path / "l.csv",
        b"\xef\xbb\xbfpath,label,note\r\n"
        b'"a, b.mp4","say ""hi""",x\r\n'
        b"\r\n"
        b"\xe4\xb8\xad\xe6\x96\x87/e\xcc\x81.mp4, spaced ,\r\n"
        b'y.mp4,l,"two\r\nlines, and a\r\n\r\nblank one"\r\n'
        b"-z.mp4,l,\r\n",
    )
    read = Listed(listing)
    assert not read.failures
    assert [(clip.video, clip.label, clip.row) for clip in read.clips] == [
        ("a, b.mp4", 'say "hi"', 2),
        ("\u4e2d\u6587/e\u0301.mp4", "spaced", 4),
        ("y.mp4", "l", 5),
        ("-z.mp4", "l", 9),
    ]
    assert read.clips[2].extra["note"] == "two\nlines, and a\n\nblank one"


@pytest.mark.parametrize("cell", ['"open', '"shut"x', '"'])
def test_a_stray_quote_costs_one_row_only(tmp_path, cell):
    rows = ["a.mp4,x", f"b.mp4,{cell}", *(f"c{n}.mp4,x" for n in range(50)), 'd.mp4,"y"', "e.mp4,x"]
    read = Listed(write(tmp_path / "l.csv", "path,label\n" + "\n".join(rows) + "\n"))
    assert [failure.row for failure in read.failures] == [3]
    assert [clip.row for clip in read.clips] == [2, *range(4, 56)]


def test_two_stray_quotes_do_not_make_one_row_of_all_between_them(tmp_path):
    rows = ["a.mp4,x", '"b.mp4,x', "c.mp4,x", 'd.mp4",x', "e.mp4,x", 'f.mp4,"x', "g.mp4,x", 'h.mp4,x"', "i.mp4,x"]
    read = Listed(write(tmp_path / "l.csv", "path,label\n" + "\n".join(rows) + "\n"))
    assert sorted(item.row for item in read.items) == list(range(2, 11))
    assert [clip.video for clip in read.clips] == ["a.mp4", "c.mp4", 'd.mp4"', "e.mp4", "g.mp4", "h.mp4", "i.mp4"]
    assert [(failure.row, failure.message) for failure in read.failures] == [
        (3, "a line break in the column path: look for a stray quote"),
        (7, "a line break in the column label: look for a stray quote"),
    ]


def test_paths_stay_under_the_root(tmp_path):
    root = tmp_path / "videos"
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    good = ["a/./b.mp4", "a/../c.mp4", "a//d.mp4", f"{root}/e.mp4", "f\\g.mp4", "..h.mp4", f"{root}/../videos/i.mp4"]
    bad = ["../x.mp4", "a/../../x.mp4", "/etc/passwd", f"{tmp_path}/l.csv", "..\\x.mp4", "http://h/x.mp4"]
    bad += [".", "", f"{'n' * 300}.mp4", "s3://bucket/x.mp4"]
    listing = write(tmp_path / "l.csv", "path,label\n" + "".join(f"{path},l\n" for path in good + bad))
    read = Listed(listing, videos=str(root))
    assert [clip.video for clip in read.clips] == [
        *("a/b.mp4", "c.mp4", "a/d.mp4", "e.mp4", "f/g.mp4", "..h.mp4", "i.mp4"),
    ]
    assert [failure.row for failure in read.failures] == list(range(9, 19))
    assert {failure.reason for failure in read.failures} == {"bad_row"}
    assert read.failures[0].message == f"the path ../x.mp4 leaves the root {root} (see --allow-outside)"
    assert read.failures[0].source == "../x.mp4"
    assert read.failures[2].message.startswith(f"the path /etc/passwd is outside the root {root}: ")
    assert len(Listed(listing, videos=str(tmp_path / "link")).clips) == len(good)


def test_other_bad_rows(tmp_path):
    listing = write(
        tmp_path / "train.csv",
        b"path,label,split,start,end\n"
        b"a.mp4,x,train\n"
        b"a.mp4,x,train,0,1,2\n"
        b"\xff.mp4,x,train,0,1\n"
        b"a.mp4,x,train,2,1\n"
        b"a.mp4,x,---,0,1\n"
        b'a.mp4,"x\ny",train,0,1\n'
        b"a.mp4,x,my-split,0,1\n",
    )
    read = Listed(listing)
    assert [(failure.row, failure.message) for failure in read.failures] == [
        (2, "3 cells where the header has 5"),
        (3, "6 cells where the header has 5"),
        (4, "the row is not UTF-8"),
        (5, "bad time range: end 1 s is not after start 2 s"),
        (6, "the split '---' has neither letters nor digits"),
        (7, "a line break in the column label: look for a stray quote"),
        (8, "4 cells where the header has 5"),
    ]
    assert {failure.split for failure in read.failures} == {"train"}
    assert [clip.split for clip in read.clips] == ["my_split"]


def test_headers_that_are_refused(tmp_path):
    with pytest.raises(ListingError, match="two columns are called note"):
        Listed(write(tmp_path / "l.csv", "path,note,note\nx.mp4,1,2\n"))
    with pytest.raises(ListingError, match=r"this is not CSV or TSV with a header line .* \(--format csv\)"):
        Listed(write(tmp_path / "l.csv", "name,label\nx.mp4,1\n"), format="csv")


def test_rows_start_at_the_folder_of_their_own_listing(tmp_path):
    read = Listed(write(tmp_path / "a/l.csv", "path\nx.mp4\n"), write(tmp_path / "b/l.csv", "path\nx.mp4\n"))
    assert sorted(clip.video for clip in read.clips) == ["a/x.mp4", "b/x.mp4"]


def test_a_column_without_a_name_keeps_its_number(tmp_path):
    (clip,) = Listed(write(tmp_path / "l.csv", ",path,path.1\n0,x.mp4,y\n")).clips
    assert clip.extra == {"column_1": "0", "path.1": "y"}


def test_json_lines(tmp_path):
    rows = [
        {"path": "a.mp4", "label": 3, "start": 0.5, "end": 2, "tags": ["x", 1], "ok": True, "none": None},
        {"file": "\u4e2d.mp4", "class": "10", "id": 17},
        {"label": "no path"},
        {"path": None, "label": "x"},
        ["a.mp4"],
    ]
    text = "\n".join(map(json.dumps, rows)) + '\n{"path": "b.mp4",\n\n  \n{"path": "c.mp4"}'
    read = Listed(write(tmp_path / "val.jsonl", text))
    assert read.options.format == "jsonl"
    first, second, third = read.clips
    assert (first.clip_id, first.label, first.label_number) == ("a_500_2000", "3", 3)
    assert (first.start, first.end, first.split) == (0.5, 2.0, "val")
    assert first.extra == {"tags": '["x",1]', "ok": "true", "none": ""}
    assert (second.clip_id, second.video, second.label, second.row) == ("17", "\u4e2d.mp4", "10", 2)
    assert (third.video, third.row) == ("c.mp4", 9)
    assert [(failure.row, failure.reason) for failure in read.failures] == [(n, "bad_row") for n in (3, 4, 5, 6)]
    assert read.failures[0].message == "the row has no path"
    assert read.failures[3].message.startswith("not a JSON object: ")


def test_json_values_that_are_no_cells(tmp_path):
    rows = [{"path": "a.mp4", "label": {"run": 1}}, {"path": {}}, {"path": "a.mp4", "end": [1]}]
    rows += [{"path": "a.mp4", "label": [["run"]]}]
    read = Listed(write(tmp_path / "l.jsonl", "\n".join(map(json.dumps, rows))))
    assert [(failure.row, failure.message) for failure in read.failures] == [
        (1, 'label is {"run":1}, where one text or number is expected'),
        (2, "path is {}, where one text or number is expected"),
        (3, "end is [1], where one text or number is expected"),
        (4, 'label is [["run"]], where one text or number is expected'),
    ]


def test_a_json_line_that_is_not_utf8(tmp_path):
    read = Listed(
        write(
            tmp_path / "l.jsonl",
            b'{"path": "a.mp4"}\n{"path": "\xff.mp4"}\n{"path": "\\ud800.mp4"}\n{"path": "\\u0000"}',
        )
    )
    assert [clip.row for clip in read.clips] == [1]
    assert [failure.row for failure in read.failures] == [2, 3, 4]


def test_repeated_rows_are_all_read(tmp_path):
    read = Listed(write(tmp_path / "l.csv", "path,label\nx.mp4,a\nx.mp4,a\n"))
    assert [clip.row for clip in read.clips] == [2, 3]


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("01:02:03.5", "1:02:04", (3723.5, 3724.0)),
        ("00:05", "00:31.25", (5.0, 31.25)),
        ("90:00", "91:00", (5400.0, 5460.0)),
        ("00:00:01,500", "2", (1.5, 2.0)),
        ("1e1", ".5e2", (10.0, 50.0)),
    ],
)
def test_times_of_a_clock(tmp_path, start, end, seconds):
    (clip,) = Listed(write(tmp_path / "l.csv", f"path;start;end\nx.mp4;{start};{end}\n")).clips
    assert (clip.start, clip.end) == seconds


@pytest.mark.parametrize("start", ["1_0", "1:2_0", "nan", "inf", "-1", "\u0663", "1 0", "0x10", "a:b"])
def test_what_is_no_time_is_a_bad_row(tmp_path, start):
    (failure,) = Listed(write(tmp_path / "l.csv", f"path,start\nx.mp4,{start}\n")).failures
    assert failure.message == f"bad time range: start is {start!r}, not a number of seconds from 0"


@pytest.mark.parametrize(
    "header", ["start_timestamp,stop_timestamp", "from,to", "onset,offset", "t0,t1", "start,duration"]
)
def test_other_names_of_times(tmp_path, header):
    end = "1.5" if "duration" in header else "4"
    (clip,) = Listed(write(tmp_path / "l.csv", f"video_id,{header}\nx.mp4,2.5,{end}\n")).clips
    assert (clip.video, clip.start, clip.end, clip.extra) == ("x.mp4", 2.5, 4.0, {})


@pytest.mark.parametrize("column", ["tag", "target", "verb", "activity", "y", "cls"])
def test_other_names_of_labels(tmp_path, column):
    assert Listed(write(tmp_path / "l.csv", f"clip_id,{column}\nx.mp4,jump\n")).clips[0].label == "jump"


def test_the_length_of_a_video_is_no_range(tmp_path):
    (clip,) = Listed(write(tmp_path / "l.csv", "path,duration\nx.mp4,9\n")).clips
    assert (clip.start, clip.end, clip.extra) == (None, None, {"listing_duration": "9"})
    (clip,) = Listed(write(tmp_path / "l.csv", "path,start,end,duration\nx.mp4,1,2,9\n")).clips
    assert (clip.end, clip.extra) == (2.0, {"listing_duration": "9"})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "l.csv",
            "path,clip_start_ms,label\nx.mp4,1,a\n",
            "clip_start_ms looks like a time.*--columns start=clip_start_ms",
        ),
        (
            "l.csv",
            "path,frame_start_no,label\nx.mp4,1,a\n",
            "frame_start_no looks like a time.*--columns start_frame=frame_start_no",
        ),
        ("l.csv", "path,action tags\nx.mp4,a\n", "action tags looks like a label.*--columns label=action tags"),
        (
            "l.jsonl",
            '{"path": "x.mp4", "verb_class": 3}\n',
            "verb_class looks like a label.*--columns label=verb_class",
        ),
        ("l.csv", "path,label,frame\nx.mp4,a,1\n", "frame looks like a time.*--columns start_frame=frame"),
        ("l.csv", "path,label,lastFrame\nx.mp4,a,1\n", "lastFrame looks like a time.*--columns start_frame=lastFrame"),
        (
            "l.csv",
            "path,label,middle_frame_timestamp\nx.mp4,a,1\n",
            "middle_frame_timestamp looks.*--columns start=mid",
        ),
        ("l.csv", "path,activityName\nx.mp4,a\n", "activityName looks like a label.*--columns label=activityName"),
    ],
)
def test_a_column_that_matters_is_not_passed_over(tmp_path, name, text, said):
    with pytest.raises(ListingError, match=f"the column {said}"):
        Listed(write(tmp_path / name, text))


def test_facts_about_frames_are_carried_along(tmp_path):
    names = ("frame_rate", "num_frames", "frame width", "nb_frame", "frameCount", "frame_dir")
    (clip,) = Listed(write(tmp_path / "l.csv", f"path,label,{','.join(names)}\nx.mp4,a,1,2,3,4,5,6\n")).clips
    assert tuple(clip.extra) == names


def test_columns_that_are_named(tmp_path):
    listing = write(tmp_path / "l.csv", "name,label,my tag,t_0,path\nx.mp4,1,jump,2.5,other\n")
    read = Listed(listing, columns={"path": "name", "label": "my tag", "start": "t_0"})
    (clip,) = read.clips
    assert (clip.video, clip.label, clip.start) == ("x.mp4", "jump", 2.5)
    assert clip.extra == {"label": "1", "path": "other"}
    assert listings.taken_as(read.options) == (
        "columns: path = name, label = my tag, start = t_0; carried along: label, path"
    )
    (clip,) = Listed(write(tmp_path / "l.csv", "path,action_tags\nx.mp4,1\n"), columns={"label": ""}).clips
    assert (clip.label, clip.extra) == (None, {"action_tags": "1"})
    with pytest.raises(
        ListingError, match=r"--columns label=none: .*l\.csv has no such column; it has path, action_tags"
    ):
        Listed(tmp_path / "l.csv", columns={"label": "none"})


def test_a_zero_byte_and_a_book_are_no_labels(tmp_path):
    text = "path,label\na.mp4,run\nb.mp4,run\n" + "c.mp4,jump\n" * 8000
    read = Listed(write(tmp_path / "l.csv", text + f"d.mp4,wa\0lk\ne.mp4,{'x' * 100_000}\n"))
    assert read.classes() == ["jump", "run"]
    assert [failure.row for failure in read.failures] == [8004, 8005]
    assert all(len(failure.message) < 300 for failure in read.failures)


def test_ranges_of_frames(tmp_path):
    rows = ["x.mp4,3,9", "x.mp4,,9", "x.mp4,3,", "x.mp4,,", "y.mp4,0,1", "x.mp4,9,9", "x.mp4,-1,4", "x.mp4,1.5,4"]
    read = Listed(write(tmp_path / "l.csv", "\n".join(["path,start_frame,stop_frame", *rows, ""])))
    assert {clip: row.frame_range for clip, row in read.by_id.items()} == {
        "x_f3_f9": (3, 9), "x_fopen_f9": (None, 9), "x_f3_fopen": (3, None), "x": None, "y_f0_f1": (0, 1),
    }  # fmt: skip
    assert [failure.row for failure in read.failures] == [7, 8, 9]
    assert {row.group for row in read.by_id.values()} == {"x.mp4", "y.mp4", None}
    both = write(tmp_path / "both.csv", "path,start_frame,stop_frame,start_timestamp\nx.mp4,3,9,0:01\n")
    (clip,) = Listed(both).by_id.values()
    assert (clip.start, clip.frame_range, clip.extra) == (1.0, None, {"start_frame": "3", "stop_frame": "9"})
