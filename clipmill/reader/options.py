"""The options that decide which batches a reader gives; those that only make it faster are not among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from clipmill.errors import UsageError
from clipmill.reader.augment.base import Augmentation
from clipmill.reader.augment.colour import Function, ReverseTime
from clipmill.reader.order.by_shard import Shards
from clipmill.reader.sampling.base import Sampler
from clipmill.reader.sampling.samplers import Chunks, WholeClip


class ReaderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the options of `ClipSet.batches`, which explains them."""

    sampler: Sampler = WholeClip()
    augment: tuple[Augmentation, ...] = ()
    batch_size: int | None = None
    max_frames_per_batch: int | None = None
    by_length: bool = False
    lengths: str | int = "pad"
    shuffle: bool | Shards = False
    seed: int = 0
    clips_per_epoch: int | None = None
    drop_remainder: bool = False
    views: int = 1
    decode: bool = True
    dct_scale: bool = False
    on_error: str = "raise"
    path: str = "indexed"

    def __post_init__(self) -> None:
        if self.batch_size is None and self.max_frames_per_batch is None:
            raise UsageError("give batch_size, max_frames_per_batch, or both")
        for name in ("batch_size", "max_frames_per_batch", "clips_per_epoch", "views"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name}={value}: must be positive")
        _one_of("lengths", self.lengths, ("pad", "truncate"), isinstance(self.lengths, int) and self.lengths > 0)
        _one_of("on_error", self.on_error, ("raise", "skip"))
        _one_of("path", self.path, ("indexed", "streaming"))
        if isinstance(self.sampler, Chunks) and any(isinstance(step, ReverseTime) for step in self.augment):
            raise UsageError("Chunks go on in time: they do not go with ReverseTime")
        if isinstance(self.sampler, Chunks) and (self.views > 1 or self.max_frames_per_batch):
            raise UsageError("Chunks: they do not go with views or max_frames_per_batch")
        if self.path == "streaming" and (self.shuffle is True or self.sorts):
            raise UsageError(
                'path="streaming" reads shards from front to back: use shuffle="shards" or False, '
                "and neither by_length, max_frames_per_batch nor Chunks"
            )

    @property
    def sorts(self) -> bool:
        """Whether batches are formed by length."""
        return self.by_length or self.max_frames_per_batch is not None or isinstance(self.sampler, Chunks)


def make_options(*, sampler: Any, augment: Sequence[Any], shuffle: Any, **options: Any) -> ReaderOptions:
    """Make options from what users may also write: "shards" for `Shards()`, a plain function for `Function`."""
    if isinstance(shuffle, str):
        if shuffle != "shards":
            raise UsageError(f"shuffle={shuffle!r}: neither True, False nor 'shards'")
        shuffle = Shards()
    steps = tuple(step if isinstance(step, Augmentation) else Function(step) for step in augment)
    return ReaderOptions(sampler=sampler or WholeClip(), augment=steps, shuffle=shuffle, **options)


def _one_of(name: str, value: object, known: tuple[str, ...], fine: bool = False) -> None:
    if value not in known and not fine:
        raise UsageError(f"{name}={value!r}: not one of {', '.join(known)}")
