"""Images as the frames of a clip: a single image, an animated WebP, or numbered frames.

Pillow reads them. It raises where an image is cut, which OpenCV fills with grey; and it composes the frames of an
animated WebP one by one, with libwebp's own decoder.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.messages import Span
from clipmill.video.frames import Shown
from clipmill.video.limits import refuse_giants
from clipmill.video.timeline import MICROSECONDS, Timeline

#: What Pillow may take a file for: formats without a language, a link or a program in them.
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
#: Frames per second where images do not say, as for videos that do not.
_RATE = Fraction(25)
#: Browsers show a frame of an animation that asks for less than 2 hundredths of a second for 10 of them.
_SHORTEST, _INSTEAD = 20_000, 100_000
#: Everything that Pillow raises on damaged files.
_DAMAGE = (OSError, ValueError, SyntaxError, struct.error, IndexError, KeyError, EOFError, OverflowError)
#: Modes that `convert` does not bring to 8 bits as anybody expects: it clips what is above 255.
DEEP = ("I;16", "I;16B", "I;16L", "I;16N")
_TOO_DEEP = ("I", "F")


class Pictures:
    """The images that are the frames of one source.

    Args:
        names: one for each image, in order.
        read: gives the bytes of the image of a name.

    Raises:
        ClipError: the first image cannot be opened.

    Attributes:
        fps: frames per second.
        timeline: when each frame is shown; every frame can be decoded by itself.
        width, height: of the first image, before it is turned.
    """

    def __init__(self, names: Sequence[str], read: Callable[[str], bytes]) -> None:
        self._names = names
        self._read = read
        # Kept, since on an object store to read it again would be another request.
        self._first = read(names[0])
        with open_image(self._first, names[0]) as image:
            self.width, self.height = image.size
        delays = webp_delays(self._first) if len(names) == 1 else []
        self._moves = len(delays) > 1
        if self._moves:
            times = [0, *accumulate(delay if delay >= _SHORTEST else _INSTEAD for delay in delays)]
            self.fps = Fraction(len(delays) * MICROSECONDS, times[-1])
            times.pop()
        else:
            self.fps = _RATE
            times = [round(number * MICROSECONDS / _RATE) for number in range(len(names))]
        self.timeline = Timeline(times, origin=0)

    @property
    def seconds(self) -> float:
        """How long all frames are shown."""
        return self.timeline.seconds + 1 / float(self.fps)

    def frames(self, span: Span) -> Iterator[Shown]:
        """Read the frames of a span that `timeline` gave.

        Raises:
            ClipError: corrupt or too_large.
        """
        numbers = range(span.first, len(self.timeline.times) if span.last is None else span.last)
        for number, pixels in zip(numbers, self._pixels(numbers), strict=True):
            yield Shown(av.VideoFrame.from_ndarray(pixels, "rgb24"), number, self.timeline.times[number])

    def _pixels(self, numbers: range) -> Iterator[npt.NDArray[np.uint8]]:
        if self._moves:
            (name,) = self._names
            with open_image(self._first, name) as image, reading_image(name):
                for number in numbers:
                    image.seek(number)
                    yield rgb_of(image)
            return
        for number in numbers:
            name = self._names[number]
            data = self._read(name) if number else self._first
            if len(self._names) > 1 and len(webp_delays(data)) > 1:
                raise ClipError(Reason.CORRUPT, f"{name} is an animation among frames")
            with open_image(data, name) as image, reading_image(name):
                yield rgb_of(image)


def webp_delays(data: bytes) -> list[int]:
    """Return how long each frame of an animated WebP is shown, in microseconds; nothing for all else.

    The container is that of Google's "WebP Container Specification": RIFF chunks, of which each ANMF holds a frame.
    """
    found = []
    at = 12 if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else len(data)
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"ANMF":
            found.append(1000 * int.from_bytes(data[at + 20 : at + 23], "little"))
        at += 8 + size + size % 2
    return found


@contextlib.contextmanager
def reading_image(name: str) -> Iterator[None]:
    """Turn what Pillow raises on a damaged image into a ClipError."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise ClipError(Reason.TOO_LARGE, f"{name}: {error}") from error
    except UnidentifiedImageError as error:
        raise ClipError(Reason.NOT_A_VIDEO, f"{name} is no image that clipmill reads") from error
    except _DAMAGE as error:
        what = str(error).strip().splitlines() or [type(error).__name__]
        raise ClipError(Reason.CORRUPT, f"{name} cannot be read: {what[0]}") from error


def open_image(data: bytes, name: str) -> Image.Image:
    """Read an image's header.

    Raises:
        ClipError: it is empty, no image, too large, or of a kind that has no 8-bit colours.
    """
    if not data:
        raise ClipError(Reason.EMPTY, f"{name} has no bytes")
    with reading_image(name), warnings.catch_warnings():
        # Pillow warns of large images and of odd metadata; the limit on pixels is ours.
        warnings.simplefilter("ignore")
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    refuse_giants(*image.size)
    if image.mode in _TOO_DEEP:
        raise ClipError(Reason.NOT_A_VIDEO, f"{name} has pixels of 32 bits: save it with 8 or 16")
    if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1:
        raise ClipError(Reason.NOT_A_VIDEO, f"{name} is a TIFF of several pages: save each as an image")
    return image


def rgb_of(image: Any, *, turn: bool = True) -> npt.NDArray[np.uint8]:
    """Return the pixels as they are shown, (height, width, 3) uint8: turned by EXIF unless told otherwise, no alpha."""
    image.load()
    shown = ImageOps.exif_transpose(image) if turn else image
    if shown.mode in DEEP:
        grey = (np.asarray(shown) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    return np.asarray(shown.convert("RGB"))
