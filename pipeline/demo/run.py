"""clipmill demo: from nothing to a published data set, a batch read back, and a picture of it."""

from __future__ import annotations

import os
import time

from clipmill.errors import UsageError
from clipmill.pipeline.report import words


def demo(out: str) -> int:
    """Make a small synthetic data set, build it, verify it, read a batch and draw it.

    Args:
        out: folder; `videos` and `data` are made in it.

    Raises:
        UsageError: the folder holds something else.
    """
    from clipmill.pipeline.cli.main import main
    from clipmill.pipeline.demo.synthetic import make_dataset

    videos, data, picture = (words.place(os.path.join(out, name)) for name in ("videos", "data", "demo.png"))
    if os.path.isdir(out) and {name for name in os.listdir(out) if name[0] != "."} - {"videos", "data", "demo.png"}:
        raise UsageError(f"--out {words.place(out)}: holds other things; choose a new folder")
    began = time.monotonic()
    print("1. make 60 short videos of moving shapes; one is damaged on purpose", flush=True)
    make_dataset(videos)
    print(f"{videos}, {words.clock(time.monotonic() - began)}")
    for number, command in enumerate(
        (["build", videos, "--out", data, "--split", "train=0.8,val=0.2"], ["verify", data]), 2
    ):
        print(f"\n{number}. clipmill {' '.join(command)}", flush=True)
        code = main(command)
        if code:
            return code
    print("\n4. read a batch back, and draw it", flush=True)
    print(f"{_draw_batch(data, picture)} -> {picture}")
    print(f"\nSee also: clipmill inspect {data}, clipmill failures {data}")
    return 0


def _draw_batch(data: str, picture: str) -> str:
    import clipmill
    from clipmill.reader import RandomResizedCrop, RandomWindow
    from clipmill.reader.contact_sheet import contact_sheet, png

    dataset = clipmill.open(data)
    crop = RandomResizedCrop(112, scale=(0.6, 1.0))
    # This seed's first batch has one clip of each class.
    batches = dataset["train"].batches(RandomWindow(16, stride=2), augment=[crop], batch_size=6, shuffle=True, seed=42)
    batch = next(iter(batches))
    captions = [dataset.labels[label] for label in batch["label"]]
    with open(picture, "wb") as file:
        file.write(png(contact_sheet(batch["frames"], captions)))
    shape = " x ".join(map(str, batch["frames"].shape))
    return f"{words.plural(len(captions), 'clip')}, {shape} {batch['frames'].dtype}"
