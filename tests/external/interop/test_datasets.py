"""Hugging Face datasets: `export --to parquet`, and tars of one video a clip, read at once and as a stream."""

from __future__ import annotations

import tarfile
from urllib.parse import unquote

import numpy as np
import pytest

pytestmark = pytest.mark.interop
datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)


@pytest.mark.parametrize("streaming", [False, True])
def test_every_frame_and_label_of_parquet(built, exported, tmp_path, streaming):
    loaded = datasets.load_dataset(str(exported("parquet")), streaming=streaming, cache_dir=str(tmp_path))
    assert set(loaded) == set(built.splits)
    for split, clips in built.splits.items():
        assert loaded[split].features["label"].names == built.data.labels
        found = {}
        for row in loaded[split]:
            assert np.array_equal(np.stack([np.asarray(frame) for frame in row["frames"]]), clips[row["id"]].frames)
            found[row["id"]] = row["label"]
        assert found == {name: clip.label for name, clip in clips.items()}


def test_tars_of_one_video_a_clip_are_streamed(built, exported):
    tars = sorted(map(str, exported("webdataset", "--one-video").glob("*train*.tar")))
    stored = {}
    for path in tars:
        with tarfile.open(path) as tar:
            stored |= {m.name.removesuffix(".mp4"): tar.extractfile(m).read() for m in tar if m.name.endswith(".mp4")}
    loaded = datasets.load_dataset("webdataset", data_files={"train": tars}, split="train", streaming=True)
    found = {}
    for row in loaded.decode(False):
        found[row["__key__"]] = row["mp4"]["bytes"] if isinstance(row["mp4"], dict) else row["mp4"]
        assert row["json"]["label_index"] == built.clips[unquote(row["__key__"])].label
    assert found == stored and len(found) == len(built.splits["train"])
