"""Resolving a source: what there is, and which clips its rows ask for."""

from __future__ import annotations

import hashlib
import os

import pytest
from footage import make_clip, resolve, write_film, x264

from clipmill.decoding.clip_estimate import sample_clip
from clipmill.errors import ClipError
from clipmill.messages import WHOLE, SourceTask
from clipmill.options import FrameOptions
from clipmill.sources import probe as source_module
from clipmill.sources.probe import resolve_source
from clipmill.storage import LocalStorage


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def avc(folder):
    return write_film(folder / "avc.mp4", 100, options=x264())


@pytest.fixture(scope="module")
def asp(folder):
    return write_film(folder / "asp.avi", 100, "mpeg4")


def ask(folder, paths, ranges=((None, None),), trimmed="auto", **more):
    task = SourceTask(
        list(paths), [[False] * len(ranges)] * len(paths), list(ranges), trimmed, more.get("segment_seconds"),
        more.get("span_frames", 1500), more.get("frames", FrameOptions()), more.get("min_segment", 0.0),
    )  # fmt: skip
    return resolve_source(task, str(folder))


def test_a_source_is_known_by_its_bytes_and_its_headers(folder, avc):
    found = ask(folder, ["avc.mp4"])
    assert found.fingerprint == hashlib.sha256(avc.read_bytes()).hexdigest()
    assert (found.size, found.width, found.height, found.fps) == (os.path.getsize(avc), 96, 64, 25.0)
    assert found.duration == pytest.approx(4.0)
    assert [(clip.row, clip.decode_start, clip.decode_end, clip.spans) for clip in found.clips] == [
        (0, None, None, [WHOLE])
    ]


def test_the_first_name_that_is_there_counts(folder, avc, asp):
    assert ask(folder, ["no.mkv", "asp.avi", "avc.mp4"]).path == "asp.avi"
    with pytest.raises(ClipError, match=r"no such file: /.*/a\.mp4 \(or 2 other names\)") as caught:
        ask(folder, ["a.mp4", "b.mp4", "c.mp4"])
    assert caught.value.reason == "missing"


def test_files_that_are_no_videos_say_why(folder, tmp_path):
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(ClipError) as caught:
        ask(tmp_path, ["empty.mp4"])
    assert caught.value.reason == "empty"
    (tmp_path / "page.mp4").write_text("<html>")
    found = ask(tmp_path, ["page.mp4"])
    assert found.failure[0] == "not_a_video" and found.clips == []


def test_a_file_that_changes_meanwhile_is_not_taken(folder, tmp_path, avc, monkeypatch):
    path = tmp_path / "x.mp4"
    path.write_bytes(avc.read_bytes())
    real = source_module._sha256

    def slow(file):
        os.utime(path, ns=(1, 1))
        return real(file)

    monkeypatch.setattr(source_module, "_sha256", slow)
    with pytest.raises(ClipError) as caught:
        ask(tmp_path, ["x.mp4"])
    assert caught.value.reason == "changed"


def test_the_range_of_a_file_that_is_cut_is_not_applied(folder, avc):
    (clip,) = ask(folder, ["avc.mp4"], [(253.0, 257.0)]).clips
    assert (clip.decode_start, clip.decode_end, clip.spans) == (None, None, [WHOLE])
    (clip,) = ask(folder, ["avc.mp4"], [(253.0, 257.0)], trimmed="no").clips
    assert clip.problem == ("out_of_range", "no frame in 253 to 257 s: the video is 4.0 s long (see --trimmed)")


def test_each_row_of_a_source_has_its_clip(folder, avc):
    clips = ask(folder, ["avc.mp4"], [(0.0, 1.0), (None, None), (2.0, 3.0), (9.0, 10.0)]).clips
    assert [clip.row for clip in clips] == [0, 1, 2, 3]
    assert [(span.first, span.last) for clip in clips for span in clip.spans] == [
        (0, 25),
        (0, 100),
        (50, 75),
        (75, 100),
    ]
    assert [clip.trimmed for clip in clips] == [False, None, False, True], "9 to 10 s of a cut that begins early"


def test_a_long_video_is_cut_into_spans(folder, avc, asp):
    assert len(ask(folder, ["avc.mp4"], span_frames=20).clips[0].spans) > 3
    assert ask(folder, ["avc.mp4"], span_frames=51).clips[0].spans == [WHOLE], "not worth a look at its packets"
    assert ask(folder, ["asp.avi"], span_frames=20).clips[0].spans == [WHOLE]


def test_what_is_proven_does_not_depend_on_the_length_of_spans(folder, avc):
    for ranges in ([(1.0, 3.0)], [(None, 2.0)]):
        with_spans = ask(folder, ["avc.mp4"], ranges, span_frames=10).clips[0].spans
        (one,) = ask(folder, ["avc.mp4"], ranges, span_frames=0).clips[0].spans
        assert (with_spans[0].first, with_spans[-1].last, with_spans[-1].until) == (one.first, one.last, one.until)
        assert one.origin is not None


