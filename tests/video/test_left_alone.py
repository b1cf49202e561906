"""The shape of pixels and HDR, as files say it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from miniature import draw_frame

from clipmill.video.container import open_video
from clipmill.video.left_alone import is_hdr, pixel_aspect


def film(path: Path, shape: Fraction | None = None, turn: int = 0, **x264: str) -> Path:
    with av.open(str(path), "w") as file:
        parameters = ":".join(f"{name}={value}" for name, value in x264.items())
        stream = file.add_stream("libx264", rate=25, options={"preset": "ultrafast", "x264-params": parameters})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if shape is not None:
            stream.codec_context.sample_aspect_ratio = shape
        if turn:
            stream.set_display_rotation(turn)
        for number in range(5):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(draw_frame(0, number, 96, 64), "rgb24")))
        file.mux(stream.encode(None))
    return path


def look(path: Path) -> tuple[float | None, bool]:
    with path.open("rb") as file, open_video(file) as video:
        found = pixel_aspect(video), is_hdr(video)
        assert sum(1 for _ in video.container.decode(video.stream)) == 5  # looking has not moved it
        return found


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "h264", "avi"])
@pytest.mark.parametrize(
    ("shape", "said"), [(Fraction(16, 15), 16 / 15), (Fraction(1, 2), 0.5), (Fraction(1), None), (None, None)]
)
def test_the_shape_of_pixels(tmp_path, suffix, shape, said):
    assert look(film(tmp_path / f"a.{suffix}", shape))[0] == (said and pytest.approx(said, rel=1e-3))


@pytest.mark.parametrize("shape", [Fraction(640, 639), Fraction(255, 1)])
def test_rounded_sizes_and_wrong_headers_are_square(tmp_path, shape):
    assert look(film(tmp_path / "a.mp4", shape))[0] is None


@pytest.mark.parametrize(("turn", "said"), [(90, 0.75), (180, 4 / 3), (270, 0.75)])
def test_a_turned_frame_has_turned_pixels(tmp_path, turn, said):
    assert look(film(tmp_path / "a.mp4", Fraction(4, 3), turn))[0] == pytest.approx(said)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "h264"])
@pytest.mark.parametrize(
    ("colours", "hdr"),
    [
        ({"transfer": "smpte2084"}, True),
        ({"transfer": "arib-std-b67"}, True),
        ({"colorprim": "bt2020"}, True),
        ({"transfer": "bt709", "colorprim": "bt709", "colormatrix": "bt709"}, False),
        ({}, False),
    ],
)
def test_hdr(tmp_path, suffix, colours, hdr):
    assert look(film(tmp_path / f"a.{suffix}", **colours))[1] is hdr
