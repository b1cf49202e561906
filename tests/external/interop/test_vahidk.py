"""vahidk's tfrecord, which reads without TensorFlow and looks at no checksum."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipmill.layout import read_manifest, shard_path
from clipmill.storage import open_storage

pytestmark = pytest.mark.interop
reader = pytest.importorskip("tfrecord.reader")


def places(built, split: str) -> list[tuple[str, str]]:
    shards = read_manifest(open_storage(str(built.path))).splits[split].shards
    paths = [Path(built.path, shard_path(shard)) for shard in shards]
    return [(str(path), str(path.with_suffix(".index"))) for path in paths]


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_frame_and_label_of_examples(built, split):
    found = {}
    wanted = {"video": "byte", "label": "int", "id": "byte"}
    for path, index in places(built, split):
        for row in reader.tfrecord_loader(path, index, wanted):
            frames = row["video"] if isinstance(row["video"], list) else row["video"].tolist()
            found[bytes(row["id"]).decode()] = int(row["label"][0]), [bytes(frame) for frame in frames]
    assert found == {name: (clip.label, clip.jpegs) for name, clip in built.splits[split].items()}


def test_every_frame_and_label_of_sequence_examples(built, exported):
    found = {}
    context = {"example/id": "byte", "clip/label/index": "int"}
    for path in sorted(map(str, exported("mediaseq").glob("*-train.tfrecord-*"))):
        for said, lists in reader.tfrecord_loader(path, None, context, sequence_description={"image/encoded": "byte"}):
            frames = [bytes(step[0] if isinstance(step, list) else step) for step in lists["image/encoded"]]
            found[bytes(said["example/id"]).decode()] = int(said["clip/label/index"][0]), frames
    assert found == {name: (clip.label, clip.jpegs) for name, clip in built.splits["train"].items()}


def test_the_index_shares_records_among_workers(built):
    (path, index), *_ = places(built, "train")
    halves = [[bytes(row["id"]) for row in reader.tfrecord_loader(path, index, {"id": "byte"}, (n, 2))] for n in (0, 1)]
    whole = [bytes(row["id"]) for row in reader.tfrecord_loader(path, None, {"id": "byte"})]
    assert [*halves[0], *halves[1]] == whole
