"""`--schema pairs --encoding raw`, read as the recipe for images with masks reads its records, by TensorFlow alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from commanding import built

import clipmill
from clipmill.reader import CropOrPad

pytestmark = [pytest.mark.tensorflow, pytest.mark.shared_data]
tf = pytest.importorskip("tensorflow")

SIDE = 384


def read_and_decode(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Parse, decode, reshape, and bring image and mask to one size."""
    found = tf.io.parse_single_example(
        record,
        {
            "height": tf.io.FixedLenFeature([], tf.int64),
            "width": tf.io.FixedLenFeature([], tf.int64),
            "image_raw": tf.io.FixedLenFeature([], tf.string),
            "mask_raw": tf.io.FixedLenFeature([], tf.string),
        },
    )
    height, width = tf.cast(found["height"], tf.int32), tf.cast(found["width"], tf.int32)
    image = tf.reshape(tf.io.decode_raw(found["image_raw"], tf.uint8), [height, width, 3])
    mask = tf.reshape(tf.io.decode_raw(found["mask_raw"], tf.uint8), [height, width, 1])
    return tuple(tf.image.resize_with_crop_or_pad(part, SIDE, SIDE) for part in (image, mask))


@pytest.mark.parametrize("name", ["voc2011_labelme_semantic", "camvid"])
def test_batches_are_those_of_the_recipe_and_ours(shared_data: Path, tmp_path: Path, name: str) -> None:
    words = ("--format", "voc", "--schema", "pairs", "--encoding", "raw", "--workers", 1)
    built(shared_data / "masks" / name, "--out", tmp_path / "out", *words)
    files = sorted(map(str, (tmp_path / "out/latest").glob("*.tfrecord-*")))
    batches = tf.data.TFRecordDataset(files).map(read_and_decode).shuffle(100, seed=1).batch(2, drop_remainder=True)
    for images, masks in batches:
        assert images.shape == (2, SIDE, SIDE, 3) and masks.shape == (2, SIDE, SIDE, 1)
    in_order = list(tf.data.TFRecordDataset(files).map(read_and_decode).as_numpy_iterator())
    ours = clipmill.open(str(tmp_path / "out")).all.batches(
        augment=[CropOrPad((SIDE, SIDE), mask_fill=0)], batch_size=1
    )
    for (image, mask), batch in zip(in_order, ours, strict=True):
        np.testing.assert_array_equal(batch["image"][0], image)
        np.testing.assert_array_equal(batch["mask"][0], mask[..., 0])


def test_encoded_pairs_are_read_too(shared_data: Path, tmp_path: Path) -> None:
    built(
        shared_data / "masks/voc2011_labelme_semantic", "--out", tmp_path / "out", "--schema", "pairs", "--workers", 1
    )
    data = clipmill.open(str(tmp_path / "out")).all
    ours = {batch["id"][0]: batch for batch in data.batches(batch_size=1)}
    keys = {key: tf.io.FixedLenFeature([], tf.string) for key in ("image/encoded", "mask/encoded", "id")}
    for record in tf.data.TFRecordDataset(sorted(map(str, (tmp_path / "out/latest").glob("*.tfrecord-*")))):
        found = tf.io.parse_single_example(record, keys)
        batch = ours[found["id"].numpy().decode()]
        image = tf.io.decode_jpeg(found["image/encoded"], dct_method="INTEGER_ACCURATE")
        np.testing.assert_array_equal(batch["image"][0], image)
        np.testing.assert_array_equal(batch["mask"][0], tf.io.decode_png(found["mask/encoded"])[..., 0])
    for path in ("indexed", "streaming"):
        batches = data.batches(augment=[CropOrPad(64)], batch_size=3, path=path).tf("image", "mask")
        assert [tuple(part.shape) for part in next(iter(batches))] == [(3, 64, 64, 3), (3, 64, 64)]
