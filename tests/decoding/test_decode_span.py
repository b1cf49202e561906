"""Decoding clips into fragments: which frames they hold, and what becomes of those that cannot be made."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import random
from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import pairwise

import av
import msgspec
import pytest
from footage import Made, make_clip, resolve, write_film, x264

from clipmill.decoding import decode_span
from clipmill.decoding.decode_span import decode_task
from clipmill.decoding.fragments import fragment_path, read_footer
from clipmill.errors import ClipError, StorageError
from clipmill.messages import WHOLE, ClipTask
from clipmill.options import FrameOptions
from clipmill.storage import LocalStorage, open_storage
from clipmill.video import limits
from clipmill.video.container import Tally, open_video
from clipmill.video.timeline import tick_time


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def asp(folder):
    """60 frames as AVI files of old data sets have them: nothing of it can be proven."""
    return write_film(folder / "asp.avi", 60, "mpeg4", {"qmin": "2", "qmax": "2"}, b_frames=2)


@pytest.fixture(scope="module")
def avc(folder):
    return write_film(folder / "avc.mp4", 60, options=x264())


def picture_times(path):
    """Microseconds of every frame from the first, by PyAV alone."""
    with open(path, "rb") as file, open_video(file) as video:
        stamps = sorted(frame.pts for frame in video.frames(Tally()))
        return [round(Fraction(stamp - stamps[0]) * video.time_base * 1_000_000) for stamp in stamps]


def check_numbers(made: Made, expected: list[int], times: list[int] | None = None) -> None:
    """The pictures, their numbers and their times are those of the film's frames `expected`."""
    assert made.codes() == expected
    assert made.frame_index == [number - expected[0] for number in expected]
    times = times or [40_000 * number for number in range(60)]
    assert made.timestamps == [times[number] - times[expected[0]] for number in expected]


@pytest.mark.parametrize("film", ["asp", "avc"])
@pytest.mark.parametrize("step", [1, 2, 7, 59, 60, 1000])
def test_every_keeps_decoded_frames_0_k_2k(request, tmp_path, film, step):
    made = make_clip(request.getfixturevalue(film), tmp_path, FrameOptions(every=step))
    check_numbers(made, list(range(0, 60, step)))
    assert made.fps == 25 / step


@pytest.mark.parametrize("film", ["asp", "avc"])
def test_start_and_end_are_half_open(request, tmp_path, film):
    path = request.getfixturevalue(film)
    check_numbers(make_clip(path, tmp_path / "a", start=0.4, end=0.8), list(range(10, 20)))
    check_numbers(make_clip(path, tmp_path / "b", start=0.41, end=0.81), list(range(11, 21)))
    check_numbers(make_clip(path, tmp_path / "c", start=2.2), list(range(55, 60)))
    check_numbers(make_clip(path, tmp_path / "d", end=0.2), list(range(5)))
    check_numbers(make_clip(path, tmp_path / "e", FrameOptions(every=3), 0.4, 0.8), [10, 13, 16, 19])


@pytest.mark.parametrize("film", ["asp", "avc"])
def test_max_frames_are_the_first_ones(request, tmp_path, film):
    path = request.getfixturevalue(film)
    check_numbers(make_clip(path, tmp_path / "a", FrameOptions(max_frames=7)), list(range(7)))
    check_numbers(make_clip(path, tmp_path / "b", FrameOptions(max_frames=100)), list(range(60)))
    check_numbers(make_clip(path, tmp_path / "c", FrameOptions(max_frames=3, every=5), 0.4), [10, 15, 20])
    made = make_clip(path, tmp_path / "d", FrameOptions(max_frames=4, fps=5.0), 0.4)
    assert made.codes() == [10, 15, 20, 25] and made.timestamps == [0, 200_000, 400_000, 600_000]


