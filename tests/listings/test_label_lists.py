"""Several labels for one clip: whatever form a listing has them in, each clip has its rows' labels and no other."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listed import Listed, write

from clipmill.errors import ListingError
from clipmill.listings import merge_rows, resolve
from clipmill.options import ListingOptions

WORDS = st.sampled_from(["open", "door", "shut it", "Run", "run", "7th", "a.b"])
#: Labels of each clip, in any order, perhaps twice.
CLIPS = st.lists(st.lists(WORDS, max_size=4), min_size=1, max_size=8)


def labels_of(read: Listed) -> dict[str, set[str]]:
    """Names of each clip's labels; each stands once, in the order of the classes."""
    places = {name: place for place, name in enumerate(read.classes())}
    for clip in read.clips:
        assert isinstance(clip.label, tuple) and isinstance(clip.label_number, tuple)
        assert list(clip.label) == sorted(set(clip.label), key=places.__getitem__)
        assert len(clip.label_number) == len(clip.label)
    return {clip.video: set(clip.label) for clip in read.clips}


def as_rows(clips, cut):
    """Rows of one label each, and of several in a cell."""
    rows = []
    for number, labels in enumerate(clips):
        pieces = [labels[:cut], *([label] for label in labels[cut:])]
        rows += [f"{number}.mp4,{'|'.join(piece)}\n" for piece in pieces if piece or len(pieces) == 1]
    return rows


@given(CLIPS, st.integers(0, 4), st.randoms(use_true_random=False), st.sampled_from(["csv", "jsonl"]))
@settings(max_examples=60, deadline=None)
def test_every_clip_has_the_labels_of_its_rows(clips, cut, shuffler, form):
    wanted = {f"{number}.mp4": set(labels) for number, labels in enumerate(clips)}
    rows = as_rows(clips, cut)
    if form == "jsonl":
        rows = [json.dumps({"path": path, "label": labels}) + "\n" for path, labels in wanted_lists(clips)]
        rows.append('{"path": "list.mp4", "label": []}\n')
        wanted["list.mp4"] = set()
    shuffler.shuffle(rows)
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(rows) if form == "jsonl" else "path,label\n" + "".join(rows)
        read = Listed(write(Path(folder) / f"l.{form}", text), multi_label=form == "csv")
        assert not read.failures
        assert labels_of(read) == wanted
        assert set(read.classes()) == set().union(*wanted.values())


def wanted_lists(clips):
    return [(f"{number}.mp4", labels) for number, labels in enumerate(clips)]


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=2, max_size=8))
@settings(max_examples=40, deadline=None)
def test_numbers_in_lists_stay(clips):
    clips = [*clips, [0, 1]]  # from 0, so that they are indices
    text = "".join(f"{number}.mp4 {' '.join(map(str, labels))}\n" for number, labels in enumerate(clips))
    with tempfile.TemporaryDirectory() as folder:
        read = Listed(write(Path(folder) / "l.txt", text), multi_label=True)
        classes = read.classes()
        for clip in read.clips:
            assert isinstance(clip.label, tuple)
            found = {classes.index(label) for label in clip.label}
            assert found == set(clips[int(clip.clip_id)]) == set(clip.label_number)


def test_rows_that_add_their_labels_are_one_clip_and_the_others_are_in_the_ledger(tmp_path):
    rows = "a.mp4,open\na.mp4,door\na.mp4,open\nb.mp4,door\nb.mp4,-1\n"
    read = Listed(write(tmp_path / "l.csv", f"path,label\n{rows}"), multi_label=True)
    assert labels_of(read) == {"a.mp4": {"open", "door"}, "b.mp4": {"door"}}
    bare = Listed(write(tmp_path / "l.csv", f"path,label\n{rows}"))
    assert not bare.options.label_lists and len(bare.clips) == 5


def test_ranges_of_one_video_are_clips_of_their_own(tmp_path):
    rows = "a.mp4,open,0,2\na.mp4,door,0,2\na.mp4,run,2,4\n"
    read = Listed(write(tmp_path / "l.csv", f"path,label,start,end\n{rows}"), multi_label=True)
    assert {clip.start: set(clip.label) for clip in read.clips} == {0: {"open", "door"}, 2: {"run"}}


def test_rows_of_other_splits_are_not_merged(tmp_path):
    rows = "a.mp4,open,train\na.mp4,door,test\n"
    text = f"path,label,split\n{rows}"
    read = Listed(write(tmp_path / "l.csv", text), multi_label=True)
    assert sorted((clip.split, *clip.label) for clip in read.clips) == [("test", "door"), ("train", "open")]
    drawn = Listed(write(tmp_path / "l.csv", text), multi_label=True, splits={"train": 0.5, "val": 0.5})
    assert [set(clip.label) for clip in drawn.clips] == [{"open", "door"}]


