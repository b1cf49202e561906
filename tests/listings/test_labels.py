"""Labels: what rows say of them, what files declare, and which numbers come of it."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listed import Listed, touch, write

from clipmill.errors import ListingError
from clipmill.listings.label_files import read_labels

TWELVE = "".join(f"v{number}.mp4,{number},train\n" for number in range(12))


def indices(read: Listed) -> dict[str, int]:
    """Each clip's index into label.labels.txt, -1 unlabelled."""
    classes = read.classes()
    return {clip.video: -1 if clip.label is None else classes.index(clip.label) for clip in read.clips}


def messages(read: Listed) -> list[tuple[int, str]]:
    return [(failure.row, failure.message) for failure in read.failures]


@pytest.mark.parametrize(
    "nothing", ["-1", "", "nan", "NaN", "None", "null", "unknown", "N/A", "<NA>", "-1.0", "unlabeled"]
)
def test_nothing_among_numbers_is_no_label_and_moves_none(tmp_path, nothing):
    read = Listed(write(tmp_path / "l.csv", f"path,label,split\n{TWELVE}v12.mp4,{nothing},test\n"))
    assert indices(read) == {**{f"v{number}.mp4": number for number in range(12)}, "v12.mp4": -1}
    assert not read.failures


@pytest.mark.parametrize("word", ["jump", "1.5", "-2", "1_0", "\u0663"])
def test_a_word_among_numbers_is_a_bad_row_and_moves_none(tmp_path, word):
    read = Listed(write(tmp_path / "l.csv", f"path,label,split\nw.mp4,{word},train\n{TWELVE}"))
    assert indices(read) == {f"v{number}.mp4": number for number in range(12)}
    ((row, message),) = messages(read)
    assert row == 2
    assert message == f"the label {word!r} is a word, where others are numbers, as 0 in 1 other row (l.csv:3)"


def test_a_number_among_words_is_the_name_of_a_class(tmp_path):
    read = Listed(
        write(tmp_path / "l.csv", "path,label\na.mp4,unknown\nb.mp4,360\nc.mp4,jump\ne.mp4,jump\nd.mp4,nan\n")
    )
    assert read.classes() == ["360", "jump", "unknown"]
    assert indices(read)["d.mp4"] == -1


@pytest.mark.parametrize("number", ["", "nan", "-1"])
def test_a_class_without_a_number_comes_after_those_with_one(tmp_path, number):
    rows = f"a.mp4,run,0\nb.mp4,climb,{number}\nc.mp4,jump,2\nd.mp4,run,{number}\ne.mp4,walk,1\n"
    read = Listed(write(tmp_path / "l.csv", f"path,label,label_id\n{rows}"))
    assert indices(read) == {"a.mp4": 0, "b.mp4": 3, "c.mp4": 2, "d.mp4": 0, "e.mp4": 1}
    assert {clip.video: clip.label_number for clip in read.clips}["d.mp4"] == 0
    assert read.labels.notes == ["classes without a number come after the others: climb"]


def test_a_mistyped_number_moves_none(tmp_path):
    read = Listed(write(tmp_path / "l.csv", "path,label,label_id\na.mp4,run,0\nb.mp4,jump,1o\nc.mp4,jump,1\n"))
    assert indices(read) == {"a.mp4": 0, "c.mp4": 1}
    assert messages(read) == [(3, "the label's number is '1o', not a whole number")]


def test_what_most_rows_say_of_a_class_stays(tmp_path):
    rows = "a.mp4,run,0\nb.mp4,jump,1\nc.mp4,jump,1\nd.mp4,jump,7\ne.mp4,walk,1\n"
    read = Listed(write(tmp_path / "l.csv", f"path,label,label_id\n{rows}"))
    assert (read.classes(), indices(read)) == (["run", "jump"], {"a.mp4": 0, "b.mp4": 1, "c.mp4": 1})
    assert messages(read) == [
        (5, "jump has the number 7 here and 1 in 2 other rows (l.csv:3)"),
        (6, "the number 1 is walk here and jump in 2 other rows (l.csv:3)"),
    ]


