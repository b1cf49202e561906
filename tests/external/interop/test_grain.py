"""Grain: our own source, ArrayRecord files at random, and shards from front to back."""

from __future__ import annotations

import numpy as np
import pytest
from pages import block, run

import clipmill.grain
from clipmill.reader import CropOrPad, RandomWindow, WholeClip
from clipmill.records import get_schema

pytestmark = pytest.mark.interop
grain = pytest.importorskip("grain")
flags = pytest.importorskip("absl.flags")


def parsed(record: bytes) -> tuple[str, int, list[bytes]]:
    clip, frames = get_schema("tfds").parse(record)
    return clip.clip_id, clip.label_index, frames


def test_our_source_in_any_order_in_batches_and_epochs(built):
    clips = built.data["train"]
    how = {"augment": [CropOrPad((240, 320))], "seed": 3, "fields": ["frames", "label", "id"]}
    source = clipmill.grain.source(clips, RandomWindow(4), epochs=2, **how)
    assert isinstance(source, grain.sources.RandomAccessDataSource)
    expected = {}
    reader = clips.batches(RandomWindow(4), batch_size=1, **how)
    for epoch in range(2):
        for batch in reader.run(epoch, 0):
            expected[epoch, str(batch["id"][0])] = batch["frames"][0]
    drawn = [grain.MapDataset.source(source)[epoch * len(clips) : (epoch + 1) * len(clips)] for epoch in range(2)]
    for epoch, dataset in enumerate(drawn):
        names = []
        for batch in dataset.shuffle(seed=epoch).batch(2):
            for name, frames, label in zip(batch["id"], batch["frames"], batch["label"], strict=True):
                names.append(str(name))
                assert np.array_equal(frames, expected[epoch, str(name)])
                assert label == built.splits["train"][str(name)].label
        assert sorted(names) == sorted(built.splits["train"]) and names != list(built.splits["train"])


def test_the_block_of_the_page_runs(built):
    names = {"data": built.data, "RandomWindow": RandomWindow, "grain": grain}
    run(block("docs/reading.md", "import clipmill.grain"), names, {"RandomWindow(16)": "RandomWindow(4)"})
    assert len(names["dataset"]) == len(built.data["train"])
    assert names["dataset"][0]["frames"].shape[0] == 4


def test_its_data_loader_takes_our_source_in_worker_processes(built):
    source = clipmill.grain.source(built.data["train"], WholeClip(), fields=["frames", "id"])
    sampler = grain.samplers.IndexSampler(len(source), shuffle=True, seed=1, num_epochs=1)
    flags.FLAGS.mark_as_parsed()  # as absl.app.run does; without it Grain's workers fail
    loader = grain.DataLoader(data_source=source, sampler=sampler, worker_count=1)
    found = {str(clip["id"]): clip["frames"] for clip in loader}
    assert found.keys() == built.splits["train"].keys()
    assert all(np.array_equal(frames, built.clips[name].frames) for name, frames in found.items())


@pytest.mark.parametrize("split", ["train", "val"])
def test_array_record_files_at_random(built, exported, split):
    paths = sorted(map(str, exported("array_record").glob(f"*-{split}.array_record-*")))
    source = grain.sources.ArrayRecordDataSource(paths)
    assert len(source) == len(built.splits[split])
    order = np.random.default_rng(0).permutation(len(source)).tolist()
    found = {}
    for number in order:
        name, label, frames = parsed(source[number])
        found[name] = label, frames
    assert found == {name: (clip.label, clip.jpegs) for name, clip in built.splits[split].items()}
    shuffled = [parsed(record)[0] for record in grain.MapDataset.source(source).shuffle(seed=2)]
    assert sorted(shuffled) == sorted(found)


def test_shards_from_front_to_back_and_from_a_state(built):
    names = []
    for path in built.shards("train"):
        dataset = grain.experimental.TFRecordIterDataset(path)
        records = [parsed(record) for record in dataset]
        for name, label, frames in records:
            assert (label, frames) == (built.clips[name].label, built.clips[name].jpegs)
            names.append(name)
        one = iter(dataset)
        next(one)
        other = iter(dataset)
        other.set_state(one.get_state())
        assert [parsed(record)[0] for record in other] == [name for name, _, _ in records[1:]]
    assert names == list(built.splits["train"])
