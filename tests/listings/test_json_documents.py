"""JSON documents of annotations, of each shape."""

from __future__ import annotations

import json

import pytest
from field_listings import ACTIVITYNET, DIVING48, FINEGYM, HVU, I3D, KINETICS, MSRVTT, SOMETHING, WLASL
from hypothesis import given, settings
from hypothesis import strategies as st
from listed import Listed, write

from clipmill.errors import ListingError
from clipmill.listings.json_shapes import shape_of


def read(tmp_path, document, name="l.json", indent=None, **options):
    return Listed(write(tmp_path / name, json.dumps(document, indent=indent)), **options)


@pytest.mark.parametrize("indent", [None, 2])
def test_activitynet_has_a_clip_for_each_segment(tmp_path, indent):
    found = read(tmp_path, ACTIVITYNET, indent=indent)
    assert found.options.format == "json"
    assert not found.failures
    ball, beer, test = found.clips
    assert (ball.video, ball.label, ball.split, ball.start, ball.end) == (
        "sJULzuSPcuk",
        "Ping-pong",
        "train",
        1.01,
        38.01,
    )
    assert (beer.label, beer.row, beer.group) == ("Drinking beer", 1, "sJULzuSPcuk")
    assert (test.video, test.label, test.split, test.start, test.row) == ("-A7kvJa9aXc", None, "test", None, 2)
    assert ball.extra == {
        "listing_duration": "139.84",
        "resolution": "320x240",
        "url": "https://example.com/sJULzuSPcuk",
    }
    assert len(found.by_id) == 3


def test_wrong_entries_are_ledger_rows_with_their_number(tmp_path):
    videos = {
        "a": 3,
        "b": {"annotations": [{"label": "x"}, {"label": "x", "segment": [2, 1]}, {"label": "x", "segment": [1, 2]}]},
        "c": {"annotations": "none"},
        "../d": {"annotations": []},
    }
    found = read(tmp_path, {"database": {"first": {"annotations": []}, **videos}}, videos=str(tmp_path))
    assert [clip.video for clip in found.clips] == ["first", "b"]
    assert [(failure.row, failure.message.partition(" (")[0]) for failure in found.failures] == [
        (2, "the entry of 'a' is no object"),
        (3, "an annotation of 'b' has no segment of two numbers"),
        (3, "bad time range: end 1 s is not after start 2 s"),
        (4, "an annotation of 'c' has no segment of two numbers"),
        (5, f"the path ../d leaves the root {tmp_path}"),
    ]


def test_kinetics_json_names_the_file_that_was_cut(tmp_path):
    (clip,) = read(tmp_path, KINETICS).clips
    assert (clip.clip_id, clip.video, clip.group) == (*["---QUuC4vJs_000084_000094"] * 2, "---QUuC4vJs")
    assert (clip.label, clip.split, clip.start, clip.end) == ("testifying", "train", 84, 94)


def test_something_something_has_templates_for_classes(tmp_path):
    found = read(tmp_path, SOMETHING, "something-something-v2-train.json")
    first = found.clips[0]
    assert (first.video, first.label, first.split) == ("78687", "Holding something next to something", "train")
    assert first.extra["caption"] == "holding potato next to vicks vaporub bottle"
    assert json.loads(first.extra["placeholders"]) == ["potato", "vicks vaporub bottle"]


def test_something_somethings_labels_json_numbers_the_classes(tmp_path):
    labels = {"Putting something behind something": "0", "Holding something next to something": "1", "Other": "2"}
    write(tmp_path / "something-something-v2-labels.json", json.dumps(labels))
    found = read(tmp_path, SOMETHING, "something-something-v2-train.json")
    assert found.classes() == list(labels)
    assert [clip.label_number for clip in found.clips] == [1, 0]


def test_i3ds_actions_are_segments_of_numbered_classes(tmp_path):
    found = read(tmp_path, {**I3D, "x": {"subset": "testing", "actions": [[1, 2.0], [3, 4.0, 5.0], 6]}})
    assert [(clip.video, clip.label, clip.split, clip.start, clip.end) for clip in found.clips] == [
        ("7UPGT", "77", "train", 12.1, 18.0),
        ("7UPGT", "79", "train", 12.1, 18.0),
        ("x", "3", "test", 4.0, 5.0),
    ]
    assert [failure.row for failure in found.failures] == [2, 2]
    both = read(tmp_path, I3D, multi_label=True)
    assert [clip.label for clip in both.clips] == [("77", "79")]