def test_rows_that_contradict_each_other_evenly_are_all_bad(tmp_path):
    rows = "a.mp4,run,0\nb.mp4,jump,1\nc.mp4,walk,1\nd.mp4,swim,2\ne.mp4,,1\nf.mp4,jump,\n"
    read = Listed(write(tmp_path / "l.csv", f"path,label,label_id\n{rows}"))
    assert indices(read) == {"a.mp4": 0, "d.mp4": 2}
    assert messages(read) == [
        (3, "the number 1 is jump here and walk in 1 other row (l.csv:4)"),
        (4, "the number 1 is walk here and jump in 1 other row (l.csv:3)"),
        (6, "class 1 has several names: it is jump in 1 other row (l.csv:3), which as many others contradict"),
        (7, "jump has several numbers in other rows; give this row its number"),
    ]


def test_numbers_with_gaps_or_from_zero_stay(tmp_path):
    read = Listed(write(tmp_path / "val.txt", "a.mp4 0\nb.mp4 2\nc.mp4 3\n"))
    assert indices(read) == {"a.mp4": 0, "b.mp4": 2, "c.mp4": 3}
    assert (read.classes(), read.labels.holes) == (["0", "no_class_1", "2", "3"], [1])
    read = Listed(write(tmp_path / "val.txt", "a.mp4 140\nb.mp4 127\n"))
    assert indices(read) == {"a.mp4": 140, "b.mp4": 127}
    assert len(read.classes()) == len(set(read.classes())) == 141


def test_numbers_from_one_without_a_gap_become_indices(tmp_path):
    read = Listed(write(tmp_path / "l.txt", "a.mp4 1\nb.mp4 3\nc.mp4 2\n"))
    assert indices(read) == {"a.mp4": 0, "b.mp4": 2, "c.mp4": 1}
    assert [clip.label_number for clip in read.clips] == [1, 3, 2]
    assert read.labels.notes == ["labels 0..2 are the numbers 1..3 of the listing, less one"]
    assert indices(Listed(write(tmp_path / "l.txt", "a.mp4 1\n"))) == {"a.mp4": 1}


def test_a_number_out_of_all_proportion_is_a_bad_row(tmp_path):
    read = Listed(write(tmp_path / "l.txt", "a.mp4 0\nb.mp4 1\nc.mp4 123456789\n"))
    assert (read.classes(), indices(read)) == (["0", "1"], {"a.mp4": 0, "b.mp4": 1})
    assert messages(read) == [(3, "the label's number 123456789 is far above the others, which go up to 1")]


def test_a_class_that_only_a_test_list_names_moves_none(tmp_path):
    videos = touch(tmp_path / "videos", "b/1.avi")
    write(tmp_path / "trainlist01.txt", "b/1.avi 1\nc/1.avi 2\n")
    write(tmp_path / "testlist01.txt", "a/2.avi\nc/2.avi\n")
    read = Listed(tmp_path / "trainlist01.txt", tmp_path / "testlist01.txt", videos=str(videos))
    assert indices(read) == {"b/1.avi": 0, "c/1.avi": 1, "a/2.avi": 2, "c/2.avi": 1}


