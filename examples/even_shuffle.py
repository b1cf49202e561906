"""How even a shuffle is: label-sorted images read through a buffer of a seventh of them, and by clipmill.

Draws index and label of each image against the order it came in, for both, and prints the peak memory of each. A buffer
cannot give an image earlier than its own size before its turn, so the classes of a sorted data set come one after the
other. clipmill computes a permutation of all images, without a buffer. TensorFlow.

    python examples/even_shuffle.py              # 2,100 images of 28 x 28
    python examples/even_shuffle.py --full       # 70,000 of them, a buffer of 10,000; the first 50,000 are drawn
"""

from __future__ import annotations

import argparse
import glob
import multiprocessing
import os
import resource
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

import clipmill
from clipmill.reader.evenness import scatter, unevenness

BATCH = 20


def make_images(folder: Path, count: int) -> None:
    """Write dark noise with a bright square, at a place of the class's own, into a folder for each of 10 classes."""
    random = np.random.default_rng(0)
    for number in range(count):
        label = number * 10 // count
        image = random.integers(0, 80, (28, 28), np.uint8)
        image[2 * label : 2 * label + 8, 10:18] = 230
        path = folder / str(label) / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)


def through_a_buffer(out: str, buffer: int) -> list[tuple[str, int]]:
    """Read id and label of the images in the order that TensorFlow's shuffle buffer gives them."""
    # Only the process that measures this loads TensorFlow.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    features = {name: tf.io.FixedLenFeature([], kind) for name, kind in (("id", tf.string), ("label", tf.int64))}
    features["video"] = tf.io.VarLenFeature(tf.string)

    def parse(record):  # type: ignore[no-untyped-def]
        image = tf.io.parse_single_example(record, features)
        return image["id"], image["label"], tf.io.decode_jpeg(image["video"].values[0])

    files = sorted(glob.glob(f"{out}/latest/*-train.tfrecord-*"))
    batches = tf.data.TFRecordDataset(files).shuffle(buffer, seed=0).map(parse).batch(BATCH)
    read = (zip(ids, labels, strict=True) for ids, labels, _ in batches.as_numpy_iterator())
    return [(name.decode(), int(label)) for batch in read for name, label in batch]


def by_clipmill(out: str, buffer: int) -> list[tuple[str, int]]:
    """Read them as clipmill shuffles them; there is no buffer."""
    batches = clipmill.open(out)["train"].batches(batch_size=BATCH, shuffle=True, seed=0)
    return [item for batch in batches for item in zip(batch["id"], batch["label"].tolist(), strict=True)]


def measure(read: Callable[[str, int], list[tuple[str, int]]], out: str, buffer: int) -> tuple[np.ndarray, float]:
    """Return (images, 2) index and label in the order read, and the peak memory in MB of the process that read them."""
    read_ids = read(out, buffer)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return np.array([(int(name.rpartition("/")[2]), label) for name, label in read_ids]), peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/examples"), help="a folder for images and pictures")
    parser.add_argument("--full", action="store_true", help="70,000 images")
    arguments = parser.parse_args()
    count = 70_000 if arguments.full else 2_100
    images, out = arguments.out / f"images-{count}", str(arguments.out / f"shuffled-{count}")
    make_images(images, count)
    clipmill.build(str(images), out=out)
    for name, read in (("buffer", through_a_buffer), ("clipmill", by_clipmill)):
        # A process of its own for each, so that each has a peak of its own.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            order, peak = pool.apply(measure, (read, out, count // 7))
        shown = order[: count * 5 // 7]
        print(f"{name}: unevenness of the labels {unevenness(order[:, 1]):.1f} (1 is random), peak {peak:.0f} MB")
        for column, what in enumerate(("index", "label")):
            print(f"-> {scatter(shown[:, column], what, arguments.out / f'even_shuffle_{name}_{what}.png')}")


if __name__ == "__main__":
    main()
