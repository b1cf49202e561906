"""The page for users names what there is, and all of it."""

from __future__ import annotations

import re
import textwrap
from typing import Any

import numpy as np
from miniature import Miniature
from places import ROOT

import clipmill
from clipmill import reader

PAGE = ROOT / "docs" / "reading.md"


def test_names_on_the_page_exist() -> None:
    names = set(re.findall(r"\b([A-Z][a-z]+(?:[A-Z][a-z]+)*)\(", PAGE.read_text()))
    names -= {"DataLoader", "Generator", "Learner", "MapDataset"}
    assert len(names) > 8
    assert not [name for name in names if not hasattr(reader, name)]


def test_every_sampler_and_augmentation_is_on_the_page() -> None:
    text = PAGE.read_text()
    bases = {"Sampler", "Augmentation", "Function", "Shards", "Batches", "ClipSet", "Dataset"}
    assert not [name for name in reader.__all__ if name not in text and name not in bases]
    assert clipmill.open is reader.open
    assert clipmill.mix is reader.mix


def test_options_on_the_page_exist() -> None:
    import inspect

    known = set(inspect.signature(reader.ClipSet.batches).parameters) | set(inspect.signature(reader.open).parameters)
    known |= {
        "val",
        "where",
        "index",
        "ids",
        "not_near",
        "k",
        "stride",
        "windows",
        "random",
        "short",
        "epochs",
        "layout",
        "workers",
    }
    known |= {"dtype", "start", "num_workers", "rows", "frames", "steps", "step", "mask_fill"}
    known |= {"validation_data", "may_alias"}  # of Keras's fit and JAX's device_put
    known |= {"bs", "image_size", "seq_len", "val_idxs", "normalize"}  # of clipmill.fastai
    used = set(re.findall(r"\b([a-z_]+)=(?=[\"'\d\[({A-Za-z])", PAGE.read_text()))
    assert used <= known


def example(function: str) -> Any:
    """A function that the page defines, as it stands there."""
    found = re.search(rf"((?:^    def {function}\(.*\n)(?:^     .*\n)+)", PAGE.read_text(), re.M)
    assert found, f"the page has no function {function}"
    names: dict[str, Any] = {"np": np, "warp_mask": reader.warp_mask, "clipmill": clipmill}
    exec(textwrap.dedent(found[1]), names)
    return names[function]


def test_the_noise_of_the_page_is_small_and_never_wraps(mini: Miniature) -> None:
    noise = example("noise")
    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, 3)
    noisy = noise(frames, np.random.default_rng(0))
    assert noisy.dtype == np.uint8 and noisy.shape == frames.shape
    assert 1 <= abs(noisy.astype(int) - frames).max() <= 8
    train = clipmill.open(str(mini.path))["train"]
    one, two = (
        next(iter(train.batches(reader.FirstFrames(4), batch_size=2, augment=how)))["frames"] for how in ([], [noise])
    )
    assert 1 <= abs(one.astype(int) - two).max() <= 8


def test_the_masks_of_the_page_are_where_the_pixels_are(mini: Miniature) -> None:
    """A mask that is a frame's own first channel goes where the frame goes."""
    data = clipmill.open(str(mini.path))["train"]
    options = {"batch_size": 3, "shuffle": True, "seed": 1}
    plain = data.batches(reader.FirstFrames(4), **options)
    crops = data.batches(reader.FirstFrames(4), augment=[reader.RandomCrop(24), reader.HorizontalFlip()], **options)
    ids = [request.clip_id for request, _ in plain.drawn(0, 0)]
    whole = dict(zip(ids, plain.at(0, 0)["frames"], strict=True))
    batch = crops.at(0, 0)
    masks = example("warped")(crops, batch, lambda clip, frame: np.ascontiguousarray(whole[clip][frame, ..., 0]))
    assert len(masks) == len(batch["frames"]) == 3
    for row, frames in zip(masks, batch["frames"], strict=True):
        assert len(row) == 4
        for mask, frame in zip(row, frames, strict=True):
            np.testing.assert_array_equal(mask, frame[..., 0])