WORDS = st.sampled_from(["run", "jump", "Jump", "a b", "9 lives", "unknown"])
NOTHING = st.sampled_from(["", "-1", "nan"])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 30).map(str), WORDS, NOTHING), min_size=1, max_size=30),
    st.lists(st.sampled_from(["", "0", "1", "2", "7", "-1"]), min_size=30, max_size=30),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_every_label_is_its_rows_whatever_the_order(labels, numbers, with_numbers, shuffler):
    rows = [(f"{n}.mp4", label, numbers[n] if with_numbers else "") for n, label in enumerate(labels)]
    with tempfile.TemporaryDirectory() as folder:

        def read(rows) -> Listed:
            lines = "".join(",".join(row) + "\n" for row in rows)
            return Listed(write(Path(folder, "l.csv"), "path,label,label_id\n" + lines))

        found = read(rows)
        shuffler.shuffle(rows)
        shuffled = read(rows)
    assert shuffled.classes() == found.classes()
    assert indices(shuffled) == indices(found)
    said = {path: (label, number) for path, label, number in rows}
    first = 1 if any("less one" in note for note in found.labels.notes) else 0
    for clip in found.clips:
        text, number = said[clip.video]
        if number in ("", "-1"):
            number = text if text.isdigit() and clip.label_number is not None else ""
        if number:
            assert indices(found)[clip.video] == int(number) - first
        if text in ("", "-1", "nan") and not number:
            assert clip.label is None
        elif not text.isdigit() and text not in ("", "-1", "nan"):
            assert clip.label == text or (clip.label is None and text == "unknown")
    assert len(found.items) == len(rows)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.integers(0, 40), st.integers(1, 4), min_size=2, max_size=12), st.integers(0, 2**32), WORDS)
def test_one_odd_row_never_changes_the_number_of_another(classes, seed, word):
    rows = [f"{number}_{n}.mp4,{number}" for number, times in classes.items() for n in range(times)]
    with tempfile.TemporaryDirectory() as folder:
        before = indices(Listed(write(Path(folder, "l.csv"), "path,label\n" + "\n".join(rows))))
        rows.append(f"odd.mp4,{word}")
        random.Random(seed).shuffle(rows)
        after = indices(Listed(write(Path(folder, "l.csv"), "path,label\n" + "\n".join(rows))))
    after.pop("odd.mp4", None)
    assert after == before


def test_a_numbered_file_of_labels_names_a_lists_numbers(tmp_path):
    labels = write(tmp_path / "classInd.txt", "1 Archery\n2 Biking\n3 Diving\n")
    read = Listed(write(tmp_path / "l.csv", "path,label\na.mp4,1\nb.mp4,Biking\nc.mp4,3\n"), labels=str(labels))
    assert read.classes() == ["Archery", "Biking", "Diving"]
    assert {clip.video: (clip.label, clip.label_number) for clip in read.clips} == {
        "a.mp4": ("Archery", 1),
        "b.mp4": ("Biking", 2),
        "c.mp4": ("Diving", 3),
    }


def test_a_file_of_names_alone_names_a_lists_numbers(tmp_path):
    labels = write(tmp_path / "labels.txt", "riding a bike\r\njumping\r\n")
    read = Listed(write(tmp_path / "l.txt", "a.mp4 1\nb.mp4 0\nc.mp4 2\n"), labels=str(labels))
    assert [(clip.label, clip.label_number) for clip in read.clips] == [("jumping", 1), ("riding a bike", 0)]
    assert messages(read) == [(3, f"unknown label 2: {labels} has 0 to 1")]
    assert read.classes() == ["riding a bike", "jumping"]
    assert read.labels.notes == [f"labels are the numbers of {labels}: 0 is riding a bike"]


@pytest.mark.parametrize(
    ("names", "numbers", "said"),
    [
        ("Archery\nBiking\nDiving\n", (1, 2, 3), "one above those of the file, 0 to 2"),
        ("Archery\nBiking\nDiving\n", (2, 3), "one above those of the file, 0 to 2"),
        ("1 Archery\n2 Biking\n3 Diving\n", (0, 1, 2), "one below those of the file, 1 to 3"),
        ("0,Archery\n1,Biking\n2,Diving\n", (1, 2, 3), "Number the file's lines as the listing does: 1 Archery"),
    ],
)
def test_numbers_that_are_shifted_by_one_are_named_as_such(tmp_path, names, numbers, said):
    labels = write(tmp_path / "labels.txt", names)
    listing = write(tmp_path / "l.txt", "".join(f"{number}.mp4 {number}\n" for number in numbers))
    with pytest.raises(ListingError, match=f"shifted by one: .*{said}"):
        Listed(listing, labels=str(labels))


