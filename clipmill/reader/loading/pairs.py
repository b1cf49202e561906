"""Loading images with their masks: both go through the same steps, and a mask's values are never blended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from clipmill.errors import UsageError
from clipmill.layout import PAIRS, RAW
from clipmill.reader.augment import pixel_steps
from clipmill.reader.augment.pixel_steps import Op
from clipmill.reader.clips import Clips
from clipmill.reader.loading.batch_arrays import Arrays, make_arrays
from clipmill.reader.loading.buffers import Buffers
from clipmill.reader.loading.decode import BadFrame
from clipmill.reader.loading.loader import Loader, ReadClip
from clipmill.reader.loading.recipe import View
from clipmill.reader.options import ReaderOptions
from clipmill.reader.sampling.samplers import WholeClip

#: What a batch of pairs can hold.
PAIR_FIELDS = ("image", "mask", "label", "id", "dataset", "label_source")
IMAGE, MASK = 0, 1
_PNG = b"\x89PNG"


def check_pairs(clips: Clips, options: ReaderOptions) -> None:
    """Raise UsageError for options that images with masks have no use for, and for mixes with clips."""
    if options.sampler != WholeClip() or not options.decode or options.dct_scale or options.lengths != "pad":
        raise UsageError(
            f"{clips!r}: images with masks have no frames to choose: leave out sampler, lengths and decode"
        )
    if not all(reader.schema.name.startswith(PAIRS) for _, reader in clips.table.shards):
        raise UsageError(f"{clips!r}: images with masks cannot be mixed with clips")


class PairLoader(Loader):
    """Loads pairs: `image` (rows, height, width, 3) and `mask` (rows, height, width) int32, the values as stored."""

    known_fields = PAIR_FIELDS

    def arrays(self, rows: int, frames: int, clip: int, buffers: Buffers) -> Arrays:
        """Make empty arrays for a batch of `rows` pairs, of which `clip` is one."""
        height, width = self.size or self._size_of(clip)
        others = tuple(field for field in self.fields if field not in ("image", "mask"))
        made = make_arrays(others, rows, 1, 1, None, buffers, self.clips.classes)
        each = (rows, self.recipe.views) if self.recipe.views > 1 else (rows,)
        if "mask" in self.fields:
            made["mask"] = np.zeros((*each, height, width), np.int32)
        if "image" in self.fields:
            made["image"] = buffers.take((*each, height, width, 3), self.recipe.dtype)
        return {field: made[field] for field in self.fields}

    def write(self, clip: ReadClip, arrays: Arrays, row: int) -> None:
        """Decode a pair into a row of a batch, and write its other fields.

        Raises:
            DataError: the image or the mask is damaged.
        """
        self._write_facts(clip.request, arrays, row)
        size = clip.request.height, clip.request.width
        raw = RAW in self.frame_reader(clip.request.clip).schema.name
        single = self.recipe.views == 1
        if "image" in arrays:
            out = arrays["image"][row : row + 1] if single else arrays["image"][row]
            image = _image(clip.stored.encoded[IMAGE], size, raw)
            for number, view in enumerate(clip.views):
                _run(view.steps, image, out[number])
        if "mask" in arrays:
            out = arrays["mask"][row : row + 1] if single else arrays["mask"][row]
            mask = _mask(clip.stored.encoded[MASK], size, raw)
            for number, view in enumerate(clip.views):
                out[number] = pixel_steps.warp_mask(view.steps, mask)

    def _wanted(self, views: Sequence[View]) -> list[int]:
        """Return which of a pair's two parts are read."""
        return [part for part, field in enumerate(("image", "mask")) if field in self.fields]


def _run(steps: Sequence[Op], image: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    for step in steps:
        # A function of the user's takes all frames of a view.
        image = step.image(image[None])[0] if isinstance(step, pixel_steps.Called) else step.image(image)
    pixel_steps.put(image, out)


def _image(data: Any, size: tuple[int, int], raw: bool) -> npt.NDArray[np.uint8]:
    if raw:
        return _pixels(data, (*size, 3), np.dtype(np.uint8))
    if bytes(data[:4]) == _PNG:
        return _checked(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB), (*size, 3), "image")
    try:
        made = simplejpeg.decode_jpeg(data, "RGB", False, False)
    except ValueError as error:
        raise BadFrame(f"the image is not a whole JPEG: {error}") from None
    return _checked(made, (*size, 3), "image")


def _mask(data: Any, size: tuple[int, int], raw: bool) -> npt.NDArray[Any]:
    if raw:
        deep = len(data) == 2 * size[0] * size[1]
        return _pixels(data, size, np.dtype("<u2" if deep else np.uint8))
    return _checked(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED), size, "mask")


def _pixels(data: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    if len(data) != int(np.prod(shape)) * dtype.itemsize:
        raise BadFrame(f"{len(data)} bytes are not the pixels of {shape[1]}x{shape[0]}")
    return np.frombuffer(data, dtype).reshape(shape)


def _checked(made: Any, shape: tuple[int, ...], what: str) -> npt.NDArray[Any]:
    """Return decoded pixels; OpenCV gives None for a file that it cannot decode."""
    if made is None or made.shape != shape:
        found = "cannot be decoded" if made is None else f"has {made.shape[1]}x{made.shape[0]} pixels"
        raise BadFrame(f"the {what} {found}, where {shape[1]}x{shape[0]} are announced")
    return np.asarray(made)
