"""The synthetic data set: real files, where only motion tells the class."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from clipmill.pipeline.demo.synthetic import MOTIONS, make_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory):
    return make_dataset(tmp_path_factory.mktemp("videos"), 24, frames=(12, 30))


def test_files_are_real_videos_in_several_codecs_and_sizes(dataset) -> None:
    codecs, sizes = set(), set()
    for clip in dataset:
        if clip.broken:
            continue
        with av.open(str(clip.path)) as container:
            stream = container.streams.video[0]
            codecs.add(stream.codec_context.name)
            assert sum(1 for _ in container.decode(stream)) == clip.frames
            assert (stream.width, stream.height) == clip.size
            sizes.add(clip.size)
    assert len(codecs) >= 2 and len(sizes) == 2


def test_one_file_is_cut_short(dataset) -> None:
    (broken,) = [clip for clip in dataset if clip.broken]
    assert broken.path.suffix == ".mp4"
    assert broken.path.exists()


def test_every_class_has_the_same_number_of_clips_and_the_same_lengths(dataset) -> None:
    lengths = {label: sorted(clip.frames for clip in dataset if clip.label == label) for label in MOTIONS}
    assert len({tuple(found) for found in lengths.values()}) == 1
    assert {clip.path.parent.name for clip in dataset} == set(MOTIONS)


def test_the_same_seed_gives_the_same_files(tmp_path: Path, dataset) -> None:
    again = make_dataset(tmp_path, 24, frames=(12, 30))
    assert [clip.path.read_bytes() for clip in again] == [clip.path.read_bytes() for clip in dataset]


def test_no_single_frame_tells_the_class() -> None:
    # Where a shape is at one moment is uniform, whatever the motion: no class has a place of its own.
    from clipmill.pipeline.demo.synthetic import paths

    for label in MOTIONS:
        rng = np.random.default_rng(1)
        spots = np.stack([paths(label, 24, rng)[11] for _ in range(600)])
        for kind in range(2):
            counts, _ = np.histogram(spots[:, kind], bins=10, range=(0, 1))
            expected = counts.sum() / 10
            assert ((counts - expected) ** 2 / expected).sum() < 27.9, f"{label}: not uniform (p < 0.001)"
