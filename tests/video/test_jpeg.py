"""From a decoded frame to its JPEG: range, matrix, layout, rotation, size changes."""

from __future__ import annotations

import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import simplejpeg
from av.video.reformatter import ColorRange, Colorspace
from footage import jpeg_pixels, psnr
from hypothesis import given, settings
from hypothesis import strategies as st

from clipmill.options import FrameOptions
from clipmill.video.container import Tally, open_video
from clipmill.video.jpeg import _CHROMA, _EXACT, _LUMA, FrameEncoder, _by_table, _matrix, _saturating
from clipmill.video.libjpeg import PlaneEncoder

RAMP = np.arange(256, dtype=np.uint8)
LIMITED, FULL = int(ColorRange.MPEG), int(ColorRange.JPEG)
BT709 = 1


def planar(luma, u, v, pixels="yuv420p", colour_range=LIMITED, matrix=2) -> av.VideoFrame:
    """A frame of three 8-bit planes."""
    frame = av.VideoFrame(luma.shape[1], luma.shape[0], pixels)
    for plane, values in zip(frame.planes, (luma, u, v), strict=True):
        rows = np.zeros((plane.height, plane.line_size), np.uint8)
        rows[:, : plane.width] = values
        plane.update(rows.tobytes())
    frame.color_range = colour_range
    frame.colorspace = matrix
    return frame


def picture(width=96, height=64, number=0) -> np.ndarray:
    """Smooth, so that 4:2:0 costs little, and different towards every corner."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.stack([40 + 180 * x, 40 + 180 * y, 128 + 80 * np.sin(3 * x + 5 * y + number)], -1).astype(np.uint8)


def frame_of(rgb, pixels="yuv420p", matrix=Colorspace.ITU601, colour_range=ColorRange.MPEG) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24").reformat(
        format=pixels, dst_colorspace=matrix, dst_color_range=colour_range, interpolation=_EXACT
    )


def encode(frame, **options) -> bytes:
    return FrameEncoder(FrameOptions(**options)).encode(frame)


def stored_planes(jpeg: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Y, Cb and Cr, Cb and Cr at full size."""
    ycc = cv2.cvtColor(jpeg_pixels(jpeg), cv2.COLOR_RGB2YCrCb)
    return jpeg_pixels(jpeg, "GRAY")[..., 0], ycc[..., 2], ycc[..., 1]


def test_the_tables_widen_and_clip():
    luma, chroma = _LUMA.table, _CHROMA.table
    assert (luma[:17] == 0).all() and (luma[235:] == 255).all()
    assert (chroma[:16] <= 1).all() and chroma[128] == 128 and (chroma[240:] == 255).all()
    assert np.array_equal(luma[16:236], np.round((RAMP[16:236] - 16.0) * 255 / 219))
    assert np.array_equal(chroma[17:240], np.round((RAMP[17:240] - 128.0) * 255 / 224 + 128))


@pytest.mark.parametrize("widening", [_LUMA, _CHROMA], ids=["luma", "chroma"])
@pytest.mark.parametrize("width", [1, 3, 15, 16, 17, 31, 63, 64, 65, 127, 161, 427])
def test_both_ways_to_widen_agree_on_every_value_at_every_place(widening, width):
    values = np.repeat(RAMP[:, None], width + 5, axis=1)
    for plane in (values[:, :width], values[:, 3 : 3 + width], np.ascontiguousarray(values[:, :width])):
        for widen in (_saturating, _by_table):
            out = np.zeros((256, width + 7), np.uint8)
            widen(plane, widening, out[:, 5 : 5 + width])
            assert np.array_equal(out[:, 5 : 5 + width], widening.table[plane])
            assert not out[:, :5].any() and not out[:, 5 + width :].any()


def test_a_ramp_in_limited_range_is_clipped_and_not_wrapped():
    """Values below 16 and above 235 are in real files; 0 must come out black, not grey."""
    ramp = np.repeat(RAMP, 4)[None, :].repeat(32, axis=0)
    grey = np.full((16, 512), 128, np.uint8)
    luma, _, _ = stored_planes(encode(planar(ramp, grey, grey), quality=100))
    assert np.abs(luma.astype(int) - _LUMA.table[ramp]).max() <= 2
    assert luma[:, :64].max() <= 1 and luma[:, -64:].min() >= 254


