"""Clips for fastai: DataLoaders whose input is a tuple of images that can show itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from clipmill.errors import MissingExtra, UsageError
from clipmill.reader import ClipSet, Dataset, Resize, Segments

try:
    import torch
    from fastai.data.core import DataLoaders, Datasets, get_show_batch_func
    from fastai.data.transforms import Categorize, IntToFloatTensor, Normalize
    from fastai.torch_core import TensorImage, show_image
    from fastai.vision.core import imagenet_stats
    from fastai.vision.data import get_grid
    from fastcore.basics import fastuple, noop
    from fasttransform import Transform
    from plum import dispatch
except ImportError:
    raise MissingExtra("clipmill.fastai", "fastai") from None


class ImageSequence(fastuple):  # type: ignore[misc]
    """The frames of a clip or of a batch: a tuple of (3, height, width) or (batch, 3, height, width) images."""

    def show(self, ctx: Any = None, **options: Any) -> Any:
        """Draw the first, the middle and the last frame beside each other, in an axis of matplotlib."""
        last = len(self) - 1
        return show_image(torch.cat([self[0], self[last // 2], self[last]], dim=2), ctx=ctx, **options)


def dataloaders(
    data: Dataset | ClipSet,
    bs: int,
    image_size: int | tuple[int, int],
    seq_len: int,
    val_idxs: Sequence[int] | None = None,
    normalize: str | tuple[Sequence[float], Sequence[float]] | None = "imagenet",
    **options: Any,
) -> DataLoaders:
    """Make fastai's DataLoaders of single-label clips: x is an `ImageSequence`, y a category.

    A clip is cut into `seq_len` equal parts, each of which gives one frame: a random one in training, drawn anew
    in every epoch, and the middle one otherwise.

    Args:
        data: a data set, all of whose splits are taken, or some of its clips.
        bs: clips of a batch.
        image_size: to which frames are stretched: both sides, or (height, width), in pixels.
        seq_len: frames of a clip, at least 2.
        val_idxs: numbers of the clips to validate on; by default the split val where `data` has one (test clips
            are then left out), else a fifth of each class's groups.
        normalize: "imagenet", (means, standard deviations) of RGB from 0 to 1, or None.
        options: of fastai's `Datasets.dataloaders`, such as `num_workers` (default 0) and `device`.

    Raises:
        UsageError: clips have no label or lists of labels, or an argument is wrong.
    """
    if seq_len < 2:
        raise UsageError(f"seq_len={seq_len}: at least 2 frames; for single frames take fastai's ImageDataLoaders")
    clips = data.all if isinstance(data, Dataset) else data
    labels = clips.table.label[clips.rows]
    if clips.classes is not None:
        raise UsageError("clips have lists of labels: fastai's categories take one label a clip")
    if (labels < 0).any():
        raise UsageError(f"{int((labels < 0).sum())} clips have no label: select those that have one")
    splits = _splits(data, clips, val_idxs)
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    read = _ReadFrames(clips, size, seq_len, frozenset(splits[1]))
    names: list[str] = [clips.labels[label] for label in labels.tolist()]

    def name_of(number: int) -> str:
        return names[number]

    y = [name_of, Categorize(vocab=clips.labels, sort=False)]
    steps: list[Any] = [IntToFloatTensor()]
    if normalize is not None:
        stats = imagenet_stats if normalize == "imagenet" else normalize
        if len(stats) != 2:
            raise UsageError(f'normalize={normalize!r}: must be "imagenet", (means, standard deviations) or None')
        steps.append(Normalize.from_stats(*stats, cuda=False))
    sets = Datasets(list(range(len(clips))), [[read], y], splits=splits)

    def after_iter() -> None:  # fastai would bind a method to its loader
        read.next_epoch()

    each = [{"after_iter": after_iter}, {"after_iter": noop}]
    return sets.dataloaders(bs=bs, after_batch=steps, dl_kwargs=each, **{"num_workers": 0, **options})


def _splits(data: Dataset | ClipSet, clips: ClipSet, val_idxs: Sequence[int] | None) -> tuple[list[int], list[int]]:
    """Return the numbers of the clips to train on and of those to validate on."""
    every = np.arange(len(clips))
    if val_idxs is not None:
        wrong = [number for number in val_idxs if not 0 <= number < len(clips)]
        if wrong:
            raise UsageError(f"val_idxs: {wrong[0]}: clips are numbered 0 to {len(clips) - 1}")
        held_out = np.isin(every, val_idxs)
        return every[~held_out].tolist(), every[held_out].tolist()
    if isinstance(data, Dataset) and "val" in data.splits:
        train, val = data["train"], data["val"]
    else:
        train, val = clips.split(val=0.2)
    return tuple(every[np.isin(clips.rows, part.rows)].tolist() for part in (train, val))


class _ReadFrames(Transform):  # type: ignore[misc]
    """Reads the frames of a clip by its number."""

    def __init__(self, clips: ClipSet, size: tuple[int, int], seq_len: int, held_out: frozenset[int]) -> None:
        super().__init__()
        made = partial(clips.clips_dataset, augment=[Resize(size)], layout="TCHW", fields=["frames"])
        self._random, self._middle = made(Segments(seq_len)), made(Segments(seq_len, random=False))
        self._held_out = held_out
        self._epoch = 0

    def next_epoch(self) -> None:
        """Draw other frames in training from now on."""
        self._epoch += 1
        self._random.set_epoch(self._epoch)

    def encodes(self, number: int) -> ImageSequence:
        frames = (self._middle if number in self._held_out else self._random)[number]["frames"]
        return ImageSequence(TensorImage(frame.contiguous()) for frame in frames)


def _rows(count: int) -> Any:
    return get_grid(count, ncols=1, figsize=(6, 2 * count))


@dispatch  # type: ignore[untyped-decorator]
def show_batch(x: ImageSequence, y: Any, samples: Any, ctxs: Any = None, max_n: int = 9, **options: Any) -> Any:
    """Draw a batch, a clip a row."""
    if ctxs is None:
        ctxs = _rows(min(len(samples), max_n))
    return get_show_batch_func(object)(x, y, samples, ctxs=ctxs, max_n=max_n, **options)


@dispatch  # type: ignore[untyped-decorator]
def show_results(
    x: ImageSequence, y: Any, samples: Any, outs: Any, ctxs: Any = None, max_n: int = 9, **options: Any
) -> Any:
    """Draw a batch, a clip a row, under its class and the one that was predicted."""
    ctxs = list(ctxs or _rows(min(len(samples), max_n)))
    for ctx, (frames, true), (taken, *_) in zip(ctxs, samples, outs, strict=False):
        frames.show(ctx=ctx, title=f"{true} / {taken}", **options)
    return ctxs
