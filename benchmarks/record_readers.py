"""Windows read from data sets of JPEGs: by clipmill, by TensorFlow in three ways, and the decoding alone.

Each function gives batches without end: how many windows each has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.rates import BATCH, Case


def bare(data: Path, case: Case) -> Iterator[int]:
    """Decode the JPEGs of random windows into one buffer."""
    import simplejpeg

    import clipmill
    from clipmill.reader import RandomWindow

    batches = clipmill.open(str(data / "tfds"))["train"].batches(
        RandomWindow(case.frames), batch_size=BATCH, shuffle=True, decode=False, fields=["frames"]
    )
    windows = [window.tolist() for batch in batches for window in batch["frames"]]
    buffer = bytearray(1 << 20)
    while True:
        for window in windows:
            for jpeg in window:
                simplejpeg.decode_jpeg(jpeg, "RGB", False, False, buffer=buffer)
            yield 1


def ours(data: Path, case: Case) -> Iterator[int]:
    """Our reader."""
    import clipmill
    from clipmill.reader import RandomCrop, RandomResizedCrop, RandomWindow

    batches = clipmill.open(str(data / "tfds"))["train"].batches(
        RandomWindow(case.frames),
        augment=[RandomResizedCrop(case.size) if case.resized else RandomCrop(case.size)],
        batch_size=BATCH,
        shuffle=True,
        fields=["frames", "label"],
    )
    while True:
        for batch in batches:
            assert batch["frames"].shape[1:] == (case.frames, case.size, case.size, 3)
            yield len(batch["frames"])


def tuned(data: Path, case: Case) -> Iterator[int]:
    """tf.data, tuned by hand."""
    import tensorflow as tf

    def part(height: Any, width: Any) -> Any:
        if case.resized:
            begin, size, _ = tf.image.sample_distorted_bounding_box(
                tf.stack([height, width, 3]),
                tf.zeros((1, 0, 4)),
                min_object_covered=0.0,
                aspect_ratio_range=(3 / 4, 4 / 3),
                area_range=(0.08, 1.0),
                max_attempts=10,
                use_image_if_no_bounding_boxes=True,
            )
            return tf.concat([begin[:2], size[:2]], 0)
        top = tf.random.uniform([], 0, height - case.size + 1, tf.int32)
        left = tf.random.uniform([], 0, width - case.size + 1, tf.int32)
        return tf.stack([top, left, case.size, case.size])

    def window(record: Any) -> tuple[Any, Any]:
        context, lists = tf.io.parse_single_sequence_example(
            record,
            {
                "clip/label/index": tf.io.FixedLenFeature([], tf.int64),
                "image/height": tf.io.FixedLenFeature([], tf.int64),
                "image/width": tf.io.FixedLenFeature([], tf.int64),
            },
            {"image/encoded": tf.io.FixedLenSequenceFeature([], tf.string)},
        )
        jpegs = lists["image/encoded"]
        first = tf.random.uniform([], 0, tf.shape(jpegs)[0] - case.frames + 1, tf.int32)
        height, width = (tf.cast(context[f"image/{side}"], tf.int32) for side in ("height", "width"))
        box = part(height, width)
        side = None if case.resized else case.size
        frames = tf.map_fn(
            lambda jpeg: tf.io.decode_and_crop_jpeg(jpeg, box, channels=3),
            jpegs[first : first + case.frames],
            fn_output_signature=tf.TensorSpec((side, side, 3), tf.uint8),
        )
        if case.resized:
            frames = tf.cast(tf.image.resize(frames, (case.size, case.size)), tf.uint8)
        return frames, context["clip/label/index"]

    return _batches(tf, case, _records(tf, data).map(window, tf.data.AUTOTUNE, deterministic=False).batch(BATCH))


def dmvr(data: Path, case: Case, floats: bool = True) -> Iterator[int]:
    """What DMVR's builders make: sample, decode, resize the shorter side, crop, flip, normalise."""
    import tensorflow as tf

    def window(record: Any) -> tuple[Any, Any]:
        context, lists = tf.io.parse_single_sequence_example(
            record,
            {"clip/label/index": tf.io.FixedLenFeature([], tf.int64)},
            {
                "image/encoded": tf.io.FixedLenSequenceFeature([], tf.string),
                "image/timestamp": tf.io.FixedLenSequenceFeature([], tf.int64),
            },
        )
        jpegs = lists["image/encoded"]
        first = tf.random.uniform([], 0, tf.shape(jpegs)[0] - case.frames + 1, tf.int32)
        frames = tf.map_fn(
            lambda jpeg: tf.io.decode_jpeg(jpeg, channels=3),
            jpegs[first : first + case.frames],
            fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
            parallel_iterations=10,
        )
        size = tf.shape(frames)[1:3]
        size = tf.cast(tf.round(tf.cast(size * 256, tf.float32) / tf.cast(tf.reduce_min(size), tf.float32)), tf.int32)
        frames = tf.cast(tf.image.resize(frames, size), tf.uint8)
        frames = tf.image.random_crop(frames, (case.frames, case.size, case.size, 3))
        frames = tf.cond(tf.random.uniform([]) < 0.5, lambda: tf.reverse(frames, [2]), lambda: frames)
        if floats:
            frames = tf.image.convert_image_dtype(frames, tf.float32)
        return frames, context["clip/label/index"]

    return _batches(tf, case, _records(tf, data).map(window, tf.data.AUTOTUNE, deterministic=False).batch(BATCH))


def dmvr_uint8(data: Path, case: Case) -> Iterator[int]:
    """DMVR's pattern without its last step."""
    return dmvr(data, case, floats=False)


def tfds(data: Path, case: Case) -> Iterator[int]:
    """TFDS, and then a window."""
    import tensorflow as tf
    import tensorflow_datasets

    folder = (data / "tfds" / "latest").resolve()
    clips = tensorflow_datasets.builder_from_directory(str(folder)).as_dataset(split="train", shuffle_files=True)

    def window(clip: Any) -> tuple[Any, Any]:
        first = tf.random.uniform([], 0, tf.shape(clip["video"])[0] - case.frames + 1, tf.int32)
        return tf.image.random_crop(
            clip["video"][first : first + case.frames], (case.frames, case.size, case.size, 3)
        ), clip["label"]

    return _batches(tf, case, clips.repeat().map(window, tf.data.AUTOTUNE, deterministic=False).batch(BATCH))


def _records(tf: Any, data: Path) -> Any:
    files = sorted(str(path) for path in (data / "mediaseq" / "latest").resolve().glob("*.tfrecord-*"))
    records = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files)).repeat()
    return records.interleave(
        tf.data.TFRecordDataset, cycle_length=4, num_parallel_calls=tf.data.AUTOTUNE, deterministic=False
    ).shuffle(64)


def _batches(tf: Any, case: Case, dataset: Any) -> Iterator[int]:
    for frames, _ in dataset.prefetch(tf.data.AUTOTUNE):
        assert frames.shape == (BATCH, case.frames, case.size, case.size, 3)
        yield BATCH


#: Those that are measured in all cases, then those that only cut out.
ANY_CASE: dict[str, Callable[[Path, Case], Iterator[int]]] = {"clipmill": ours, "tf.data": tuned}
CUTTING: dict[str, Callable[[Path, Case], Iterator[int]]] = {
    "bare": bare,
    "dmvr": dmvr,
    "dmvr-uint8": dmvr_uint8,
    "tfds": tfds,
}
