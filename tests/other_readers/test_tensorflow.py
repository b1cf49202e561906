"""What TensorFlow, TFDS and a plain decode function make of our files."""

from __future__ import annotations

import numpy as np
import pytest
from miniature import publish_miniature, read_code

from clipmill.layout import read_manifest, shard_path
from clipmill.storage import open_storage

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")


def files_of(mini, split):
    return sorted(str(p) for p in (mini.path / "versions" / mini.version).glob(f"*-{split}.tfrecord-*"))


def rows_of(mini, split):
    return [row for row in mini.rows if row["split"] == split]


def test_framing_is_tensorflows_own(tmp_path):
    mini = publish_miniature(tmp_path / "out")
    for shard in read_manifest(open_storage(str(mini.path))).shards:
        path = str(mini.path / shard_path(shard))
        with tf.io.TFRecordWriter(str(tmp_path / "again")) as writer:
            for record in tf.data.TFRecordDataset(path):
                writer.write(record.numpy())
        with open(path, "rb") as ours, open(tmp_path / "again", "rb") as theirs:
            assert ours.read() == theirs.read()


@pytest.mark.parametrize("schema", ["tfds", "frames"])
def test_parse_single_example(tmp_path, schema):
    mini = publish_miniature(tmp_path, schema=schema, unlabelled=(2,))
    frames, label, clip = {"tfds": ("video", "label", "id"), "frames": ("frames", "class_label", "id")}[schema]
    spec = {
        frames: tf.io.VarLenFeature(tf.string),
        label: tf.io.FixedLenFeature([], tf.int64),
        clip: tf.io.FixedLenFeature([], tf.string),
        "num_frames": tf.io.FixedLenFeature([], tf.int64),
        "height": tf.io.FixedLenFeature([], tf.int64),
        "width": tf.io.FixedLenFeature([], tf.int64),
        "start": tf.io.FixedLenFeature([], tf.int64),
        "fps": tf.io.FixedLenFeature([], tf.float32),
        "frame_index": tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True),
    }
    for split in ("train", "val"):
        records = tf.data.TFRecordDataset(files_of(mini, split))
        found = [tf.io.parse_single_example(record, spec) for record in records]
        for example, row in zip(found, rows_of(mini, split), strict=True):
            assert example[clip].numpy().decode() == row["clip_id"]
            assert example[label].numpy() == row["label_index"]
            assert tf.sparse.to_dense(example[frames]).numpy().tolist() == mini.frames[row["clip_id"]]
            assert example["num_frames"].numpy() == row["frames"]
            assert (example["width"].numpy(), example["height"].numpy()) == (row["width"], row["height"])
            assert example["start"].numpy() == (-1 if row["start"] is None else round(row["start"] * 1e6))
            assert example["fps"].numpy() == np.float32(row["fps"])
            assert example["frame_index"].numpy().tolist() == list(range(row["frames"]))


def test_parse_single_sequence_example(tmp_path):
    mini = publish_miniature(tmp_path, schema="mediaseq", unlabelled=(2,))
    context = {
        "example/id": tf.io.FixedLenFeature([], tf.string),
        "clip/label/index": tf.io.VarLenFeature(tf.int64),
        "clip/label/text": tf.io.VarLenFeature(tf.string),
        "image/format": tf.io.FixedLenFeature([], tf.string),
        "image/frame_rate": tf.io.FixedLenFeature([], tf.float32),
        "clip/start/timestamp": tf.io.FixedLenFeature([], tf.int64, default_value=-1),
    }
    lists = {
        "image/encoded": tf.io.FixedLenSequenceFeature([], tf.string),
        "image/timestamp": tf.io.FixedLenSequenceFeature([], tf.int64),
    }
    for split in ("train", "val"):
        records = tf.data.TFRecordDataset(files_of(mini, split))
        for record, row in zip(records, rows_of(mini, split), strict=True):
            said, frames = tf.io.parse_single_sequence_example(record, context, lists)
            assert said["example/id"].numpy().decode() == row["clip_id"]
            assert said["clip/label/index"].values.numpy().tolist() == [row["label_index"]]
            assert said["clip/label/text"].values.numpy().tolist() == [row["label_text"].encode()]
            assert said["image/format"].numpy() == b"JPEG"
            assert said["image/frame_rate"].numpy() == 25
            assert said["clip/start/timestamp"].numpy() == (1_500_000 if row["start"] else -1)
            assert frames["image/encoded"].numpy().tolist() == mini.frames[row["clip_id"]]
            assert frames["image/timestamp"].numpy().tolist() == mini.records[row["clip_id"]].timestamps


