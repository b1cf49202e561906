"""Images as frames: every kind of pixel, turned and without alpha; damaged ones say so."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from clipmill.errors import ClipError
from clipmill.messages import Span
from clipmill.options import FrameOptions
from clipmill.video.limits import MAX_PIXELS
from clipmill.video.pictures import Pictures, webp_delays

HEIGHT, WIDTH = 20, 32
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([ROWS * 12, COLUMNS * 7, ROWS + COLUMNS], axis=2).astype(np.uint8)
GREY = (ROWS * 8 + COLUMNS).astype(np.uint8)


def saved(image: Image.Image, kind: str = "PNG", **how) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


def shown(data: bytes, name: str = "x.png") -> list[np.ndarray]:
    pictures = Pictures([name], lambda _: data)
    (span,) = pictures.timeline.spans(None, None, FrameOptions())
    return [found.frame.to_ndarray(format="rgb24") for found in pictures.frames(span)]


def palette() -> Image.Image:
    image = Image.fromarray(GREY % 4, "P")
    image.putpalette([10, 20, 30, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    return image


KINDS = {
    "rgb": (Image.fromarray(RGB), RGB),
    "grey": (Image.fromarray(GREY), np.repeat(GREY[..., None], 3, 2)),
    "16 bits": (Image.fromarray(GREY.astype(np.uint16) * 257), np.repeat(GREY[..., None], 3, 2)),
    "1 bit": (Image.fromarray(GREY > 99), np.repeat(((GREY > 99) * np.uint8(255))[..., None], 3, 2)),
    "palette": (palette(), np.array([[10, 20, 30], [200, 0, 0], [0, 200, 0], [0, 0, 200]], np.uint8)[GREY % 4]),
    "alpha": (Image.fromarray(np.dstack([RGB, GREY])), RGB),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_pixel_becomes_rgb_of_8_bits(kind):
    image, expected = KINDS[kind]
    (found,) = shown(saved(image))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_an_image(orientation):
    image = Image.fromarray(RGB)
    exif = image.getexif()
    exif[0x0112] = orientation
    (found,) = shown(saved(image, exif=exif))
    mirrored = RGB[:, ::-1] if orientation in (2, 4, 5, 7) else RGB
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}[orientation]
    np.testing.assert_array_equal(found, np.rot90(mirrored, turns))


def test_an_animated_webp_is_composed_and_keeps_its_times():
    boxes = []
    for number in range(4):
        frame = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        frame[4:12, number * 6 : number * 6 + 6] = [250, number * 40, 10, 255]
        boxes.append(Image.fromarray(frame))
    data = saved(
        boxes[0], "WEBP", save_all=True, append_images=boxes[1:], duration=[40, 0, 200, 19], lossless=True, exact=True
    )
    assert webp_delays(data) == [40_000, 0, 200_000, 19_000]
    pictures = Pictures(["x.webp"], lambda _: data)
    assert pictures.timeline.times == [0, 40_000, 140_000, 340_000]  # below 2 hundredths counts as 10 of them
    assert pictures.seconds == pytest.approx(0.44, abs=0.03)
    for number, found in enumerate(shown(data, "x.webp")):
        np.testing.assert_array_equal(found, np.asarray(boxes[number])[..., :3])


def test_frames_of_a_folder_are_read_by_number():
    data = {f"{number}.png": saved(Image.fromarray(np.roll(RGB, number, 0))) for number in range(5)}
    pictures = Pictures(list(data), data.__getitem__)
    assert (pictures.fps, pictures.timeline.times) == (25, [0, 40_000, 80_000, 120_000, 160_000])
    assert [(found.number, found.time) for found in pictures.frames(Span(first=1, last=3))] == [
        (1, 40_000),
        (2, 80_000),
    ]
    for found in pictures.frames(Span(first=2, last=5)):
        np.testing.assert_array_equal(found.frame.to_ndarray(format="rgb24"), np.roll(RGB, found.number, 0))


def png_of(width: int, height: int) -> bytes:
    """A PNG that says how large it is, and holds next to nothing."""
    head, body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), zlib.compress(b"")
    chunks = [
        struct.pack(">I4s", len(data), name) + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", head), (b"IDAT", body))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


PNG, JPEG = saved(Image.fromarray(RGB)), saved(Image.fromarray(RGB), "JPEG")
PAGES = saved(Image.fromarray(RGB), "TIFF", save_all=True, append_images=[Image.fromarray(RGB)])


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (b"", "empty", "has no bytes"),
        (b"<html>", "not_a_video", "no image that clipmill reads"),
        (saved(Image.fromarray(RGB), "GIF"), "not_a_video", "no image"),
        (PNG[: len(PNG) // 2], "corrupt", "cannot be read"),
        (JPEG[: len(JPEG) // 2], "corrupt", "cannot be read"),
        (PNG[:60] + bytes([PNG[60] ^ 255]) + PNG[61:], "corrupt", "cannot be read"),
        (png_of(1 << 14, (MAX_PIXELS >> 14) + 1), "too_large", "over 67,108,864 pixels"),
        (png_of(1 << 20, 1 << 20), "too_large", "pixels"),
        (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "not_a_video", "32 bits"),
        (PAGES, "not_a_video", "several pages"),
    ],
)
def test_what_is_no_image_of_a_clip(data, reason, words):
    with pytest.raises(ClipError, match=words) as caught:
        shown(data)
    assert caught.value.reason == reason


def test_an_animation_among_frames_is_no_frame():
    frames = [Image.fromarray(np.roll(RGB, number, 0)) for number in range(3)]
    moving = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    pictures = Pictures(["1.webp", "2.webp"], {"1.webp": saved(frames[0], "WEBP"), "2.webp": moving}.__getitem__)
    with pytest.raises(ClipError, match=r"2\.webp is an animation among frames"):
        list(pictures.frames(Span(first=0, last=2)))
