"""Lists without a header, what is refused, and how a format is found out."""

from __future__ import annotations

import contextlib
import os
import pickle

import pytest
from field_listings import EPIC, write_all
from listed import Listed, touch, write

from clipmill import listings
from clipmill.errors import ListingError, UsageError
from clipmill.listings.base import look_at


@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", "  "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_of_path_and_number(tmp_path, separator, end):
    paths = ["golf/-0Yb1tD3HUo_000004_000014.mp4", "two words.mp4", "a,b.mp4", "deep/er/x.webm"]
    text = end.join(f"{path}{separator}{number}" for number, path in enumerate(paths))
    read = Listed(write(tmp_path / "train_list.txt", text))
    assert read.options.format == "list"
    assert not read.failures
    assert [(clip.video, clip.label, clip.label_number, clip.row) for clip in read.clips] == [
        (path, str(number), number, number + 1) for number, path in enumerate(paths)
    ]
    assert {clip.split for clip in read.clips} == {"train"}
    assert read.clips[0].clip_id == "golf/-0Yb1tD3HUo_000004_000014"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.txt", "x/a.mp4 1\r\n"),
        ("l.csv", "path,label\r\nx/a.mp4,1\r\n"),
        ("l.jsonl", '{"path": "x/a.mp4", "label": 1}\r\n'),
        ("trainlist01.txt", "x/a.mp4 1\r\n"),
    ],
)
def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path, name, text):
    read = Listed(write(tmp_path / name, "\ufeff" + text), videos=str(tmp_path))
    assert [(clip.video, clip.label_number) for clip in read.clips] == [("x/a.mp4", 1)]
    assert not read.failures


def test_bad_rows_of_lists(tmp_path):
    text = "a.mp4 1\nb.mp4\nc.mp4 jump\n\n/etc/passwd 1\nf.mp4 -1\n"
    read = Listed(write(tmp_path / "l.txt", text))
    assert [(failure.row, failure.message.partition(" (")[0]) for failure in read.failures] == [
        (2, "'b.mp4' is not a path and a number"),
        (3, "'c.mp4 jump' is not a path and a number"),
        (
            5,
            f"the path /etc/passwd is outside the root {tmp_path}: give the folder that holds it as --videos",
        ),
    ]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("audio.txt", "test.wav 100 127\n", "a list of audio files"),
        ("proposals.txt", "# 0\nimgs\n5\n1\n", "a list of temporal proposals"),
        ("mixed.txt", "imgs/x 5 127\nimgs/y\n", "a list of folders of frames, where some"),
        ("a.json", '[\n {"name": "tmp.mp4", "label": 1}\n]\n', "JSON of no known shape"),
        ("b.json", '{\n "v_test1": {"duration": 1}\n}\n', "JSON of no known shape"),
        ("c.json", '{"test.mp4": ["A person"]}', "JSON without a key path"),
        ("classInd.txt", "1 Archery\n2 Biking\n", "a file of classes: give it as --labels FILE"),
        ("paths.txt", "a.mp4\nb.mp4\n", "a list of videos without labels"),
        (
            "test.txt",
            "Biking/v_Biking_g01_c01.avi\n",
            "UCF's list without numbers under another name: call it testlist01.txt",
        ),
        ("names.csv", "a.mp4,jump\n", "a table without a header"),
        ("digits.csv", "clip1;label 2\nx.mp4;1\n", "a table without a known column of paths: say which"),
        (
            "nopath.csv",
            "name,label\nx.mp4,1\n",
            "a table without a known column of paths: say which",
        ),
        ("prose.txt", "Dear all\n", "nothing known"),
        ("commas.txt", ",\n", "nothing known"),
    ],
)
def test_files_that_hold_no_clips_are_refused(tmp_path, name, text, why):
    listing = write(tmp_path / name, text)
    with pytest.raises(ListingError) as refused:
        Listed(listing)
    assert str(refused.value).startswith(f"{listing}: this looks like {why}")
    assert "Listings are: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_comments_in_tables(tmp_path):
    text = '# made by hand\npath,label\n# a, b\na.mp4,x\n#b.mp4,y\n#\n"c.mp4","z"\n'
    read = Listed(write(tmp_path / "l.csv", text))
    assert [(clip.video, clip.label, clip.row) for clip in read.clips] == [
        *(("a.mp4", "x", 4), ("#b.mp4", "y", 5), ("c.mp4", "z", 7)),
    ]
    assert not read.failures
    read = Listed(write(tmp_path / "l.jsonl", '# keys: path\n{"path": "a.mp4"}\n# end\n'))
    assert [clip.row for clip in read.clips] == [2] and not read.failures


def test_lists_with_comments_several_numbers_and_none(tmp_path):
    read = Listed(write(tmp_path / "l.txt", "# path label\na.mp4 0\n#\nb.mp4 -1\n#c.mp4 1\n"))
    assert [(clip.video, clip.label) for clip in read.clips] == [("a.mp4", "0"), ("b.mp4", None), ("#c.mp4", "1")]
    assert not read.failures
    for text, labels in (("x.mp4 0 -1\n", ("0",)), ("x.mp4 0 3\n", ("0", "3"))):
        read = Listed(write(tmp_path / "l.txt", text))
        assert (read.options.format, read.clips[0].label) == ("list", labels)


