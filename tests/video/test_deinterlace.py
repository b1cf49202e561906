"""Frames of two woven fields, before and after deinterlacing."""

from __future__ import annotations

import av
import numpy as np
import pytest
from footage import make_clip, write_film, x264

from clipmill.content_names import clip_key
from clipmill.messages import WHOLE
from clipmill.options import FrameOptions
from clipmill.video.container import open_video
from clipmill.video.deinterlace import deinterlaced
from clipmill.video.frames import Shown, Walk

SIZE = (96, 64)
FIELDS = x264(keyint=10, crf=12, interlaced=1)
ASKED = FrameOptions(deinterlace=True)


def scene(time):
    """(height, width) uint8: a bright post that moves 3 pixels to the right in each unit of time."""
    columns = np.arange(SIZE[0]) + np.zeros((SIZE[1], 1))
    return np.where(abs(columns - 3 * time - 10) < 6, 220, 40).astype(np.uint8)


def write_fields(path, frames=12):
    """A film whose odd lines are half a frame older than its even ones: libavcodec says so of frames by default."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=25, options=FIELDS)
        stream.width, stream.height = SIZE
        stream.pix_fmt, stream.thread_count = "yuv420p", 1
        for number in range(frames):
            woven = scene(2 * number)
            woven[::2] = scene(2 * number + 1)[::2]
            planes = np.full((SIZE[1] * 3 // 2, SIZE[0]), 128, np.uint8)
            planes[: SIZE[1]] = woven
            file.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        file.mux(stream.encode())
    return path


def walked(path, how=lambda frames: frames):
    with open(path, "rb") as file, open_video(file) as video:
        return [(shown, shown.frame.to_ndarray()[: shown.frame.height]) for shown in how(Walk(video, WHOLE))]


def combing(luma):
    """Mean difference between lines of one field and those of the other, beyond that within a field."""
    luma = luma.astype(int)
    return abs(luma[1:-1] - luma[:-2]).mean() - abs(luma[2:] - luma[:-2]).mean() / 2


def test_fields_of_two_moments_become_one(tmp_path):
    film = write_fields(tmp_path / "f.mp4")
    before, after = walked(film), walked(film, deinterlaced)
    assert [shown[1:] for shown, _ in before] == [shown[1:] for shown, _ in after]
    assert all(shown.frame.interlaced_frame for shown, _ in before)
    for number, ((_, woven), (_, made)) in enumerate(zip(before, after, strict=True)):
        assert np.array_equal(woven[1::2], made[1::2]), "the first field stays as it is"
        error = [abs(luma.astype(int) - scene(2 * number)).mean() for luma in (woven, made)]
        assert combing(woven) > 5 and combing(made) < 1 and error[1] < error[0] / 2, number


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_videos_keep_each_frame(tmp_path, frames):
    assert len(walked(write_fields(tmp_path / "f.mp4", frames), deinterlaced)) == frames


@pytest.mark.parametrize(
    "name, how",
    [
        ("progressive.mp4", {}),
        ("packed.avi", {"codec": "rawvideo", "pixels": "yuyv422"}),
        ("palette.gif", {"codec": "gif", "pixels": "rgb8"}),
    ],
)
def test_frames_without_fields_stay_as_they_are(tmp_path, name, how):
    film = write_film(tmp_path / name, 5, **how)
    before, after = walked(film), walked(film, deinterlaced)
    assert len(before) == len(after) == 5
    for (old, one), (new, other) in zip(before, after, strict=True):
        assert old.frame.format.name == new.frame.format.name and np.array_equal(one, other)


def test_a_size_change_in_the_middle(tmp_path):
    small = write_film(tmp_path / "s.mp4", 4, options=FIELDS, size=(64, 48))
    large = write_fields(tmp_path / "l.mp4", 4)
    with open(small, "rb") as one, open(large, "rb") as other, open_video(one) as a, open_video(other) as b:
        frames = [*Walk(a, WHOLE), *Walk(b, WHOLE)]
    found = list(deinterlaced(Shown(shown.frame, number, None) for number, shown in enumerate(frames)))
    assert [(shown.number, shown.frame.width) for shown in found] == [(n, 64 if n < 4 else 96) for n in range(8)]
    assert not any(shown.frame.interlaced_frame for shown in found)


@pytest.mark.parametrize(
    "options, start, end",
    [
        (FrameOptions(deinterlace=True, max_frames=3, every=2), None, None),
        (ASKED, 0.4, 0.8),
        (FrameOptions(deinterlace=True, fps=10.0, max_frames=2), 0.2, None),
    ],
)
def test_a_clip_does_not_depend_on_how_it_is_found(tmp_path, options, start, end):
    """By seeking after a pass over the packets, or by decoding from the file's start."""
    film = write_fields(tmp_path / "f.mp4", 30)
    sought = make_clip(film, tmp_path / "a", options, start, end)
    whole = make_clip(film, tmp_path / "b", options, start, end, seek=False)
    assert sought.digest == whole.digest and len(sought.frames) >= 2
    plain = make_clip(film, tmp_path / "c", FrameOptions(), start, end)
    assert plain.digest != sought.digest and set(sought.frame_index) <= set(plain.frame_index)


def test_clips_without_it_keep_their_keys():
    assert clip_key("0", None, None, FrameOptions()) == clip_key("0", None, None, FrameOptions(deinterlace=False))
    assert clip_key("0", None, None, FrameOptions()) != clip_key("0", None, None, ASKED)


@pytest.mark.parametrize(
    "name, changed", [("Sony ILCE-7M3 (A7M3).mts", 13), ("fate_sony-ct3_wrongext.mp4", 0)], ids=["fields", "film"]
)
def test_real_videos(shared_data, name, changed):
    """In the second one fields are marked that repeat those of film, as the progressive frames between them say."""
    path = shared_data / "videos/awkward/interlaced" / name
    before, after = walked(path), walked(path, deinterlaced)
    assert [shown[1:] for shown, _ in before] == [shown[1:] for shown, _ in after]
    pairs = zip(before, after, strict=True)
    assert sum(not np.array_equal(woven, made) for (_, woven), (_, made) in pairs) == changed