@pytest.mark.parametrize("schema", ["tfds", "frames"])
def test_tfds_opens_a_version(tmp_path, schema):
    tfds = pytest.importorskip("tensorflow_datasets")
    mini = publish_miniature(tmp_path, schema=schema, unlabelled=(2,), dataset="moving_shapes")
    video, label = {"tfds": ("video", "label"), "frames": ("frames", "class_label")}[schema]
    builder = tfds.builder_from_directory(mini.path / "versions" / mini.version)
    assert builder.info.name == "moving_shapes"
    assert builder.info.features[label].names == ["boxing", "diving", "juggling"]
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {"train": 8, "val": 4}
    assert builder.info.splits["train"].num_bytes == sum(row["length"] for row in rows_of(mini, "train"))
    rows = {row["clip_id"]: row for row in mini.rows}
    for split in ("train", "val"):
        seen = []
        for example in tfds.as_numpy(builder.as_dataset(split=split)):
            row = rows[example["id"].decode()]
            seen.append(row["clip_id"])
            assert example[label] == row["label_index"]
            assert example[video].shape == (row["frames"], row["height"], row["width"], 3)
            codes = [read_code(frame) for frame in example[video]]
            assert codes == [(mini.numbers[row["clip_id"]], frame) for frame in range(row["frames"])]
            assert example["frame_index"].tolist() == list(range(row["frames"]))
        assert sorted(seen) == sorted(row["clip_id"] for row in rows_of(mini, split))
    pairs = builder.as_dataset(split="train[:3]", as_supervised=True)
    assert [tuple(frames.shape)[1:] for frames, _ in pairs] == [(48, 64, 3)] * 3


@pytest.mark.parametrize("schema", ["tfds", "frames"])
def test_tfds_opens_lists_of_labels(tmp_path, schema):
    tfds = pytest.importorskip("tensorflow_datasets")
    mini = publish_miniature(tmp_path, schema=schema, unlabelled=(2,), multi_label=True)
    label, text = {"tfds": ("label", "label_text"), "frames": ("class_label", "class_text")}[schema]
    builder = tfds.builder_from_directory(mini.path / "versions" / mini.version)
    assert builder.info.features[label].feature.names == ["boxing", "diving", "juggling"]
    seen = {}
    for split in ("train", "val"):
        for example in tfds.as_numpy(builder.as_dataset(split=split)):
            assert example[label].dtype == np.int64
            seen[example["id"].decode()] = example[label].tolist(), [name.decode() for name in example[text]]
    wanted = {row["clip_id"]: (list(row["label_index"]), list(row["label_text"])) for row in mini.rows}
    assert seen == wanted and {len(labels) for labels, _ in wanted.values()} == {0, 1, 2}


def test_tfds_opens_a_set_without_labels_and_splits_of_other_names(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    mini = publish_miniature(tmp_path, labels=(), splits=("train", "held-out", "fold_1"))
    builder = tfds.builder_from_directory(mini.path / "versions" / mini.version)
    for split in ("train", "held-out", "fold_1"):
        assert [example["label"] for example in tfds.as_numpy(builder.as_dataset(split=split))] == [-1] * 4


def test_a_plain_decode_function(tmp_path):
    window = 64
    mini = publish_miniature(tmp_path, schema="frames", clips=6, lengths=[65, 80, 96], splits=("train",))

    def decode(record):
        spec = {
            "num_frames": tf.io.FixedLenFeature([], tf.int64),
            "height": tf.io.FixedLenFeature([], tf.int64),
            "width": tf.io.FixedLenFeature([], tf.int64),
            "channels": tf.io.FixedLenFeature([], tf.int64),
            "class_label": tf.io.FixedLenFeature([], tf.int64),
            "class_text": tf.io.FixedLenFeature([], tf.string),
            "filename": tf.io.FixedLenFeature([], tf.string),
            "frames": tf.io.VarLenFeature(tf.string),
        }
        example = tf.io.parse_single_example(record, spec)
        offset = tf.random.uniform([], 0, example["num_frames"] - window, dtype=tf.int64, seed=1)
        encoded = tf.sparse.to_dense(example["frames"], default_value="")[offset : offset + window]
        images = tf.map_fn(lambda frame: tf.io.decode_jpeg(frame, channels=3), encoded, fn_output_signature=tf.uint8)
        images = tf.reshape(images, [window, example["height"], example["width"], example["channels"]])
        return images, example["class_label"], example["filename"], offset

    dataset = tf.data.TFRecordDataset(files_of(mini, "train")).map(decode)
    seen = set()
    for images, label, filename, offset in dataset.as_numpy_iterator():
        clip = filename.decode().removeprefix("videos/").removesuffix(".avi")
        assert label == mini.records[clip].label_index
        assert images.shape == (window, 48, 64, 3)
        expected = [(mini.numbers[clip], offset + frame) for frame in range(window)]
        assert [read_code(image) for image in images] == expected
        seen.add(clip)
    assert len(seen) == 6