@pytest.mark.parametrize("film", ["asp", "avc"])
@pytest.mark.parametrize("fps", [5.0, 12.5, 25.0, 50.0, 7.3])
def test_fps_takes_for_each_tick_the_last_frame_shown_at_it(request, tmp_path, film, fps):
    made = make_clip(request.getfixturevalue(film), tmp_path, FrameOptions(fps=fps), 0.4, 1.6)
    ticks = [tick_time(n, fps) for n in range(1000) if tick_time(n, fps) < 1_200_000]
    assert made.timestamps == ticks
    assert made.codes() == [10 + tick // 40_000 for tick in ticks]
    assert made.frame_index == [tick // 40_000 for tick in ticks]
    assert made.fps == fps


def test_fps_repeats_the_bytes_of_a_frame(asp, tmp_path):
    made = make_clip(asp, tmp_path, FrameOptions(fps=50.0, max_frames=10))
    assert made.frames[::2] == made.frames[1::2] and len(set(made.frames)) == 5


@pytest.mark.parametrize("fps", [4.0, 24.0, 100.0])
@pytest.mark.parametrize("container", ["mkv", "avi"])
def test_fps_of_a_film_of_variable_rate(folder, tmp_path, container, fps):
    """Gaps of 10 to 400 ms, by an oracle of its own: what is on the screen at each tick."""
    steps = [1, 1, 1, 40, 2, 3, 7, 1, 5, 1] * 4
    stamps = [sum(steps[:n]) for n in range(len(steps))]
    codec = {"mkv": "libx264", "avi": "mpeg4"}[container]
    options = x264() if codec == "libx264" else {"qmin": "2", "qmax": "2"}
    film = folder / f"vfr.{container}"
    if not film.exists():
        write_film(film, 40, codec, options, rate=100, stamps=stamps.__getitem__, time_base=Fraction(1, 100))
    times = picture_times(film)
    assert times == [10_000 * stamp for stamp in stamps]
    for start, end in [(None, None), (0.5, 1.7)]:
        made = make_clip(film, tmp_path / f"{start}", FrameOptions(fps=fps), start, end)
        first = 0 if start is None else bisect_left(times, 500_000)
        with open(film, "rb") as file, open_video(file) as video:
            stop = 1_700_000 if end else times[-1] + round(1_000_000 / video.fps)
        ticks = [times[first] + tick_time(n, fps) for n in range(1000)]
        expected = [bisect_right(times, tick) - 1 for tick in ticks if tick < stop]
        assert made.codes() == expected
        assert made.timestamps == [tick_time(n, fps) for n in range(len(expected))]


VFR = (
    "awkward/vfr/androidx_sample_sef_slow_motion.mp4", "awkward/vfr/pyscenedetect_delayed_start.mp4",
    "awkward/vfr/fate_test-4867_more_frames_than_claimed.mp4", "awkward/webm/moviepy_no_duration.webm",
    "ucf101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi", "awkward/containers/androidx_sample.flv",
)  # fmt: skip


@pytest.mark.parametrize("name", VFR)
def test_fps_of_real_videos_by_brute_force(shared_data, tmp_path, name):
    path = shared_data / "videos" / name
    times = picture_times(path)
    for n, (a, b) in enumerate(pairwise(times)):
        times[n + 1] = max(b, times[n] + 1)
        assert a <= b
    start, end = times[-1] * 0.2 / 1e6, times[-1] * 0.7 / 1e6
    made = make_clip(path, tmp_path, FrameOptions(fps=10.0, size=(32, 32)), start, end)
    first, last = bisect_left(times, round(start * 1e6)), bisect_left(times, round(end * 1e6))
    ticks = [times[first] + 100_000 * n for n in range(10_000)]
    expected = [bisect_right(times, tick, hi=last) - 1 - first for tick in ticks if tick < round(end * 1e6)]
    assert made.frame_index == expected
    assert made.timestamps == [100_000 * n for n in range(len(expected))]


@pytest.mark.parametrize("options", [FrameOptions(every=20), FrameOptions(fps=0.9)])
def test_a_span_without_a_frame_to_keep_is_no_failure(avc, tmp_path, options):
    spans = make_clip(avc, tmp_path / "spans", options, span_frames=4)
    assert len(spans.spans) > 4 and not spans.again
    assert spans.content == make_clip(avc, tmp_path / "whole", options).content


def failure(path, out, options=FrameOptions(), start=None, end=None) -> tuple[str, str]:
    with pytest.raises(ClipError) as caught:
        make_clip(path, out, options, start, end)
    return caught.value.reason, caught.value.message


@pytest.mark.parametrize("options", [FrameOptions(), FrameOptions(fps=5.0), FrameOptions(max_frames=3)], ids=str)
def test_a_file_without_a_frame_is_corrupt_whatever_is_asked(shared_data, tmp_path, options):
    path = shared_data / "videos" / "awkward" / "corrupt" / "fate_mov-3elist-encrypted.mp4"
    assert failure(path, tmp_path / "a", options)[0] == "corrupt"
    whole = resolve(path)
    task = ClipTask("aa" * 16, path.name, whole.stamp, 1.0, 2.0)
    with pytest.raises(ClipError) as caught:
        decode_task(task, str(path.parent), str(tmp_path / "b"), options)
    assert caught.value.reason == "corrupt"


def test_a_range_that_a_cut_file_lost_is_truncated_and_not_out_of_range(asp, tmp_path):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(asp.read_bytes()[: os.path.getsize(asp) // 2])
    check_numbers(make_clip(cut, tmp_path / "a", start=0.2, end=0.4), [5, 6, 7, 8, 9])
    reason, message = failure(cut, tmp_path / "b", start=2.0, end=2.2)
    assert reason == "truncated" and "truncated after" in message
    assert failure(asp, tmp_path / "c", start=9.0)[0] == "out_of_range"


def test_few_bad_packets_are_passed_over_and_counted(folder, tmp_path):
    """Every frame stands for itself, so that what lies behind a bad one is whole."""
    film = write_film(folder / "intra.mp4", 100, options=x264(keyint=1, min_keyint=1, bframes=0))
    with av.open(str(film)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    spoiled = tmp_path / "spoiled.mp4"
    data = bytearray(film.read_bytes())
    for position, size in (places[40], places[70]):
        data[position + size // 2 : position + size] = random.Random(size).randbytes(size - size // 2)
    spoiled.write_bytes(data)
    made = make_clip(spoiled, tmp_path)
    assert made.bad_packets == 2 and 98 <= len(made.frames) <= 100
    assert set(made.codes()) >= set(range(100)) - {40, 70}


def test_many_bad_packets_are_too_many(shared_data, tmp_path):
    reason, message = failure(shared_data / "videos" / "awkward" / "corrupt" / "mp4parse_no_timescale.mp4", tmp_path)
    assert reason == "corrupt" and message.startswith("182 of 182 packets")


def task_for(path, key="ab" * 16, **more):
    return ClipTask(key, path.name, resolve(path).stamp, None, None, **more)


def test_what_is_done_is_not_done_again(asp, tmp_path, monkeypatch):
    task = task_for(asp)
    first = decode_task(task, str(asp.parent), str(tmp_path), FrameOptions())
    monkeypatch.setattr(decode_span, "open_video", None)
    assert decode_task(task, str(asp.parent), str(tmp_path), FrameOptions()) == first


def test_a_video_is_looked_at_no_more_than_needed(asp, tmp_path, monkeypatch):
    """On an object store each look is a request: one to find it, and one for each stage in which it must not change."""
    looked = []
    stat = LocalStorage.stat
    monkeypatch.setattr(LocalStorage, "stat", lambda self, path: looked.append(path) or stat(self, path))
    task = task_for(asp)
    assert looked == [asp.name] * 2
    decode_task(task, str(asp.parent), str(tmp_path), FrameOptions())
    assert looked.count(asp.name) == 3


def test_a_damaged_fragment_is_made_again(asp, tmp_path):
    task = task_for(asp)
    first = decode_task(task, str(asp.parent), str(tmp_path), FrameOptions())
    fragment = tmp_path / first.piece.path
    data = bytearray(fragment.read_bytes())
    fragment.write_bytes(data[:1000] + b"\xff" + data[1001:])
    assert decode_task(task, str(asp.parent), str(tmp_path), FrameOptions()) == first
    assert fragment.read_bytes() == data


def test_a_clip_that_never_decodes_is_remembered(shared_data, tmp_path, monkeypatch):
    path = shared_data / "videos" / "awkward" / "corrupt" / "mp4parse_no_timescale.mp4"
    task = task_for(path)
    for patch in (False, True):
        if patch:
            monkeypatch.setattr(decode_span, "open_video", None)
        with pytest.raises(ClipError, match="182 of 182 packets") as caught:
            decode_task(task, str(path.parent), str(tmp_path), FrameOptions())
        assert caught.value.reason == "corrupt"
    footer = read_footer(open_storage(str(tmp_path)), fragment_path(task.clip_key, 0, 1))
    assert footer.failure == ("corrupt", caught.value.message) and footer.sizes == []


def test_a_file_that_changed_is_neither_kept_nor_remembered(asp, shared_data, tmp_path):
    for path in (asp, shared_data / "videos" / "awkward" / "corrupt" / "mp4parse_no_timescale.mp4"):
        task = msgspec.structs.replace(task_for(path), stamp="another")
        with pytest.raises(ClipError) as caught:
            decode_task(task, str(path.parent), str(tmp_path), FrameOptions())
        assert caught.value.reason == "changed"
        assert list(open_storage(str(tmp_path)).list()) == []


def test_a_record_that_nobody_would_want_to_hold_is_refused(asp, tmp_path, monkeypatch):
    monkeypatch.setattr(decode_span, "MAX_FRAME_BYTES", 20_000)
    reason, message = failure(asp, tmp_path)
    assert reason == "too_large" and "--segment-seconds" in message and "96x64" in message
    assert list(open_storage(str(tmp_path)).list()) == []
    assert len(make_clip(asp, tmp_path, FrameOptions(max_frames=2)).frames) == 2


def test_frames_of_too_many_pixels_are_refused(asp, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_PIXELS", 96 * 64 - 1)
    assert failure(asp, tmp_path)[0] == "too_large"


def test_a_span_that_does_not_hold_what_was_proven_says_so(avc, tmp_path):
    source = resolve(avc, span_frames=5)
    spans = source.clips[0].spans
    assert len(spans) > 3
    task = task_for(avc)
    for wrong in ({"until": spans[1].until + 1}, {"seek": spans[1].seek + 1}, {"last": spans[1].last + 1}):
        span = msgspec.structs.replace(spans[1], **wrong)
        done = decode_task(msgspec.structs.replace(task, span=span), str(avc.parent), str(tmp_path), FrameOptions())
        assert done.inexact and done.frames == 0
        assert list(open_storage(str(tmp_path)).list()) == []
    # The only span of a clip is decoded again at once.
    span = msgspec.structs.replace(spans[0], of=1, last=60, until=None, origin=spans[0].origin + 1)
    done = decode_task(msgspec.structs.replace(task, span=span), str(avc.parent), str(tmp_path), FrameOptions())
    whole = decode_task(
        msgspec.structs.replace(task, clip_key="cd" * 16, span=WHOLE), str(avc.parent), str(tmp_path), FrameOptions()
    )
    assert not done.inexact and done.digest == whole.digest


@pytest.mark.parametrize("good", [0, 5_000])
def test_a_file_on_a_bad_disk_costs_its_clip(asp, tmp_path, monkeypatch, good):
    task = task_for(asp)

    class Bad(io.FileIO):
        def readinto(self, buffer):
            if self.tell() >= good:
                raise StorageError(f"{self.name}: bad disk") from OSError(errno.EIO, "bad disk")
            return super().readinto(memoryview(buffer)[:1000])

    @contextlib.contextmanager
    def fetch(self, path):
        with io.BufferedReader(Bad(self.path(path))) as file:
            yield file

    monkeypatch.setattr(LocalStorage, "fetch", fetch)
    with pytest.raises(ClipError, match=r"^the file cannot be read \(bad disk\); mend it") as caught:
        decode_task(task, str(asp.parent), str(tmp_path), FrameOptions())
    assert caught.value.reason == "storage"
    assert list(open_storage(str(tmp_path)).list()) == [], "not remembered"


def test_a_bad_disk_below_the_output_ends_the_run(asp, tmp_path, monkeypatch):
    def fail(self, frame):
        raise OSError(errno.EIO, "bad disk")

    task = task_for(asp)
    monkeypatch.setattr("clipmill.decoding.fragments.FragmentWriter.add", fail)
    with pytest.raises(StorageError, match=r"work/fragments/.*: bad disk"):
        decode_task(task, str(asp.parent), str(tmp_path), FrameOptions())


def test_a_file_that_goes_away_costs_its_clip_alone(asp, tmp_path):
    away = tmp_path / "videos/away.avi"
    away.parent.mkdir()
    away.write_bytes(asp.read_bytes())
    task = msgspec.structs.replace(task_for(away), path=away.name)
    away.unlink()
    with pytest.raises(ClipError, match="went away while it was needed") as caught:
        decode_task(task, str(away.parent), str(tmp_path / "out"), FrameOptions())
    assert caught.value.reason == "changed"