@pytest.mark.parametrize("name", ["avc.mp4", "asp.avi"])
def test_segments_follow_each_other_without_a_gap(folder, avc, asp, tmp_path, name):
    source = resolve(folder / name, segment_seconds=1.5)
    assert [clip.segment for clip in source.clips] == [0, 1, 2]
    assert [(clip.decode_start, clip.decode_end) for clip in source.clips] == [(0.0, 1.5), (1.5, 3.0), (3.0, None)]
    codes = [make_clip(folder / name, tmp_path / str(n), segment_seconds=1.5, segment=n).codes() for n in range(3)]
    assert [len(part) for part in codes] == [38, 37, 25]
    assert [code for part in codes for code in part] == list(range(100))


def test_segments_of_a_range_end_with_it(folder, avc, asp):
    for name in ("avc.mp4", "asp.avi"):
        clips = ask(folder, [name], [(1.0, 3.5)], trimmed="no", segment_seconds=1.0).clips
        assert [(clip.decode_start, clip.decode_end) for clip in clips] == [(1.0, 2.0), (2.0, 3.0), (3.0, 3.5)]
        clips = ask(folder, [name], [(1.0, 99.0)], trimmed="no", segment_seconds=2.0).clips
        assert [(clip.decode_start, clip.decode_end) for clip in clips] == [(1.0, 3.0), (3.0, 99.0)]


@pytest.mark.parametrize("name", ["avc.mp4", "asp.avi"])
@pytest.mark.parametrize(
    "seconds, share, starts",
    [
        (3.0, 0.0, [0.0, 3.0]),  # 100 frames at 25/s: the last has 25 of 75
        (3.0, 0.3, [0.0, 3.0]),
        (3.0, 1 / 3, [0.0, 3.0]),
        (3.0, 0.4, [0.0]),
        (1.0, 1.0, [0.0, 1.0, 2.0, 3.0]),  # whole ones stay
        (3.96, 0.5, [0.0]),  # one frame
        (9.0, 1.0, [0.0]),  # the only one stays
    ],
)
def test_a_short_last_segment_is_left_out_where_that_is_asked(folder, avc, asp, name, seconds, share, starts):
    clips = ask(folder, [name], segment_seconds=seconds, min_segment=share).clips
    assert [clip.decode_start for clip in clips] == starts
    assert [clip.decode_end for clip in clips][: len(clips) - 1] == starts[1:]
    if seconds == 3.0 and share == 0.4:
        assert clips[-1].decode_end == 3.0  # the frames of the segment that is left out are in no other


def test_segments_of_nothing_are_one_clip_that_says_so(folder, avc):
    (clip,) = ask(folder, ["avc.mp4"], [(9.0, 10.0)], trimmed="no", segment_seconds=0.5).clips
    assert clip.problem


def sample(folder, path, ranges=((None, None),), frames=8, **more):
    task = SourceTask(
        [path], [[False] * len(ranges)], list(ranges), "auto", None, 1500, more.get("options", FrameOptions())
    )
    return sample_clip(task, str(folder), frames)


@pytest.mark.parametrize("name", ["avc.mp4", "asp.avi"])
def test_a_look_at_a_clip_tells_its_length_and_the_size_of_its_frames(folder, avc, asp, tmp_path, name):
    made = make_clip(folder / name, tmp_path)
    look = sample(folder, name)
    assert look.problem == "" and look.frames == pytest.approx(100, rel=0.02)
    mean = sum(len(frame) for frame in made.frames) / 100
    assert look.bytes_per_frame == pytest.approx(mean, rel=0.1) and look.seconds_per_frame > 0
    assert sample(folder, name, frames=0).bytes_per_frame == 0
    assert sample(folder, name, options=FrameOptions(every=4)).frames == pytest.approx(25, rel=0.02)
    assert sample(folder, name, options=FrameOptions(fps=5.0)).frames == pytest.approx(20, rel=0.02)
    assert sample(folder, name, options=FrameOptions(max_frames=9)).frames == 9
    assert sample(folder, name, [(1.0, 2.0)]).frames == pytest.approx(25, rel=0.05)


def test_a_look_at_a_file_that_was_cut_already_looks_at_all_of_it(folder, avc):
    look = sample(folder, "avc.mp4", [(253.0, 257.0)])
    assert look.frames == pytest.approx(100, rel=0.02) and look.bytes_per_frame > 0


def test_a_look_finds_frames_also_where_the_packets_were_walked_first(folder, avc):
    assert sample(folder, "avc.mp4", [(0.0, 2.0)]).bytes_per_frame > 0
    task = SourceTask(["avc.mp4"], [[False]], [(None, None)], "auto", 1.5, 1500, FrameOptions())
    look = sample_clip(task, str(folder), 8)
    assert look.bytes_per_frame > 0 and look.frames == pytest.approx(100, rel=0.05)


def test_a_look_at_no_video_says_why(folder, tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert sample(tmp_path, "empty.mp4").problem == "empty"
    assert sample(tmp_path, "no.mp4").problem == "missing"


def test_resolving_reads_through_the_storage_it_is_given(folder, avc, monkeypatch):
    opened = []
    real = LocalStorage.fetch
    monkeypatch.setattr(LocalStorage, "fetch", lambda self, path: opened.append(path) or real(self, path))
    ask(folder, ["avc.mp4"])
    assert opened == ["avc.mp4"]
