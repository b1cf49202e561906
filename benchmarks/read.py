"""The reader beside other ways to read the same clips, in one run.

    python -m benchmarks.read VIDEOS [--windows N] [--rounds N] [--only NAME ...]

VIDEOS is a folder per class of real clips; those of at least 65 frames are built, each four times
so that an epoch is more than a few batches, in the two forms of record that the others want.
Everyone gives random windows of 64 frames as 224 x 224 uint8, in batches of 8; each runs in a
process of its own, with all cores, and is measured after a first pass: CPU of the whole process
and wall time.

    bare        decodes the JPEGs of such windows, held in memory, one after the other, and nothing else
    clipmill    clipmill.open(...)["train"].batches(...)
    tf.data     tuned by hand: sample first, decode_and_crop only those frames, AUTOTUNE, not deterministic
    dmvr        the pattern of DMVR: parse everything, decode the sampled frames whole, resize, crop, flip; then
                to floats in [0, 1], as it does
    dmvr-uint8  the same without the last step
    tfds        tfds.builder_from_directory(...).as_dataset(), which decodes every frame
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.build import make_set

FRAMES, SIZE, BATCH = 64, 224, 8
#: Windows before the measurement begins; TensorFlow tunes itself meanwhile.
WARM_UP = 96


def bare(data: Path) -> Iterator[int]:
    """Decode the JPEGs of random windows into one buffer."""
    import simplejpeg

    import clipmill
    from clipmill.reader import RandomWindow

    batches = clipmill.open(str(data / "tfds"))["train"].batches(
        RandomWindow(FRAMES), batch_size=BATCH, shuffle=True, decode=False, fields=["frames"]
    )
    windows = [window.tolist() for batch in batches for window in batch["frames"]]
    buffer = bytearray(1 << 20)
    while True:
        for window in windows:
            for jpeg in window:
                simplejpeg.decode_jpeg(jpeg, "RGB", False, False, buffer=buffer)
            yield 1


def ours(data: Path) -> Iterator[int]:
    """Our reader."""
    import clipmill
    from clipmill.reader import RandomCrop, RandomWindow

    batches = clipmill.open(str(data / "tfds"))["train"].batches(
        RandomWindow(FRAMES), augment=[RandomCrop(SIZE)], batch_size=BATCH, shuffle=True, fields=["frames", "label"]
    )
    while True:
        for batch in batches:
            assert batch["frames"].shape[1:] == (FRAMES, SIZE, SIZE, 3)
            yield len(batch["frames"])


def tuned(data: Path) -> Iterator[int]:
    """tf.data, tuned by hand."""
    import tensorflow as tf

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
        first = tf.random.uniform([], 0, tf.shape(jpegs)[0] - FRAMES + 1, tf.int32)
        top = tf.random.uniform([], 0, tf.cast(context["image/height"], tf.int32) - SIZE + 1, tf.int32)
        left = tf.random.uniform([], 0, tf.cast(context["image/width"], tf.int32) - SIZE + 1, tf.int32)
        box = tf.stack([top, left, SIZE, SIZE])
        frames = tf.map_fn(
            lambda jpeg: tf.io.decode_and_crop_jpeg(jpeg, box, channels=3),
            jpegs[first : first + FRAMES],
            fn_output_signature=tf.TensorSpec((SIZE, SIZE, 3), tf.uint8),
        )
        return frames, context["clip/label/index"]

    return _batches(tf, _records(tf, data).map(window, tf.data.AUTOTUNE, deterministic=False).batch(BATCH))


def dmvr(data: Path, floats: bool = True) -> Iterator[int]:
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
        first = tf.random.uniform([], 0, tf.shape(jpegs)[0] - FRAMES + 1, tf.int32)
        frames = tf.map_fn(
            lambda jpeg: tf.io.decode_jpeg(jpeg, channels=3),
            jpegs[first : first + FRAMES],
            fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8),
            parallel_iterations=10,
        )
        size = tf.shape(frames)[1:3]
        size = tf.cast(tf.round(tf.cast(size * 256, tf.float32) / tf.cast(tf.reduce_min(size), tf.float32)), tf.int32)
        frames = tf.cast(tf.image.resize(frames, size), tf.uint8)
        frames = tf.image.random_crop(frames, (FRAMES, SIZE, SIZE, 3))
        frames = tf.cond(tf.random.uniform([]) < 0.5, lambda: tf.reverse(frames, [2]), lambda: frames)
        if floats:
            frames = tf.image.convert_image_dtype(frames, tf.float32)
        return frames, context["clip/label/index"]

    return _batches(tf, _records(tf, data).map(window, tf.data.AUTOTUNE, deterministic=False).batch(BATCH))


def dmvr_uint8(data: Path) -> Iterator[int]:
    """DMVR's pattern without its last step."""
    return dmvr(data, floats=False)