def test_wlasls_words_have_a_clip_for_each_instance(tmp_path):
    wrong = {"gloss": "go", "instances": [{"split": "train"}, {"video_id": "1", "frame_start": 9, "frame_end": 3}, 4]}
    found = read(tmp_path, [*WLASL, wrong, {"gloss": "run"}, 7])
    assert [(clip.clip_id, clip.label, clip.split, clip.frame_range) for clip in found.clips] == [
        ("69241", "book", "train", None),
        ("07069_f10_f75", "book", "val", (10, 75)),
        ("69302", "drink", "test", None),
    ]
    assert json.loads(found.clips[0].extra["bbox"]) == [385, 37, 885, 720]
    assert [failure.row for failure in found.failures] == [3, 3, 3, 4, 5]


def test_msr_vtts_videos_keep_their_sentences(tmp_path):
    document = {**MSRVTT, "videos": [*MSRVTT["videos"], 3, {"category": 1}]}
    found = read(tmp_path, document)
    assert [(clip.clip_id, clip.label, clip.split, clip.start) for clip in found.clips] == [
        ("video0", "9", "train", None),
        ("video1", "16", "val", None),
    ]
    extra = found.clips[0].extra
    assert json.loads(extra["captions"]) == ["a car is shown", "a man drives"]
    assert (extra["cut_from"], extra["cut_to"]) == ("137.72", "149.44")
    assert [failure.row for failure in found.failures] == [3, 4]


def test_finegyms_events_and_the_list_of_its_elements(tmp_path):
    (event,) = read(tmp_path, FINEGYM).clips
    assert (event.clip_id, event.label, event.start, event.end) == (
        *("A0xAXXysHUo_E_002184_002237", "1", 2184.0, 2237.5),
    )
    name = "A0xAXXysHUo_E_002184_002237_A_0035_0036"
    (element,) = Listed(write(tmp_path / "gym99_train_element_v1.1.txt", f"{name} 7\n")).clips
    assert (element.video, element.label) == (name, "7")


def test_lists_of_objects(tmp_path):
    (dive,) = read(tmp_path, DIVING48).clips
    assert (dive.video, dive.label, dive.frame_range) == ("dWVAMUzgmVE_00000", "26", (0, 89))
    (tagged,) = read(tmp_path, HVU).clips
    assert (tagged.video, set(tagged.label)) == ("tmp.mp4", {"action/180", "scene/206", "scene/3"})
    found = read(tmp_path, [{"path": "a.mp4"}, 3, {"path": "b.mp4", "label": {"x": 1}}, {"path": "c.mp4"}])
    assert [clip.row for clip in found.clips] == [1, 4]
    assert [failure.row for failure in found.failures] == [2, 3]


def test_a_document_in_one_long_line_is_read(tmp_path):
    videos = {f"{number:011d}": {"annotations": [], "url": "x" * 200} for number in range(1000)}
    assert len(read(tmp_path, {"database": videos}).clips) == 1000


@pytest.mark.parametrize("document", [{"a": 1}, {"a": {"b": 1}}, [], [[1]], [{"name": 1}], {"database": 3}, {}, "x"])
def test_other_documents_are_refused(tmp_path, document):
    with pytest.raises(ListingError, match="this looks like"):
        read(tmp_path, document)


def test_a_cut_document_is_refused(tmp_path):
    with pytest.raises(ListingError, match="JSON of no known shape"):
        Listed(write(tmp_path / "l.json", json.dumps(ACTIVITYNET)[:-3]))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["annotations", "segment", "label", "path", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=6), VALUES, max_size=4), VALUES)
@settings(max_examples=100, deadline=None)
def test_whatever_an_entry_holds_it_is_rows_or_a_ledger_row(tmp_path_factory, videos, label):
    database = {"first": {"annotations": [{"segment": [0, 1], "label": label}]}, **videos}
    try:
        found = read(tmp_path_factory.mktemp("json"), {"database": database})
    except ListingError:
        return
    rows = {item.row for item in found.items}
    assert rows == set(range(1, len(database) + 1))


def test_shapes_do_not_overlap():
    def raw(document):
        import msgspec

        return msgspec.json.decode(json.dumps(document), type=dict[str, msgspec.Raw] | list[msgspec.Raw])

    shapes = [shape_of(raw(document)) for document in (ACTIVITYNET, FINEGYM, DIVING48)]
    assert len(set(shapes)) == 3 and None not in shapes