def test_numbers_are_held_against_the_class_folders(tmp_path):
    labels = write(tmp_path / "labels.txt", "apply eye makeup\nbiking\ndiving\nfencing\n")
    rows = [("ApplyEyeMakeup", 0), ("Biking", 1), ("Diving", 2)] * 4
    good = "".join(f"{folder}/{n}.mp4 {number}\n" for n, (folder, number) in enumerate(rows))
    read = Listed(write(tmp_path / "l.txt", good + "Biking/x.mp4 2\n"), labels=str(labels))
    assert len(read.clips) == 12
    assert messages(read) == [(13, f"the label is 2, but the folder Biking is 1 in {labels}")]
    shifted = "".join(f"{folder}/{n}.mp4 {number + 1}\n" for n, (folder, number) in enumerate(rows))
    with pytest.raises(ListingError, match=r"shifted by one: .*l\.txt:1 has 1, where apply eye makeup is 0 in"):
        Listed(write(tmp_path / "l.txt", shifted), labels=str(labels))
    mixed = "".join(f"{folder}/{n}.mp4 {3 - number}\n" for n, (folder, number) in enumerate(rows))
    with pytest.raises(ListingError, match=r"its numbers are not those of the listing: l\.txt:1 has 3"):
        Listed(write(tmp_path / "l.txt", mixed), labels=str(labels))


def test_numbers_are_held_against_the_names_beside_them(tmp_path):
    labels = write(tmp_path / "labels.txt", "run\njump\nwalk\n")

    def read(numbers):
        rows = "".join(
            f"{n}.mp4,{name},{number}\n" for n, (name, number) in enumerate(zip(names, numbers, strict=True))
        )
        return Listed(write(tmp_path / "l.csv", "path,label,label_id\n" + rows), labels=str(labels))

    names = ["run", "jump", "walk", "run"]
    assert messages(read([0, 1, 2, 1])) == [(5, f"the label's number is 1, but run is 0 in {labels}")]
    with pytest.raises(ListingError, match="shifted by one"):
        read([1, 2, 3, 1])
    other = read([17, 5, 99, 17])  # numbers of the listing's own, which the file replaces
    assert [(clip.label, clip.label_number) for clip in other.clips] == [
        *(("run", 17), ("jump", 5), ("walk", 99), ("run", 17)),
    ]


def test_official_lists_name_their_classes_whatever_the_file_counts_from(tmp_path):
    write(tmp_path / "classInd.txt", "1 a\n2 b\n")
    write(tmp_path / "trainlist01.txt", "a/1.avi 1\nb/1.avi 2\n")
    labels = write(tmp_path / "labels.txt", "b\na\n")
    read = Listed(tmp_path / "trainlist01.txt", videos=str(tmp_path), labels=str(labels))
    assert indices(read) == {"a/1.avi": 1, "b/1.avi": 0}