@pytest.mark.parametrize(
    ("cell", "labels"),
    [("open|door", ["open", "door"]), ("open ; door;", ["open", "door"]), ("0 3", ["0", "3"]), ('"0, 3"', ["0", "3"])],
)
def test_a_cell_may_hold_several(tmp_path, cell, labels):
    read = Listed(write(tmp_path / "l.csv", f"path,label\na.mp4,{cell}\n"), multi_label=True)
    assert read.clips[0].label is not None and sorted(read.clips[0].label) == sorted(labels)


def test_whether_a_comma_parts_labels_must_be_said(tmp_path):
    path = write(tmp_path / "l.csv", 'path,label\na.mp4,"open, door"\n')
    with pytest.raises(ListingError, match=r"the label 'open, door' has a comma in it: .*--label-separator ,"):
        Listed(path, multi_label=True)
    assert set(Listed(path, label_separator=",").clips[0].label) == {"open", "door"}
    assert Listed(path, multi_label=True, label_separator="").clips[0].label == ("open, door",)
    names = write(tmp_path / "names.txt", "open, door\nshut\n")
    assert Listed(path, multi_label=True, labels=str(names)).clips[0].label == ("open, door",)


def test_one_bad_label_makes_the_row_bad(tmp_path):
    names = write(tmp_path / "names.txt", "open\ndoor\n")
    path = write(
        tmp_path / "l.jsonl", '{"path": "a.mp4", "label": ["open", "wall"]}\n{"path": "b.mp4", "label": "door"}'
    )
    read = Listed(path, labels=str(names))
    assert labels_of(read) == {"b.mp4": {"door"}}
    assert [failure.message for failure in read.failures] == [f"unknown label wall: it is not in {names}"]


def test_names_and_numbers_stand_side_by_side(tmp_path):
    rows = [
        {"path": "a.mp4", "labels": ["open", "door"], "label_ids": [4, 2]},
        {"path": "b.mp4", "labels": ["door"], "label_ids": [2]},
        {"path": "c.mp4", "labels": ["open", "door"], "label_ids": [4]},
    ]
    read = Listed(write(tmp_path / "l.jsonl", "\n".join(map(json.dumps, rows))))
    assert [(clip.label, clip.label_number) for clip in read.clips] == [(("door", "open"), (2, 4)), (("door",), (2,))]
    assert [failure.message for failure in read.failures] == ["2 labels and 1 numbers of labels in one row"]


def test_frames_and_class_are_not_two_labels(tmp_path):
    path = write(tmp_path / "l.txt", "a.mp4 120 3\nb.mp4 80 0\n")
    with pytest.raises(ListingError, match="as of a clip's frames and its class"):
        resolve(ListingOptions((str(path),)))
    assert [clip.label for clip in Listed(path, multi_label=True).clips] == [("3", "120"), ("0", "80")]


def test_every_kth_class_and_only_the_labels_that_are_kept(tmp_path):
    rows = '{"path": "a.mp4", "label": ["a", "b"]}\n{"path": "b.mp4", "label": ["b"]}\n{"path": "c.mp4", "label": []}\n'
    read = Listed(write(tmp_path / "l.jsonl", rows), class_every=2)
    assert labels_of(read) == {"a.mp4": {"a"}, "c.mp4": set()}


def test_a_random_split_holds_its_share_of_the_rare_classes(tmp_path):
    lines = [
        json.dumps({"path": f"{n}.mp4", "label": ["common", *(["rare"] if n % 10 == 0 else [])]}) for n in range(200)
    ]
    read = Listed(write(tmp_path / "l.jsonl", "\n".join(lines)), splits={"train": 0.8, "val": 0.2})
    splits = read.splits()
    for label, clips in (("rare", 20), ("common", 200)):
        val = sum(label in clip.label and splits[clip.clip_id] == "val" for clip in read.clips)
        assert abs(val - 0.2 * clips) <= 1


def test_merged_rows_are_ledger_rows_that_name_the_one_that_stays(tmp_path):
    read = Listed(write(tmp_path / "l.csv", "path,label\na.mp4,open\na.mp4,door\na.mp4,open\n"))
    kept, failures = merge_rows(ListingOptions((), multi_label=True), read.items)
    assert [row.label for row in kept] == [("door", "open")]
    assert [(failure.row, failure.reason) for failure in failures] == [(2, "merged"), (4, "duplicate")]
    assert all(failure.message.endswith(f"a ({tmp_path}/l.csv:3)") for failure in failures)
