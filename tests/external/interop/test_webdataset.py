"""webdataset: the tars of `export --to webdataset`."""

from __future__ import annotations

import io
import json
from urllib.parse import unquote

import numpy as np
import pytest

pytestmark = pytest.mark.interop
wds = pytest.importorskip("webdataset")
Image = pytest.importorskip("PIL.Image")


@pytest.mark.parametrize("split", ["train", "val"])
def test_every_frame_and_label(built, exported, split):
    urls = sorted(map(str, exported("webdataset").glob(f"*{split}*.tar")))
    found = {}
    for sample in wds.WebDataset(urls, shardshuffle=False):
        said = json.loads(sample["json"])
        assert unquote(sample["__key__"]) == said["clip_id"]
        found[said["clip_id"]] = said["label_index"], [sample[key] for key in sorted(sample) if key.endswith("jpg")]
    assert found == {name: (clip.label, clip.jpegs) for name, clip in built.splits[split].items()}


def test_its_own_decoder_gives_the_same_pixels(built, exported):
    urls = sorted(map(str, exported("webdataset").glob("*val*.tar")))
    seen = 0
    for sample in wds.WebDataset(urls, shardshuffle=False).decode("rgb8"):
        clip = built.clips[sample["json"]["clip_id"]]
        frames = np.stack([sample[key] for key in sorted(sample) if key.endswith("jpg")])
        assert np.array_equal(frames, clip.frames)
        seen += 1
    assert seen == len(built.splits["val"])


def test_pillow_decodes_to_our_pixels(built):
    for clip in built.clips.values():
        for jpeg, frame in zip(clip.jpegs, clip.frames, strict=True):
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")), frame)
