"""Batches of frames for training, from a published data set; see docs/reading.md."""

from __future__ import annotations

from clipmill.reader.augment.base import Augmentation
from clipmill.reader.augment.colour import ColourJitter, Function, Normalise, ReverseTime
from clipmill.reader.augment.geometry import (
    CentreCrop,
    CropOrPad,
    HorizontalFlip,
    MultiScaleCrop,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomShortSide,
    Resize,
    ThreeCrops,
)
from clipmill.reader.augment.pixel_steps import warp_boxes, warp_mask
from clipmill.reader.batches import Batches
from clipmill.reader.clip import Clip
from clipmill.reader.clipset import ClipSet
from clipmill.reader.contact_sheet import first_middle_last
from clipmill.reader.dataset import Dataset
from clipmill.reader.dataset import open as open  # not in __all__: a star import must not hide the builtin
from clipmill.reader.loading.prefetch import BadClip
from clipmill.reader.mixing import mix
from clipmill.reader.order.by_shard import Shards
from clipmill.reader.sampling.base import Sampler
from clipmill.reader.sampling.samplers import (
    AtFps,
    CentreWindow,
    Chunks,
    EveryKth,
    FirstFrames,
    RandomWindow,
    Ranges,
    Segments,
    UniformWindows,
    WholeClip,
)

__all__ = [
    "AtFps",
    "Augmentation",
    "BadClip",
    "Batches",
    "CentreCrop",
    "CentreWindow",
    "Chunks",
    "Clip",
    "ClipSet",
    "ColourJitter",
    "CropOrPad",
    "Dataset",
    "EveryKth",
    "FirstFrames",
    "Function",
    "HorizontalFlip",
    "MultiScaleCrop",
    "Normalise",
    "RandomCrop",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShortSide",
    "RandomWindow",
    "Ranges",
    "Resize",
    "ReverseTime",
    "Sampler",
    "Segments",
    "Shards",
    "ThreeCrops",
    "UniformWindows",
    "WholeClip",
    "first_middle_last",
    "mix",
    "warp_boxes",
    "warp_mask",
]
