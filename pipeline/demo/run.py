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
from clipmill.reader.contact_sheet import contact_sheet, png

_SPLITS = {"train": 0.8, "val": 0.2}


def demo(out: str) -> int:
    """Make a small synthetic data set, build it, verify it, read a batch and draw it.

    Args:
        out: folder, absolute; `videos` and `data` are made in it.

    Raises:
        UsageError: the folder holds something else.
    """
    places = [os.path.join(out, name) for name in ("videos", "data", "demo.png")]
    if os.path.isdir(out) and {name for name in os.listdir(out) if name[0] != "."} - set(map(os.path.basename, places)):
        raise UsageError(f"--out {words.place(out)}: has other files in it; name a new folder")
    videos, data, picture = map(words.place, places)
    began = time.monotonic()
    print("1. make 60 short videos of moving shapes; one is damaged on purpose", flush=True)
    make_dataset(videos)
    print(f"{videos}, {words.clock(time.monotonic() - began)}")
    split = ",".join(f"{name}={share}" for name, share in _SPLITS.items())
    print(f"\n2. clipmill build {videos} --out {data} --split {split}", flush=True)
    code = _build(places[0], places[1])
    if code:
        return code
    print(f"\n3. clipmill verify {data}", flush=True)
    code = verify(places[1], deep=False, as_json=False)
    if code:
        return code
    print("\n4. read a batch back, and draw it", flush=True)
    print(f"{_draw_batch(data, picture)} -> {picture}")
    print(f"\nSee also: clipmill inspect {data}, clipmill failures {data}")
    return 0


def _build(videos: str, data: str) -> int:
    options = filled({"listing.listings": (videos,), "listing.splits": _SPLITS, "out": data})
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
    batches = dataset["train"].batches(RandomWindow(16, stride=2), augment=[crop], batch_size=6, shuffle=True, seed=42)
    batch = next(iter(batches))
    captions = [dataset.labels[label] for label in batch["label"]]
    with open(picture, "wb") as file:
        file.write(png(contact_sheet(batch["frames"], captions)))
    shape = " x ".join(map(str, batch["frames"].shape))
    return f"{words.plural(len(captions), 'clip')}, {shape} {batch['frames'].dtype}"
