"""clipmill demo: from nothing to a published data set, a batch read back, and a picture of it."""

from __future__ import annotations

import os
import time

from clipmill.errors import UsageError
from pipeline import words


def demo(out: str) -> int:
    """Make a small synthetic data set, build it, verify it, read a batch and draw it.

    Args:
        out: folder; `videos` and `data` are made in it.

    Raises:
        UsageError: the folder holds something else.
    """
    from clipmill.synthetic import make_dataset
    from pipeline.cli import main

    videos, data = os.path.join(out, "videos"), os.path.join(out, "data")
    if os.path.isdir(out) and set(os.listdir(out)) - {"videos", "data", "demo.png"}:
        raise UsageError(f"--out {out}: holds other things; choose a new folder")
    began = time.monotonic()
    print("1. making 60 short videos of moving shapes, one of them damaged on purpose", flush=True)
    make_dataset(videos)
    print(f"   {videos}  ({time.monotonic() - began:.1f} s)")
    for number, command in enumerate(
        (["build", videos, "--out", data, "--split", "train=0.8,val=0.2"], ["verify", data]), 2
    ):
        print(f"{number}. clipmill {' '.join(command)}", flush=True)
        code = main(command)
        if code:
            return code
    print("4. a batch, read back by clipmill.reader", flush=True)
    picture = os.path.join(out, "demo.png")
    print(f"   {_draw_batch(data, picture)} -> {picture}")
    return 0


def _draw_batch(data: str, picture: str) -> str:
    import clipmill
    from clipmill.picture import contact_sheet, png
    from clipmill.reader import RandomResizedCrop, RandomWindow

    train = clipmill.open(data)["train"]
    crop = RandomResizedCrop(112, scale=(0.6, 1.0))
    batches = train.batches(RandomWindow(16, stride=2), augment=[crop], batch_size=6, shuffle=True, seed=0)
    batch = next(iter(batches))
    labels = clipmill.open(data).labels
    captions = [labels[label] for label in batch["label"]]
    with open(picture, "wb") as file:
        file.write(png(contact_sheet(batch["frames"], captions)))
    return f"{'x'.join(map(str, batch['frames'].shape))} {batch['frames'].dtype}, {words.plural(len(captions), 'clip')}"
