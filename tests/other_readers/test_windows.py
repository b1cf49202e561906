"""`clipmill export --to windows`, read as the recipe for stateful models on image sequences reads its records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from commanding import built, clipmill

import clipmill as library
from clipmill.reader import WholeClip

pytestmark = [pytest.mark.tensorflow, pytest.mark.shared_data]
tf = pytest.importorskip("tensorflow")

#: Classes of which there are several clips.
CLASSES = ["BabyCrawling", "Biking", "Diving"]


class DataSequenceReader:
    """Batches of consecutive windows: parse, decode, one rotation for all frames of a sequence, repeat, batch."""

    def __init__(self, files: Sequence[str], batch_size: int, turns: int = 0, epochs: int = 1) -> None:
        self.batch_size = batch_size
        self.turns = turns
        self.epochs = epochs
        self.files = files

    def parse(self, record: tf.Tensor) -> dict[str, tf.Tensor]:
        numbers = {key: tf.io.FixedLenFeature([], tf.int64) for key in ("length", "height", "width", "depth")}
        text = {key: tf.io.FixedLenFeature([], tf.string) for key in ("name", "frames")}
        lists = {
            "Images": tf.io.FixedLenSequenceFeature([], tf.string),
            "Labels": tf.io.FixedLenSequenceFeature([], tf.int64),
        }
        context, sequence = tf.io.parse_single_sequence_example(record, numbers | text, lists)
        shape = [context[key] for key in ("length", "height", "width", "depth")]
        images = tf.reshape(tf.io.decode_raw(sequence["Images"], tf.uint8), shape)
        images = tf.map_fn(lambda image: tf.image.rot90(image, self.turns), images)
        return {"images": images, "labels": sequence["Labels"], "name": context["name"], "frames": context["frames"]}

    def batches(self) -> tf.data.Dataset:
        records = tf.data.TFRecordDataset(self.files).map(self.parse)
        return records.repeat(self.epochs).batch(self.batch_size, drop_remainder=True)


@pytest.fixture(scope="module")
def exported(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("windows")
    videos = folder / "videos"
    for name in CLASSES:
        source = shared_data / "videos" / "ucf101" / name
        if source.is_dir():
            (videos / name).parent.mkdir(exist_ok=True)
            (videos / name).symlink_to(source)
    built(videos, "--out", folder / "ucf", "--every", 5)
    ran = clipmill("export", folder / "ucf", "--to", "windows", "--sequence-length", 5, "--batch-size", 4,
                   "--first-label", 1, "--dest", folder / "x")  # fmt: skip
    assert ran.code == 0, ran.err
    return folder


def test_a_batch_s_next_batch_goes_on_with_the_same_clips(exported: Path) -> None:
    files = sorted(map(str, (exported / "x").glob("*-train.tfrecord-*")))
    batches = list(DataSequenceReader(files, 4).batches())
    before: list[bytes] = []
    step = 0
    for batch in batches:
        assert batch["images"].shape == (4, 5, 240, 320, 3) and batch["images"].dtype == tf.uint8
        names = batch["name"].numpy().tolist()
        step = step + 1 if names == before else 0
        before = names
        numbers = "".join(f"frame{25 * step + 5 * k}" for k in range(5)).encode()
        assert batch["frames"].numpy().tolist() == [numbers] * 4
        assert len(set(names)) == 4
    assert step >= 1


def test_pixels_and_labels_are_the_reader_s(exported: Path) -> None:
    files = sorted(map(str, (exported / "x").glob("*-train.tfrecord-*")))
    data = library.open(str(exported / "ucf"))["train"]
    stored = {}
    for batch in data.batches(WholeClip(), batch_size=1, shuffle=False, fields=["frames", "label", "id"]):
        name = str(batch["id"][0]).rpartition("/")[2].removeprefix("v_")
        stored[name] = (np.array(batch["frames"][0]), int(batch["label"][0]))
    for one in DataSequenceReader(files, 1).batches():
        name = one["name"].numpy()[0].decode()
        first = int(one["frames"].numpy()[0].decode().split("frame")[1]) // 5
        pixels, label = stored[name]
        assert np.array_equal(one["images"].numpy()[0], pixels[first : first + 5])
        assert one["labels"].numpy()[0].tolist() == [label + 1] * 5
