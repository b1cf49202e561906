from __future__ import annotations

import json

import pytest
from miniature import publish_miniature

from clipmill.dataset.tfds_files import is_label, tables
from clipmill.errors import UsageError
from clipmill.layout import Manifest, ShardEntry, SplitEntry, read_manifest
from clipmill.records import get_schema
from clipmill.storage import open_storage


def manifest(dataset="ucf101", splits=("train", "test")):
    shards = {f"s{n}": ShardEntry(n + 2, 10, 100 + n, "", "", "") for n in range(2)}
    entries = {name: SplitEntry(5, 20, 28294, ["s0", "s1"]) for name in splits}
    return Manifest(1, "v", dataset, "tfds", 1, "jpeg", {}, "", entries, shards)


def test_the_json_is_in_the_form_that_tfds_reads():
    files = tables(manifest(), ["Archery", "Biking"], get_schema("tfds"))
    assert sorted(files) == ["dataset_info.json", "features.json", "label.labels.txt"]
    assert files["label.labels.txt"] == b"Archery\nBiking\n"
    info = json.loads(files["dataset_info.json"])
    assert info["splits"][0] == {
        "name": "train",
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        "shardLengths": ["2", "3"],
        "numBytes": "28294",
    }
    assert [split["name"] for split in info["splits"]] == ["train", "test"]
    assert info["supervisedKeys"] == {"tuple": {"items": [{"featureKey": "video"}, {"featureKey": "label"}]}}
    assert (info["name"], info["version"], info["fileFormat"]) == ("ucf101", "1.0.0", "tfrecord")
    features = json.loads(files["features.json"])["featuresDict"]["features"]
    assert features["label"]["classLabel"] == {"numClasses": "2"}
    assert features["video"]["video"]["shape"]["dimensions"] == ["-1", "-1", "-1", "3"]


def test_labels_stand_under_the_name_of_the_label_feature_too():
    files = tables(manifest(), ["Archery"], get_schema("frames"))
    assert files["class_label.labels.txt"] == files["label.labels.txt"] == b"Archery\n"
    info = json.loads(files["dataset_info.json"])
    assert [item["featureKey"] for item in info["supervisedKeys"]["tuple"]["items"]] == ["frames", "class_label"]


def test_sequence_examples_have_labels_only():
    assert tables(manifest(), ["Archery"], get_schema("mediaseq")) == {"label.labels.txt": b"Archery\n"}


def test_splits_stand_in_one_order_whatever_the_manifests():
    one = tables(manifest(splits=("extra", "test", "train")), [], get_schema("tfds"))
    assert one == tables(manifest(splits=("train", "extra", "test")), [], get_schema("tfds"))
    assert [split["name"] for split in json.loads(one["dataset_info.json"])["splits"]] == ["train", "test", "extra"]


@pytest.mark.parametrize(
    ("of", "labels", "message"),
    [
        (manifest(dataset="ucf-101"), [], "--name ucf-101: "),
        (manifest(dataset="101"), [], "--name 101: "),
        (manifest(splits=("tr/ain",)), [], "split 'tr/ain': "),
        (manifest(splits=("all",)), [], "split 'all': "),
        (manifest(), ["a", "b", "a"], "label 'a': 2 classes have this name"),
        (manifest(), ["a", ""], "label '': "),
        (manifest(), ["a\nb"], "label 'a\\nb': "),
        (manifest(), [" a"], "label ' a': "),
    ],
)
def test_names_that_no_table_can_hold_are_refused(of, labels, message):
    with pytest.raises(UsageError) as caught:
        tables(of, labels, get_schema("tfds"))
    assert str(caught.value).startswith(message)


def test_the_miniature_holds_its_tables(tmp_path):
    mini = publish_miniature(tmp_path)
    made = tables(read_manifest(open_storage(str(tmp_path))), ["boxing", "diving", "juggling"], get_schema("tfds"))
    for name, data in made.items():
        assert (tmp_path / "versions" / mini.version / name).read_bytes() == data


@pytest.mark.parametrize("name", ["", " ", " Archery", "Archery\t", "two\nlines", "two\x0blines", "two\u2028lines"])
def test_what_a_label_file_cannot_hold_is_no_label(name):
    assert not is_label(name)
    with pytest.raises(UsageError, match="a label is one line of text without blanks around it"):
        tables(manifest(), [name], get_schema("tfds"))


@pytest.mark.parametrize("name", ["Archery", "playing guitar", "Ölmühle, 2nd floor", "7"])
def test_one_line_of_text_is_a_label(name):
    assert is_label(name)