@pytest.mark.parametrize("plane", [1, 2])
def test_a_ramp_of_chroma_is_clipped_and_not_wrapped(plane):
    ramp = np.repeat(RAMP, 8)[None, :].repeat(32, axis=0)
    planes = [
        np.full((64, 4096), 126, np.uint8),
        np.full((32, 2048), 128, np.uint8),
        np.full((32, 2048), 128, np.uint8),
    ]
    planes[plane] = ramp
    jpeg = encode(planar(*planes), quality=100)
    # RGB would clip on its own: the stored chroma is compared with a JPEG of the planes that are meant.
    meant = PlaneEncoder(4096, 64)
    meant.use_quality(100)
    for room, values, widening in zip(meant.planes, planes, (_LUMA, _CHROMA, _CHROMA), strict=True):
        room[...] = widening.table[values]
    assert jpeg == meant.encode()


@pytest.mark.parametrize("kind", [("yuv420p", FULL), ("yuvj420p", LIMITED), ("yuvj420p", FULL)])
def test_full_range_is_left_as_it_is(kind):
    ramp = np.repeat(RAMP, 4)[None, :].repeat(32, axis=0)
    grey = np.full((16, 512), 128, np.uint8)
    luma, _, _ = stored_planes(encode(planar(ramp, grey, grey, *kind), quality=100))
    assert np.abs(luma.astype(int) - ramp).max() <= 2


@pytest.mark.parametrize(
    "pixels",
    [
        "yuv420p",
        "yuv422p",
        "yuv444p",
        "yuv420p10le",
        "yuv422p10le",
        "yuv444p12le",
        "yuva420p",
        "nv12",
        "rgb24",
        "bgr0",
        "gbrp",
    ],
)
@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709])
def test_any_format_keeps_its_colours(pixels, matrix):
    rgb = picture()
    is_rgb = pixels in ("rgb24", "bgr0", "gbrp")
    frame = frame_of(rgb, pixels, matrix, ColorRange.JPEG if is_rgb else ColorRange.MPEG)
    stored = jpeg_pixels(encode(frame))
    assert psnr(stored, rgb) > 36
    assert np.abs(stored.reshape(-1, 3).mean(0) - rgb.reshape(-1, 3).mean(0)).max() < 0.7


def test_bt709_is_told_from_bt601():
    rgb = np.zeros((32, 32, 3), np.uint8)
    rgb[...] = (20, 200, 40)
    frame = frame_of(rgb, "yuv420p", Colorspace.ITU709)
    assert frame.colorspace == BT709
    assert np.abs(jpeg_pixels(encode(frame)).astype(int) - rgb).max() <= 4
    frame.colorspace = 2
    assert np.abs(jpeg_pixels(encode(frame)).astype(int) - rgb).max() > 10, "unspecified is taken as BT.601"


@pytest.mark.parametrize(("space", "matrix"), [(1, 1), (2, 5), (4, 4), (5, 5), (6, 5), (7, 7), (9, 9), (10, 9), (0, 5)])
def test_every_colour_space_of_libav_has_a_matrix_of_swscale(space, matrix):
    frame = av.VideoFrame(16, 16, "yuv420p")
    frame.colorspace = space
    assert int(_matrix(frame)) == matrix