@pytest.mark.parametrize(
    ("text", "declared"),
    [
        ("a\nb c\n", [("a", 0), ("b c", 1)]),
        ("\ufeffb\r\na\r\n\r\n", [("b", 0), ("a", 1)]),
        ("1 a\n2 b c\n", [("a", 1), ("b c", 2)]),
        ("0 a\n1 b\n", [("a", 0), ("b", 1)]),
        ("1 b\n0 a\n", [("a", 0), ("b", 1)]),
        ("a 0\nb c 1\n", [("a", 0), ("b c", 1)]),
        ("3 hands\n4 hands\n", [("3 hands", 0), ("4 hands", 1)]),
        ("level 1\nlevel 2\n", [("level 1", 0), ("level 2", 1)]),
        ("id,name\n0,a\n2,b c\n", [("a", 0), ("b c", 2)]),
        ("name,id\nb,1\na,0\n", [("a", 0), ("b", 1)]),
        ("0\ta\n1\tb\n", [("a", 0), ("b", 1)]),
        ('id,name\n0,"a, b"\n1,c\n', [("a, b", 0), ("c", 1)]),
        ("0,a, b\n1,c\n", [("a, b", 0), ("c", 1)]),
        ('{"a": 0, "b": 1}', [("a", 0), ("b", 1)]),
        ('{"b": "1", "a": "0"}', [("a", 0), ("b", 1)]),
        ('{"0": "a", "2": "b"}', [("a", 0), ("b", 2)]),
        ('["a", "b"]', [("a", 0), ("b", 1)]),
        ('[{"id": 1, "name": "b"}, {"name": "a", "id": 0}]', [("a", 0), ("b", 1)]),
        (
            '[{"id": 1, "name": "b", "supercategory": "x"}, {"supercategory": "x", "name": "a", "id": 0}]',
            [("a", 0), ("b", 1)],
        ),
        ("0: a\n1: b c\n", [("a", 0), ("b c", 1)]),
        ("a: 0\nb c: 1\n", [("a", 0), ("b c", 1)]),
        ("1. a\n2. b\n", [("a", 1), ("b", 2)]),
        ("# classes\na\n#\nb\n", [("a", 0), ("b", 1)]),
        ("class_id,class_name,count\n0,a,5\n1,b,7\n", [("a", 0), ("b", 1)]),
        ("count;label;name\n5;1;b\n7;0;a\n", [("a", 0), ("b", 1)]),
        ("name,id\n1,0\n0,1\n", [("1", 0), ("0", 1)]),
        ("0 name\n1 b\n", [("name", 0), ("b", 1)]),
    ],
)
def test_files_of_labels(tmp_path, text, declared):
    (tmp_path / "labels.txt").write_text(text, newline="")
    assert read_labels(str(tmp_path / "labels.txt")) == declared


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a\n\nb\n", "labels.txt:2: a blank line"),
        (b"a\nb\na\n", "labels.txt:3: the class a stands in line 1 already"),
        ("a\nb\u2028c\n".encode(), r"labels.txt:2: 'b\\u2028c' is no class: a label is one line"),
        (b"\n", "an empty file of labels"),
        (b"# x\nname\na\n", "labels.txt:2: 'name' looks like the head of a column, which would be class 0"),
        (b"# x\na\n# y\na\n", "labels.txt:4: the class a stands in line 2 already"),
        (b"\xff\xfe", "not a UTF-8 text file"),
        (b"id,name\n0,a\n0,b\n", "labels.txt:3: the number 0 stands in line 2 already"),
        (b'{"a": 0, ', "not JSON"),
        (b'{"a": {"b": 1}}', "not a file of labels: JSON of labels is"),
        (b"[]", "not a file of labels"),
    ],
)
def test_files_of_labels_that_are_refused(tmp_path, data, why):
    (tmp_path / "labels.txt").write_bytes(data)
    with pytest.raises(ListingError, match=why):
        read_labels(str(tmp_path / "labels.txt"))


def test_labels_of_real_lists_are_their_rows(shared_data):
    read = Listed(shared_data / "listings/conventions/uniformer_k600_test_comma.csv")
    rows = [line.rpartition(",") for line in Path(*read.options.listings).read_text().splitlines()]
    assert indices(read) == {path: int(number) for path, _, number in rows}
    assert Counter(clip.label for clip in read.clips)["0"] == sum(number == "0" for _, _, number in rows)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("run 3\njump 7\n", "labels.txt has the class 'run 3'; write its lines as number,name"),
        ("3 run\n7 jump\n", "labels.txt has the class '3 run'; write its lines as number,name"),
        ("0,run,x\n1,jump,y\n", "labels.txt has the class 'run,x'; write its lines as number,name"),
        ("Run\njump\n", "labels.txt spells it Run"),
        ("walk\njump\n", "it is not in "),
    ],
)
def test_a_label_that_the_file_has_in_another_way(tmp_path, file, said):
    labels = write(tmp_path / "labels.txt", file)
    read = Listed(write(tmp_path / "l.csv", "path,label\na.mp4,run\n"), labels=str(labels))
    assert said in read.failures[0].message and read.failures[0].message.startswith("unknown label run: ")
