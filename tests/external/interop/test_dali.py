"""NVIDIA DALI on the CPU: videos of `export --to mjpeg`, and shards in place, of which it sees the first frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clipmill.layout import read_manifest, shard_path
from clipmill.storage import open_storage

pytestmark = pytest.mark.interop
dali = pytest.importorskip("nvidia.dali")

#: Levels by which its decoder differs at most, and on average.
MOST, MEAN = 6, 0.4


def close(found, expected):
    difference = np.abs(found.astype(int) - expected)
    return difference.max() <= MOST and difference.mean() <= MEAN


def test_every_frame_and_label_of_videos(built, exported):
    folder = exported("mjpeg")
    names = {str(path.relative_to(folder)): path for path in folder.rglob("*.mp4")}
    assert len(names) == len(built.clips)
    paths = sorted(map(str, names.values()))

    @dali.pipeline_def(batch_size=1, num_threads=1, device_id=None)
    def videos():
        encoded, number = dali.fn.readers.file(files=paths, labels=list(range(len(paths))))
        return dali.fn.decoders.video(encoded, device="cpu"), number

    pipe = videos()
    pipe.build()
    left = dict(built.clips)
    for _ in paths:
        frames, number = pipe.run()
        path = Path(paths[int(number.at(0)[0])])
        (name,) = [name for name in left if Path(name).stem == path.stem]
        clip = left.pop(name)
        assert frames.at(0).shape == clip.frames.shape and close(frames.at(0), clip.frames)
    assert not left


def test_shards_in_place_give_labels_and_first_frames(built):
    shards = [shard_path(s) for s in read_manifest(open_storage(str(built.path))).splits["val"].shards]
    paths = [str(Path(built.path, shard)) for shard in shards]
    indexes = [str(Path(path).with_suffix(".index")) for path in paths]
    tfrecord = pytest.importorskip("nvidia.dali.tfrecord")

    @dali.pipeline_def(batch_size=1, num_threads=1, device_id=None)
    def records():
        features = {
            "video": tfrecord.FixedLenFeature((), tfrecord.string, ""),
            "label": tfrecord.FixedLenFeature([1], tfrecord.int64, -1),
        }
        row = dali.fn.readers.tfrecord(path=paths, index_path=indexes, features=features)
        return dali.fn.decoders.image(row["video"], device="cpu"), row["label"]

    pipe = records()
    pipe.build()
    for clip in built.splits["val"].values():
        frame, label = pipe.run()
        assert int(label.at(0)[0]) == clip.label
        assert close(frame.at(0), clip.frames[0])