def test_grey_stays_grey():
    ramp = np.repeat(RAMP, 4)[None, :].repeat(32, axis=0)
    stored = jpeg_pixels(encode(av.VideoFrame.from_ndarray(ramp, "gray"), quality=100))
    assert np.abs(stored.astype(int) - ramp[..., None]).max() <= 2


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 1), (1, 2), (3, 5), (15, 16), (16, 15), (17, 17), (161, 121), (427, 240), (320, 213)]
)
def test_odd_sizes_have_defined_pixels_to_their_edges(size):
    """Blocks reach beyond an odd plane: what lies there must not be whatever is in memory."""
    rgb = picture(*size)
    frame = frame_of(rgb)
    jpegs = set()
    for junk in (0, 85, 170, 255):
        rubbish = [np.full((size[1] + 1, size[0] + 1), junk, np.uint8) for _ in range(8)]
        del rubbish
        jpegs.add(encode(frame))
    assert len(jpegs) == 1
    (jpeg,) = jpegs
    assert simplejpeg.decode_jpeg_header(jpeg)[:3] == (size[1], size[0], "YCbCr")
    luma = cv2.LUT(np.frombuffer(frame.planes[0], np.uint8).reshape(size[1], -1)[:, : size[0]], _LUMA.table)
    assert psnr(jpeg_pixels(jpeg, "GRAY")[..., 0], luma) > 40


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("size", [(64, 64), (111, 75), (75, 111), (40, 90), (333, 201)])
@pytest.mark.parametrize("source", [(96, 64), (97, 63), (160, 120)])
def test_planes_and_rgb_are_laid_out_alike(source, size, fit):
    rgb = picture(*source)
    planes = jpeg_pixels(encode(frame_of(rgb, "yuv420p"), size=size, fit=fit))
    other = jpeg_pixels(encode(frame_of(rgb, "yuv444p"), size=size, fit=fit))
    assert planes.shape == other.shape == (size[1], size[0], 3)
    # Shrunk chroma of an odd plane lies half a sample off; the edge of a black bar within a chroma sample blends.
    assert psnr(planes, other) > (30 if fit == "pad" else 33)


def test_pad_makes_black_bars():
    for pixels in ("yuv420p", "yuv444p"):
        stored = jpeg_pixels(encode(frame_of(picture(96, 64), pixels), size=(64, 64), fit="pad"))
        bars = np.concatenate([stored[:8], stored[-8:]])
        assert bars.max() <= 8 and stored[16:48].mean() > 60


def test_crop_takes_the_middle():
    rgb = np.zeros((64, 128, 3), np.uint8)
    rgb[:, 32:96] = 200
    for pixels in ("yuv420p", "yuv444p"):
        assert jpeg_pixels(encode(frame_of(rgb, pixels), size=(64, 64))).min() > 190


def test_stored_frames_are_baseline_420():
    for pixels in ("yuv420p", "yuv444p"):
        height, width, space, sampling = simplejpeg.decode_jpeg_header(encode(frame_of(picture(), pixels)))
        assert (height, width, space, sampling) == (64, 96, "YCbCr", "420")


def test_a_size_change_within_a_stream_keeps_the_first_size():
    encoder = FrameEncoder(FrameOptions())
    sizes = [(96, 64), (192, 128), (48, 32), (96, 64)]
    stored = [jpeg_pixels(encoder.encode(frame_of(picture(*size)))) for size in sizes]
    assert encoder.size == (96, 64)
    assert all(psnr(frame, picture(96, 64)) > 30 for frame in stored)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.sampled_from(["crop", "pad", "stretch"]),
    st.integers(1, 64),
    st.integers(1, 64),
)
def test_any_size_to_any_size(width, height, fit, stored_width, stored_height):
    frames = [frame_of(picture(width, height), pixels) for pixels in ("yuv420p", "yuv444p")]
    for frame in frames:
        jpeg = encode(frame, size=(stored_width, stored_height), fit=fit)
        assert simplejpeg.decode_jpeg_header(jpeg)[:2] == (stored_height, stored_width)


ROTATED = [
    "decord_video_0.mov", "decord_video_90.mov", "decord_video_180.mov", "decord_video_270.mov",
    "sideways movie.mov", "pyscenedetect_issue-134-rotate.mp4", "fate_moviedispmat.mp4",
]  # fmt: skip


