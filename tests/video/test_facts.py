"""All real videos, once, through the pool: how many frames there are, and how well they are kept.

`facts.csv` says what decoding every packet with libavcodec gave, one thread at a time.
"""

from __future__ import annotations

import csv
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from footage import jpeg_pixels, psnr
from real_videos import LONG, MORE, REFUSED

from clipmill.decoding.fragments import read_fragment
from clipmill.errors import ClipError
from clipmill.messages import ClipTask, SourceTask
from clipmill.options import FrameOptions
from clipmill.storage import open_storage
from clipmill.video.container import Tally, open_video
from clipmill.video.jpeg import _LUMA
from clipmill.workers.jobs import DecodeJob, ResolveJob
from clipmill.workers.pool import Pool


class Built:
    """What all videos came to.

    Attributes:
        rows: of facts.csv, by file.
        reasons: why a file is no clip.
        clips: key of each clip, by file.
    """

    def __init__(self, data: Path, out: Path) -> None:
        self.videos = data / "videos"
        self.store = open_storage(str(out))
        with open(data / "facts.csv", newline="") as file:
            self.rows = {row["file"].removeprefix("videos/"): row for row in csv.DictReader(file)}
        self.reasons: dict[str, str] = {}
        self.clips: dict[str, str] = {}
        pool = Pool(2, 100)
        tasks = [SourceTask([name], [[False]], [(None, None)], "auto", None, 0, FrameOptions()) for name in self.rows]
        work = []
        for name, source in pool.window((t.paths[0], ResolveJob(t, str(self.videos))) for t in tasks):
            if isinstance(source, ClipError):
                self.reasons[name] = source.reason
            elif source.failure:
                self.reasons[name] = source.failure[0]
            elif name != LONG:
                key = source.fingerprint[:32]
                task = ClipTask(key, name, source.stamp, None, None, source.clips[0].spans[0])
                work.append((name, DecodeJob(task, str(self.videos), str(out), FrameOptions())))
        for name, done in pool.window(work):
            if isinstance(done, ClipError):
                self.reasons[name] = done.reason
            else:
                self.clips[name] = done.piece
        pool.close()

    @lru_cache(maxsize=2)  # noqa: B019
    def read(self, name):
        """Footer and frames."""
        return read_fragment(self.store, self.clips[name])

    def named(self, prefix: str) -> list[str]:
        return [name for name in sorted(self.clips) if name.startswith(prefix)]


@pytest.fixture(scope="module")
def built(shared_data, tmp_path_factory):
    return Built(shared_data, tmp_path_factory.mktemp("built"))


def test_every_video_is_a_clip_or_has_a_reason(built):
    assert len(built.rows) == 226
    assert built.reasons == REFUSED
    assert set(built.clips) == set(built.rows) - set(REFUSED) - {LONG}


def test_frame_counts_are_those_of_facts_csv(built):
    counts = {name: len(built.read(name)[0].sizes) for name in built.clips}
    facts = {name: int(built.rows[name]["decoded_frames"]) for name in built.clips}
    assert counts == facts | MORE


def test_only_damaged_videos_have_bad_packets(built):
    bad = {name: built.read(name)[0].bad_packets for name in built.clips}
    assert {name: count for name, count in bad.items() if count} == {
        "awkward/containers/streamio_weird_aspect.small.mpg": 1,
        "awkward/containers/fate_rv20_realmedia_wrongext.mp4": 1,  # its demuxer ends in an error
    }


def test_timestamps_start_at_zero_and_only_grow(built):
    for name in built.clips:
        footer, _ = built.read(name)
        assert footer.timestamps[0] == 0 and footer.frame_index == list(range(len(footer.sizes)))
        assert all(np.diff(footer.timestamps) > 0), name


def test_the_clips_of_data_sets_are_all_there(built):
    counts = {prefix: len(built.named(prefix)) for prefix in ("ucf101/", "hmdb51/", "kinetics/")}
    assert counts == {"ucf101/": 97, "hmdb51/": 10, "kinetics/": 17}


def original(path: Path):
    with open(path, "rb") as file, open_video(file) as video:
        yield from video.frames(Tally())


def fidelity(built, name, *, rgb_every=1):
    """Least luma PSNR, greatest error of mean luma, least RGB PSNR over all frames of a clip."""
    luma, mean, rgb = 99.0, 0.0, 99.0
    _, frames = built.read(name)
    number = -1
    for number, frame in enumerate(original(built.videos / name)):
        plane = np.frombuffer(frame.planes[0], np.uint8).reshape(frame.height, -1)[:, : frame.width]
        expected = plane if frame.color_range == 2 else cv2.LUT(plane, _LUMA.table)
        stored = jpeg_pixels(frames[number], "GRAY")[..., 0]
        luma = min(luma, psnr(stored, expected))
        mean = max(mean, abs(cv2.mean(stored)[0] - cv2.mean(expected)[0]))
        if number % rgb_every == 0:
            rgb = min(rgb, psnr(jpeg_pixels(frames[number]), frame.to_ndarray(format="rgb24")))
    assert number == len(frames) - 1
    return luma, mean, rgb


def check(measured, name):
    luma, mean, rgb = measured
    assert luma >= 40, f"{name}: luma {luma:.1f} dB"
    assert mean <= 0.5, f"{name}: mean luma is off by {mean:.2f}"
    assert rgb >= 34, f"{name}: RGB {rgb:.1f} dB"


@pytest.mark.parametrize(
    "name",
    [
        "ucf101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi",
        "ucf101/Typing/v_Typing_g16_c03.avi",
        "hmdb51/wave/TrumanShow_wave_f_nm_np1_fr_med_26.avi",
        "hmdb51/punch/AdvancedBoxingTechniquesandExercises_punch_u_nm_np1_ba_med_23.avi",
        "kinetics/Kop0sDqOn-c.mp4",
        "kinetics/zZ9Zb41KNR4.mp4",
    ],
)
def test_every_frame_of_these_clips_is_as_good_as_promised(built, name):
    check(fidelity(built, name), name)


@pytest.mark.parametrize("prefix", ["ucf101/", "hmdb51/", "kinetics/"])
def test_clips_of_data_sets_are_as_good_as_promised(built, prefix):
    """Luma of every frame, RGB of some: 25,000 frames."""
    for name in built.named(prefix):
        check(fidelity(built, name, rgb_every=40), name)
