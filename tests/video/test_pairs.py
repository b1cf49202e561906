"""Images with masks: indices of classes stay what they are, and nothing is turned."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from clipmill.errors import ClipError
from clipmill.options import FrameOptions
from clipmill.video.pairs import Pair

HEIGHT, WIDTH = 20, 32
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([ROWS * 12, COLUMNS * 7, ROWS + COLUMNS], axis=2).astype(np.uint8)
CLASSES = ((ROWS // 4 + COLUMNS // 8) % 4).astype(np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **how) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def coloured(indices: np.ndarray, **how) -> bytes:
    image = Image.fromarray(indices, "P")
    image.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0] + [9] * 756)
    return saved(image, **how)


def grey_png(indices: np.ndarray, bits: int) -> bytes:
    """A grey PNG of 1, 2 or 4 bits, which Pillow does not write."""
    packed = np.packbits(np.unpackbits(indices[..., None], axis=2)[..., 8 - bits :].reshape(len(indices), -1), axis=1)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    head = struct.pack(">IIBBBBB", indices.shape[1], indices.shape[0], bits, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(data)


IMAGE = saved(Image.fromarray(RGB))
MASKS = {
    "palette": (coloured(CLASSES), CLASSES),
    "palette of 2 bits": (coloured(CLASSES, bits=2), CLASSES),
    "grey": (saved(Image.fromarray(CLASSES * 60)), CLASSES * 60),
    "grey of 1 bit": (grey_png(CLASSES % 2, 1), CLASSES % 2),
    "grey of 2 bits": (grey_png(CLASSES, 2), CLASSES),
    "grey of 4 bits": (grey_png(CLASSES * 5, 4), CLASSES * 5),
    "16 bits": (saved(Image.fromarray(CLASSES.astype(np.uint16) * 20_001)), CLASSES.astype(np.uint16) * 20_001),
    "BMP": (saved(Image.fromarray(CLASSES), "BMP"), CLASSES),
}


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_keeps_its_values_and_their_depth(kind):
    data, expected = MASKS[kind]
    pair = Pair.opened("x.png", IMAGE, "m.png", data)
    assert pair.mask.dtype == expected.dtype
    np.testing.assert_array_equal(pair.mask, expected)
    image, mask = pair.encoded(FrameOptions(encoding="raw"))
    assert image == RGB.tobytes() and mask == expected.tobytes()
    for encoding in ("png", "jpeg"):
        stored = Image.open(io.BytesIO(pair.encoded(FrameOptions(encoding=encoding))[1]))
        assert stored.format == "PNG" and stored.mode in ("L", "I;16")
        np.testing.assert_array_equal(np.asarray(stored), expected)


def test_an_image_is_not_turned_and_a_jpeg_keeps_its_bytes():
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = 6
    data = saved(image, "JPEG", exif=exif)
    pair = Pair.opened("x.jpg", data, "m.png", coloured(CLASSES))
    assert (pair.width, pair.height) == (WIDTH, HEIGHT)
    assert pair.encoded(FrameOptions())[0] == data
    plain = Image.open(io.BytesIO(pair.encoded(FrameOptions(encoding="png"))[0]))
    np.testing.assert_array_equal(np.asarray(plain), np.asarray(Image.open(io.BytesIO(data))))


def test_other_images_become_jpegs():
    stored = Image.open(io.BytesIO(Pair.opened("x.png", IMAGE, "m", coloured(CLASSES)).encoded(FrameOptions())[0]))
    assert stored.format == "JPEG" and stored.size == (WIDTH, HEIGHT)
    assert np.abs(np.asarray(stored).astype(int) - RGB).mean() < 6


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        (IMAGE, coloured(CLASSES[:, :30]), "the image has 32x20 pixels, and its mask 30x20"),
        (IMAGE, IMAGE, "the mask m.png has colours"),
        (IMAGE, coloured(CLASSES)[:-40], r"m\.png cannot be read"),
        (IMAGE[:-30], coloured(CLASSES), r"x\.png cannot be read"),
    ],
)
def test_what_is_no_pair(image, mask, words):
    with pytest.raises(ClipError, match=words) as caught:
        Pair.opened("x.png", image, "m.png", mask)
    assert caught.value.reason == "corrupt"