def tfds(data: Path) -> Iterator[int]:
    """TFDS, and then a window."""
    import tensorflow as tf
    import tensorflow_datasets

    folder = (data / "tfds" / "latest").resolve()
    clips = tensorflow_datasets.builder_from_directory(str(folder)).as_dataset(split="train", shuffle_files=True)

    def window(clip: Any) -> tuple[Any, Any]:
        first = tf.random.uniform([], 0, tf.shape(clip["video"])[0] - FRAMES + 1, tf.int32)
        return tf.image.random_crop(clip["video"][first : first + FRAMES], (FRAMES, SIZE, SIZE, 3)), clip["label"]

    return _batches(tf, clips.repeat().map(window, tf.data.AUTOTUNE, deterministic=False).batch(BATCH))


def _records(tf: Any, data: Path) -> Any:
    files = sorted(str(path) for path in (data / "mediaseq" / "latest").resolve().glob("*.tfrecord-*"))
    records = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files)).repeat()
    return records.interleave(
        tf.data.TFRecordDataset, cycle_length=4, num_parallel_calls=tf.data.AUTOTUNE, deterministic=False
    ).shuffle(64)


def _batches(tf: Any, dataset: Any) -> Iterator[int]:
    for frames, _ in dataset.prefetch(tf.data.AUTOTUNE):
        assert frames.shape == (BATCH, FRAMES, SIZE, SIZE, 3)
        yield BATCH


CONTENDERS: dict[str, Callable[[Path], Iterator[int]]] = {
    "bare": bare,
    "clipmill": ours,
    "tf.data": tuned,
    "dmvr": dmvr,
    "dmvr-uint8": dmvr_uint8,
    "tfds": tfds,
}


def run(name: str, data: Path, windows: int) -> dict[str, float]:
    """Windows per CPU-second of this process and per second, after a warm-up."""
    coming = CONTENDERS[name](data)
    done = 0
    while done < WARM_UP:
        done += next(coming)
    began, cpu, done = time.perf_counter(), _cpu(), 0
    while done < windows:
        done += next(coming)
    return {"cpu": done / (_cpu() - cpu), "wall": done / (time.perf_counter() - began)}


def bytes_read(data: Path) -> dict[str, float]:
    """Bytes of shards that are read, over those of the frames wanted."""
    import clipmill
    from clipmill.reader import RandomWindow, Segments

    clips = clipmill.open(str(data / "tfds"))["train"]
    source = clips.table.shards[0][1]
    whole = source.read
    read = []

    def counted(path: str, ranges: Any, **options: Any) -> Any:
        if path.endswith(".tfrecord"):
            read.extend(end - start for start, end in ranges)
        return whole(path, ranges, **options)

    source.read = counted  # type: ignore[method-assign]
    found = {}
    for name, sampler in (
        ("64 in a row", RandomWindow(64)),
        ("16 in a row", RandomWindow(16)),
        ("16, stride 4", RandomWindow(16, stride=4)),
        ("8 segments", Segments(8)),
    ):
        read.clear()
        batches = clips.batches(sampler, batch_size=BATCH, shuffle=True, decode=False)
        wanted = sum(len(jpeg) for batch in batches for window in batch["frames"] for jpeg in set(window.tolist()))
        found[name] = sum(read) / wanted
    return found


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--windows", type=int, default=480)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--run", choices=CONTENDERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(run(arguments.run, arguments.videos, arguments.windows)))
        return 0
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as folder:
        data = Path(folder)
        videos = make_set(arguments.videos, data / "videos", 4)
        for schema in ("tfds", "mediaseq"):
            build = [sys.executable, "-m", "pipeline", "build", str(videos), "--out", str(data / schema)]
            subprocess.run([*build, "--schema", schema, "--min-frames", "65"], check=True, stdout=subprocess.DEVNULL)
        rounds = [
            {name: _measured(name, data, arguments.windows) for name in arguments.only} for _ in range(arguments.rounds)
        ]
        print(_table(rounds))
        print("bytes read over the window's own: " + ", ".join(f"{n} {x:.3f}" for n, x in bytes_read(data).items()))
    return 0


def _measured(name: str, data: Path, windows: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.read", str(data), "--run", name, "--windows", str(windows)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _table(rounds: list[dict[str, dict[str, float]]]) -> str:
    lines = [f"{'':10} {'windows per CPU-second':>24} {'windows per second':>20} {'clipmill is':>14}"]
    for name in rounds[0]:
        cpu, wall = ([each[name][kind] for each in rounds] for kind in ("cpu", "wall"))
        ratios = [each["clipmill"]["cpu"] / each[name]["cpu"] for each in rounds if "clipmill" in each]
        spread = f"({min(cpu):.1f}-{max(cpu):.1f})"
        text = f"{name:10} {statistics.median(cpu):10.1f} {spread:>13} {statistics.median(wall):>20.1f}"
        lines.append(f"{text} {f'{statistics.median(ratios):.2f}x' if ratios else '':>18}")
    return "\n".join(lines)


def _cpu() -> float:
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usage)


if __name__ == "__main__":
    sys.exit(main())