def test_a_list_is_hmdbs_by_what_stands_in_it(tmp_path):
    write(tmp_path / "ucf_test_split1.txt", "Archery/v_Archery_g01_c01.avi 1\nBiking/v_Biking_g01_c01.avi 2\n")
    read = Listed(tmp_path / "ucf_test_split1.txt")
    assert read.options.format == "list"
    assert {clip.video: clip.label for clip in read.clips} == {
        "Archery/v_Archery_g01_c01.avi": "1",
        "Biking/v_Biking_g01_c01.avi": "2",
    }
    write(tmp_path / "wave_test_split1.txt", "a b !.avi 1 \nc.avi 0\n")
    assert Listed(tmp_path / "wave_test_split1.txt", videos=str(tmp_path)).options.format == "hmdb"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "an empty file"),
        (b"\n\r\n \n", "an empty file"),
        ("path,label\n".encode("utf-16"), "a UTF-16 file; save it as UTF-8"),
        (b"PK\3\4\0\0\0", "not a text file"),
        (b"path,label\ra.mp4,x\r", "a lone CR"),
        (b"path,label\ra.mp4,x\rb.mp4,y\n", "a lone CR"),
        (b"a.mp4 0\rb.mp4 1\r\n", "a lone CR"),
        (b"# list\npath\rlabel\nx\n", "this looks like"),
        (b'{"database": {"\xdb": {"subset": "x"}}}', "this looks like JSON of no known shape|JSON without a key path"),
    ],
)
def test_files_that_are_no_text(tmp_path, data, why):
    with pytest.raises(ListingError, match=why):
        Listed(write(tmp_path / "l.csv", data))


class MakesFolder:
    """What, pickled and read again, makes a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_not_run(tmp_path, protocol):
    pickled = pickle.dumps({"labels": ["run"], "x.mp4": MakesFolder(tmp_path / "made")}, protocol)
    for name in ("UCF101v2-GT.pkl", "list.csv", "list.json", "classInd.txt"):
        with pytest.raises(UsageError, match=name):
            Listed(write(tmp_path / name, pickled))
    with contextlib.suppress(UsageError):  # of protocol 0, whose lines are text, each is a class
        Listed(write(tmp_path / "l.txt", "x.mp4 0\n"), labels=str(tmp_path / "list.csv"))
    assert not (tmp_path / "made").exists()
    pickle.loads(pickled)
    assert (tmp_path / "made").exists()


def test_format_overrules_detection(tmp_path):
    text = "path,youtube_id,label,time_start,time_end\nx.mp4,abcdefghijk,a,1,11\n"
    listing = write(tmp_path / "l.csv", text)
    assert [clip.video for clip in Listed(listing).clips] == ["x.mp4"]
    assert Listed(listing).options.format == "csv"
    with pytest.raises(ListingError, match=r"this is not JSON Lines .*--format jsonl"):
        Listed(listing, format="jsonl")
    with pytest.raises(ListingError, match="a file, where a folder of videos or of images per class is expected"):
        Listed(listing, format="tree")
    known = ", ".join(("auto", *listings.FORMATS))
    with pytest.raises(UsageError, match=f"--format nope: not one of {known}"):
        Listed(listing, format="nope")


def test_no_listing_of_the_field_is_taken_for_another(tmp_path):
    """All listings against all formats; a name alone tells the official lists of UCF and HMDB, so these go first."""
    for name, path in write_all(tmp_path):
        matching = [known.name for known in listings.FORMATS.values() if known.matches(look_at(str(path)))]
        assert matching[0] == name, path.name
        allowed = {"ucf": ["list"], "hmdb": ["list"], "hacs": ["kinetics"]}.get(name, [])
        assert matching[1:] == allowed, path.name


def test_every_listing_of_the_field_is_rows(tmp_path):
    for name, path in write_all(tmp_path):
        read = Listed(path, videos=str(tmp_path))
        assert (read.options.format, read.failures) == (name, []), path.name
        assert read.clips, path.name


def test_epic_kitchens_is_a_table(tmp_path):
    read = Listed(write(tmp_path / "EPIC_100_train.csv", EPIC))
    (clip,) = read.clips
    assert (clip.video, clip.label, clip.start, clip.end) == ("P01_01", "open", 0.14, 3.37)
    assert (clip.extra["noun"], clip.extra["start_frame"], clip.split) == ("door", "8", "train")


def test_lists_beside_videos_can_be_read_as_a_tree(tmp_path):
    write(tmp_path / "trainlist01.txt", "a/1.mp4 1\n")
    touch(tmp_path, "a/1.mp4", "a/2.mp4")
    assert len(Listed(tmp_path).clips) == 1
    assert len(Listed(tmp_path, format="tree").clips) == 2


def test_formats_do_not_mix(tmp_path):
    one = write(tmp_path / "a.csv", "path,label\nx.mp4,a\n")
    two = write(tmp_path / "b.txt", "x.mp4 1\n")
    with pytest.raises(ListingError, match=r"different formats: .*a\.csv is csv, .*b\.txt is list"):
        Listed(one, two)


def test_options_that_do_not_fit(tmp_path):
    listing = write(tmp_path / "a.csv", "path,label\nx.mp4,a\n")
    with pytest.raises(UsageError, match=r"--videos .*nowhere: no such folder"):
        Listed(listing, videos=str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="--split: shares must not be negative"):
        Listed(listing, splits={"train": -1.0, "val": 2.0})
    with pytest.raises(UsageError, match="--split-by film: not one of group, clip"):
        Listed(listing, split_by="film")
    with pytest.raises(ListingError, match=r"labels\.txt: no such file of labels"):
        Listed(listing, labels=str(tmp_path / "labels.txt"))


def test_include_picks_sources(tmp_path):
    listing = write(tmp_path / "a.csv", "path\na/x.mp4\nb/x.mp4\n")
    read = Listed(listing, include="a/*")
    assert [listings.selected(read.options, clip) for clip in read.clips] == [True, False]
    assert all(listings.selected(Listed(listing).options, clip) for clip in read.clips)
