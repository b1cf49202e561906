"""The options that decide which batches a reader gives; those that only make it faster are not among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
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
    for name in ("batch_size", "max_frames_per_batch", "clips_per_epoch", "views", "seed"):
        value = options.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
            raise UsageError(f"{name}={value!r}: a whole number is meant")
        if value is not None:
            options[name] = int(value)  # numpy's integers go into no state
    if not isinstance(shuffle, bool | Shards):
        raise UsageError(f"shuffle={shuffle!r}: neither True, False, 'shards' nor a Shards(...)")
    sampler = _sampler(sampler)
    return ReaderOptions(sampler=sampler, augment=_steps(augment), shuffle=shuffle, **options)


def _sampler(given: Any) -> Sampler:
    """Return the sampler, or raise UsageError with what was probably meant."""
    if given is None:
        return WholeClip()
    if isinstance(given, Sampler):
        return given
    if isinstance(given, type) and issubclass(given, Sampler):
        raise UsageError(f"{given.__name__} is a class: write {given.__name__}(...) with its frames")
    if isinstance(given, int):
        raise UsageError(f"{given} is no sampler: write FirstFrames({given}) or RandomWindow({given}) instead")
    raise UsageError(f"{given!r} is no sampler: the first argument says which frames, as RandomWindow(16)")


def _steps(given: Any) -> tuple[Augmentation, ...]:
    """Return the augmentations, functions of one's own among them, or raise UsageError with what was probably meant."""
    if isinstance(given, Augmentation) or not isinstance(given, Iterable):
        shown = f"{type(given).__name__}(...)" if isinstance(given, Augmentation) else _name(given)
        raise UsageError(f"augment={shown}: a list is meant, augment=[{shown}]")
    steps = []
    for step in given:
        if isinstance(step, type):
            made = f"augment=[{step.__name__}(...)]"
            raise UsageError(f"augment: {step.__name__} is a class; an object of it is meant, {made}")
        if not isinstance(step, Augmentation) and not callable(step):
            raise UsageError(f"augment: {step!r} is neither an augmentation nor a function of (frames, generator)")
        steps.append(step if isinstance(step, Augmentation) else Function(step))
    return tuple(steps)


def _name(value: object) -> str:
    return getattr(value, "__name__", repr(value))


def _one_of(name: str, value: object, known: tuple[str, ...], fine: bool = False) -> None:
    if value not in known and not fine:
        raise UsageError(f"{name}={value!r}: not one of {', '.join(known)}")
