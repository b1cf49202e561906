"""clipmill demo: from nothing to a published data set, a batch read back, and a picture of it."""

from __future__ import annotations

import os
import time

import msgspec

import clipmill
from clipmill import listings
from clipmill.errors import UsageError
from clipmill.options.table import filled
from clipmill.pipeline.build import build
from clipmill.pipeline.demo.synthetic import make_dataset
from clipmill.pipeline.report import words
from clipmill.pipeline.report.summary_file import Summary
from clipmill.pipeline.runners import Runner
from clipmill.pipeline.verify import verify
from clipmill.reader import RandomResizedCrop, RandomWindow
from clipmill.reader.charts import share_chart
from clipmill.reader.contact_sheet import contact_sheet, png

_SPLITS = {"train": 0.8, "val": 0.2}
_SPLIT = ",".join(f"{name}={share}" for name, share in _SPLITS.items())
_PLACES = ("videos", "data", "demo.png", "motion-videos", "motion-data", "training.png")


def demo(out: str, train: bool = False) -> int:
    """Make a small synthetic data set, build it, verify it, read a batch and draw it.

    Args:
        out: folder, absolute; `videos` and `data` are made in it.
        train: then make and build more clips, train on them (this needs TensorFlow), and draw the curve.

    Raises:
        UsageError: the folder holds something else.
    """
    places = [os.path.join(out, name) for name in _PLACES]
    if os.path.isdir(out) and {name for name in os.listdir(out) if name[0] != "."} - set(_PLACES):
        raise UsageError(f"--out {words.place(out)}: has other files in it; name a new folder")
    videos, data, picture = map(words.place, places[:3])
    began = time.monotonic()
    print("1. make 60 short videos of moving shapes; one is damaged on purpose", flush=True)
    make_dataset(videos)
    print(f"{videos}, {words.clock(time.monotonic() - began)}")
    print(f"\n2. clipmill build {videos} --out {data} --split {_SPLIT}", flush=True)
    code = _build(places[0], places[1])
    if code:
        return code
    print(f"\n3. clipmill verify {data}", flush=True)
    code = verify(places[1], deep=False, as_json=False)
    if code:
        return code
    print("\n4. read a batch back, and draw it", flush=True)
    print(f"{_draw_batch(data, picture)} -> {picture}")
    if train:
        return _train(*places[3:])
    print(f"\nSee also: clipmill inspect {data}, clipmill failures {data}, clipmill demo --train")
    return 0


def _train(videos: str, data: str, picture: str) -> int:
    """Make and build clips of the same motions, enough of them to learn from, and train on them."""
    print("\n5. make 240 short videos of the same motions, 40 in each of 6 classes", flush=True)
    make_dataset(videos, 240, frames=(40, 60), sizes=((160, 120), (128, 128)), broken=0)
    shown = words.place(videos), words.place(data)
    print(f"\n6. clipmill build {shown[0]} --out {shown[1]} --short-side 64 --split {_SPLIT}", flush=True)
    code = _build(videos, data, short_side=64)
    if code:
        return code
    print("\n7. train on windows of 16 frames; accuracy on groups of clips that were held out", flush=True)
    # TensorFlow loads for seconds, and only --train needs it.
    from clipmill.pipeline.demo.training import EPOCHS, train

    chance = 1 / len(clipmill.open(data).labels)
    print(f"chance is {chance:.2f}\n  epoch   frames in order   single frames", flush=True)
    scores = []
    for epoch, score in enumerate(train(data), 1):
        scores.append(score)
        print(f"  {epoch:2} of {EPOCHS}        {score.in_order:.2f}             {score.single:.2f}", flush=True)
    in_order, single = zip(*scores, strict=True)
    with open(picture, "wb") as file:
        file.write(png(share_chart({"frames in order": in_order, "single frames": single}, "epoch", chance)))
    print(f"-> {words.place(picture)}")
    return 0


def _build(videos: str, data: str, short_side: int | None = None) -> int:
    given = {"listing.listings": (videos,), "listing.splits": _SPLITS, "out": data, "frames.short_side": short_side}
    options = filled(given)
    options = msgspec.structs.replace(options, listing=listings.resolve(options.listing))
    with Summary(None) as summary:
        return build(options, _local_runner, (), summary, as_json=False)


def _local_runner() -> Runner:
    # Beam takes seconds to load, which the first lines need not wait for.
    from clipmill.pipeline.runners.local import Local

    return Local()


def _draw_batch(data: str, picture: str) -> str:
    dataset = clipmill.open(data)
    crop = RandomResizedCrop(112, scale=(0.6, 1.0))
    # This seed's first batch has one clip of each class.
    batches = dataset["train"].batches(RandomWindow(16, stride=2), augment=[crop], batch_size=6, shuffle=True, seed=92)
    batch = next(iter(batches))
    captions = [dataset.labels[label] for label in batch["label"]]
    with open(picture, "wb") as file:
        file.write(png(contact_sheet(batch["frames"], captions)))
    shape = " x ".join(map(str, batch["frames"].shape))
    return f"{words.plural(len(captions), 'clip')}, {shape} {batch['frames'].dtype}"