@pytest.mark.parametrize("name", ROTATED)
@pytest.mark.parametrize("options", [{}, {"short_side": 100}], ids=["as it is", "short_side"])
def test_rotated_videos_stand_upright_as_opencv_shows_them(shared_data, name, options):
    path = shared_data / "videos" / "awkward" / "rotation" / name
    ok, bgr = cv2.VideoCapture(str(path)).read()
    assert ok
    with open(path, "rb") as file, open_video(file) as video:
        stored = jpeg_pixels(encode(next(video.frames(Tally())), **options))
    stored, expected = cv2.cvtColor(stored, cv2.COLOR_RGB2GRAY), cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    assert (stored.shape[0] > stored.shape[1]) == (expected.shape[0] > expected.shape[1])
    expected = cv2.resize(expected, stored.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert psnr(stored, expected) > 28
    for turns in (1, 2, 3):
        turned = np.rot90(expected, turns)
        if turned.shape == expected.shape:
            assert psnr(stored, turned) < 20


def test_a_display_matrix_that_is_no_rotation_is_left_alone(shared_data):
    path = shared_data / "videos" / "awkward" / "corrupt" / "mp4parse_no_timescale.mp4"
    with open(path, "rb") as file, open_video(file) as video:
        frame = next(video.frames(Tally()))
        assert frame.rotation == -(1 << 31)
        assert jpeg_pixels(encode(frame)).shape == (frame.height, frame.width, 3)


#: Least PSNR of RGB where chroma is 4:2:0 or coarser in the source, less where a finer one is thrown away.
FORMATS = {
    "awkward/pixfmt/torchcodec_h264_10bits.mp4": 28,
    "awkward/pixfmt/fate_vp93-2-20-10bit-yuv444_wrongext.mp4": 34,
    "awkward/pixfmt/fate_vp93-2-20-12bit-yuv444_wrongext.mp4": 34,
    "awkward/pixfmt/fate_vp93-2-20-10bit-yuv422_wrongext.mp4": 35,
    "awkward/pixfmt/fate_vp91-2-04-yuv440_wrongext.mp4": 37,
    "awkward/pixfmt/fate_prores4444_alpha.mp4": 38,
    "awkward/pixfmt/fate_prores_gray.mp4": 45,
    "awkward/pixfmt/100_0306_camera_mjpeg_yuvj422p.AVI": 39,
    "awkward/pixfmt/fate_msvideo1_pal8_skating.avi": 36,
    "awkward/pixfmt/mp4parse_gbrp_2x2.mp4": 40,
    "awkward/pixfmt/nvgesture_sk_depth_gray_mjpeg.avi": 45,
    "awkward/pixfmt/torchcodec_h265_video.mp4": 34,
    "awkward/av1/androidx_sample_av1_monochrome_sdr.mp4": 45,
    "awkward/gif/imageio_newtonscradle.gif": 40,
    "awkward/odd_size/fate_cfhd_odd_496x241.mp4": 38,
    "awkward/odd_size/-video-with-dash-.mp4": 40,
    "awkward/odd_size/androidx_bear-vp9-odd-dimensions_161x121.webm": 38,
    "awkward/odd_size/mmaction2_browse_out_1410x409_yuv444p.mp4": 40,
    "awkward/odd_size/paddleseg_mjpeg_600x1024_5fps.avi": 42,
    "awkward/mpeg4_asp/nvidia_h264_avi_test.avi": 30,
    "other/imageio_cockatoo.mp4": 44,
    "other/ascend_billiards.0001.mp4": 36,
}


@pytest.mark.parametrize("name", FORMATS)
def test_real_videos_of_every_format_keep_their_colours(shared_data, name):
    encoder = FrameEncoder(FrameOptions())
    with open(shared_data / "videos" / name, "rb") as file, open_video(file) as video:
        for number, frame in enumerate(video.frames(Tally())):
            if number % 5 == 0:
                expected = frame.to_ndarray(format="rgb24")
                stored = jpeg_pixels(encoder.encode(frame))
                assert psnr(stored, expected) >= FORMATS[name]
                means = stored.reshape(-1, 3).mean(0) - expected.reshape(-1, 3).mean(0)
                # libavcodec's own way to RGB is 1 to 1.5 levels too dark where chroma is subsampled.
                assert np.abs(means).max() < 2.2, means
            if number == 20:
                break


def test_a_frame_that_was_encoded_is_held_by_nobody():
    frame = av.VideoFrame(32, 32, "yuv420p")
    held = sys.getrefcount(frame)
    FrameEncoder(FrameOptions()).encode(frame)
    assert sys.getrefcount(frame) == held


def test_frames_without_a_time_base_are_encoded():
    frame = frame_of(picture())
    frame.pts, frame.time_base = None, Fraction(1, 25)
    assert encode(frame)[:2] == b"\xff\xd8"
