"""Batches of frames for training, from a published data set; see docs/reading.md."""

from __future__ import annotations

from clipmill.reader.augment import (
    Augmentation,
    CentreCrop,
    ColourJitter,
    CropOrPad,
    Function,
    HorizontalFlip,
    MultiScaleCrop,
    Normalise,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomShortSide,
    Resize,
    ReverseTime,
    ThreeCrops,
)
from clipmill.reader.batches import BadClip, Batches
from clipmill.reader.clipset import ClipSet
from clipmill.reader.dataset import Dataset, open
from clipmill.reader.mix import mix
from clipmill.reader.samplers import (
    AtFps,
    CentreWindow,
    Chunks,
    EveryKth,
    FirstFrames,
    RandomWindow,
    Ranges,
    Sampler,
    Segments,
    UniformWindows,
    WholeClip,
)
from clipmill.reader.shards import Shards

__all__ = [
    "AtFps",
    "Augmentation",
    "BadClip",
    "Batches",
    "CentreCrop",
    "CentreWindow",
    "Chunks",
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
    "mix",
    "open",
]
