"""The pages of the Python API: which public name stands on which; Sphinx takes the rest from the docstrings."""

from __future__ import annotations

import clipmill
from clipmill import reader
from clipmill.reader import Augmentation, Sampler

TITLES = {
    "building": "Building from Python",
    "reading": "Data sets, clips, batches",
    "samplers": "Samplers",
    "augmentations": "Augmentations",
    "frameworks": "Grain, fastai",
}
#: Of the classes that a reader meets: what is for users; the rest serves the reader itself.
MEMBERS = {
    "Dataset": "splits, all, fold, fold_number, clips, column",
    "ClipSet": "select, split, batches, clips_dataset, show",
    "Clip": "frames, mask, timestamp, frame_index, row, preview, show",
    "Batches": "at, show, drawn, shapes, state_dict, load_state_dict, set_epoch, go_to, tf, keras, torch",
}


def pages() -> dict[str, str]:
    """Return every page by its name."""
    samplers, augmentations, others = [], [], []
    for name in reader.__all__:
        value = getattr(reader, name)
        is_class = isinstance(value, type)
        if is_class and issubclass(value, Sampler):
            samplers.append(name)
        elif is_class and issubclass(value, Augmentation):
            augmentations.append(name)
        elif name not in (*MEMBERS, "warp_boxes", "warp_mask", "mix"):
            others.append(name)
    building = [f"clipmill.{name}" for name in clipmill.__all__ if name not in ("__version__", "open", "mix")]
    texts = {
        "building": ["The commands as functions, with the same words.", *map(_function, building)],
        "reading": [
            *map(_function, ("clipmill.open", "clipmill.mix")),
            *(_class(f"clipmill.reader.{name}", members) for name, members in MEMBERS.items()),
            *(_any(name) for name in others),
        ],
        "samplers": map(_any, ["Sampler", *(name for name in samplers if name != "Sampler")]),
        "augmentations": [
            *map(_any, ["Augmentation", *(name for name in augmentations if name != "Augmentation")]),
            *map(_any, ("warp_mask", "warp_boxes")),
        ],
        "frameworks": [
            "Keras, TensorFlow and PyTorch are methods of `clipmill.reader.Batches`.",
            _function("clipmill.grain.source"),
            _class("clipmill.grain.ClipSource"),
            _function("clipmill.fastai.dataloaders"),
        ],
    }
    return {name: "\n\n".join([f"# {TITLES[name]}", *parts]) + "\n" for name, parts in texts.items()}


def _any(name: str) -> str:
    of = _class if isinstance(getattr(reader, name), type) else _function
    return of(f"clipmill.reader.{name}")


def _function(name: str) -> str:
    return f"```{{eval-rst}}\n.. autofunction:: {name}\n```"


def _class(name: str, members: str = "") -> str:
    of = f"\n   :members: {members}" if members else ""
    return f"```{{eval-rst}}\n.. autoclass:: {name}{of}\n```"
