"""From decoded spans to clips with their true length."""

from __future__ import annotations

import random

import msgspec
import pytest

from clipmill.decoding.assemble_clips import group_frames
from clipmill.decoding.fragments import clip_digest, fragment_path, new_fragment
from clipmill.ledger import Failure
from clipmill.messages import Clip, ClipRow, ClipTask, Piece, ResolvedClip, SpanDone
from clipmill.options import BuildOptions, ListingOptions
from clipmill.storage import LocalStorage
from clipmill.video.limits import MAX_FRAME_BYTES

OPTIONS = BuildOptions(ListingOptions(("x",), "/videos"), "/out", "run", min_frames=2)
KEY = "ab" * 16


def job(clip_id="a"):
    row = ClipRow(clip_id, "a.mp4", "train", "walk", 7, "g1", 1.0, 2.0, ("train",), "x.csv", 3, {"camera": "left"})
    return ResolvedClip(row, 4, "f" * 64, ClipTask(KEY, "a.mp4", "stamp", 1.0, 2.0))


def span(number=0, of=1, frames=5, **more):
    piece = Piece(fragment_path(KEY, number, of))
    return SpanDone(KEY, number, of, piece, frames, 1000 * frames, 320, 240, 25.0, **more)


@pytest.fixture
def store(tmp_path):
    return LocalStorage(str(tmp_path))


def group(store, jobs, spans, options=OPTIONS):
    return list(group_frames(jobs, spans, store, options))


def test_one_span_is_a_clip(store):
    (clip,) = group(store, [job()], [span(digest="d" * 64, bad_packets=1, duration=0.2)])
    assert clip == Clip(
        "a", "train", ("train",), 4, "walk", 7, "g1", "a.mp4", 1.0, 2.0, None, "f" * 64, KEY, "d" * 64, 5, 320, 240,
        25.0, 0.2, 1, {"camera": "left"}, 5000, [Piece(fragment_path(KEY, 0, 1))], False,
    )  # fmt: skip


def test_spans_are_joined_in_order_however_often_and_whenever_they_come(store):
    digests = []
    for number in range(12):
        with new_fragment(store, fragment_path(KEY, number, 12)) as fragment:
            fragment.add(b"frame %d" % number)
            digests.append(fragment.finish([0], [0], (320, 240), 25.0, 0).digests)
    spans = [span(number, 12, frames=number + 1, bad_packets=number % 2) for number in range(12)] * 2
    random.Random(0).shuffle(spans)
    (clip,) = group(store, [job()], spans)
    assert clip.frames == 78 and clip.nbytes == 78_000 and clip.bad_packets == 6
    assert [piece.path for piece in clip.pieces] == [fragment_path(KEY, number, 12) for number in range(12)]
    assert clip.digest == clip_digest(digests)


def test_a_clip_that_lost_a_span_is_decoded_again_and_never_shorter(store):
    again = group(store, [job()], [span(0, 3), span(2, 3)])
    assert again == [job()]


def test_a_clip_whose_proof_failed_is_decoded_again(store):
    assert group(store, [job()], [span(0, 2), span(1, 2, inexact=True)]) == [job()]


def test_the_same_content_may_go_by_several_ids(store):
    found = group(store, [job("b"), job("a")], [span(digest="d")])
    assert [(clip.clip_id, clip.shared) for clip in found] == [("a", True), ("b", True)]


def test_one_failed_span_fails_all_clips_of_that_content(store):
    spans = [span(0, 2), span(1, 2, frames=0, failure=("timeout", "took longer than 5 s"))]
    found = group(store, [job("a"), job("b")], spans)
    assert [(row.clip_id, row.stage, row.reason, row.row) for row in found] == [
        ("a", "DecodeFrames", "timeout", 3),
        ("b", "DecodeFrames", "timeout", 3),
    ]


@pytest.mark.parametrize(
    ("span", "reason", "words"),
    [
        (span(frames=1, digest="d"), "too_short", "--min-frames 2"),
        (msgspec.structs.replace(span(digest="d"), nbytes=MAX_FRAME_BYTES + 1), "too_large", "--segment-seconds"),
    ],
)
def test_too_much_or_too_little_goes_to_the_ledger(store, span, reason, words):
    (row,) = group(store, [job()], [span])
    assert isinstance(row, Failure) and row.reason == reason and words in row.message


def test_behind_a_closed_gate_there_is_nothing_to_group(store):
    assert group(store, [job()], []) == []


def test_the_rate_is_the_mean_of_what_is_shown_and_no_header(store):
    """30 frames at 33 ms and 60 at 100 ms, of a stream that says 30 a second."""
    times = [33_000 * n for n in range(30)] + [990_000 + 100_000 * n for n in range(60)]
    for number, part in enumerate((times[:50], times[50:])):
        with new_fragment(store, fragment_path(KEY, number, 2)) as fragment:
            for _ in part:
                fragment.add(b"frame")
            fragment.finish(part, list(range(len(part))), (320, 240), 30.0, 0)
    (clip,) = group(store, [job()], [span(0, 2, frames=50), span(1, 2, frames=40)])
    assert clip.duration == pytest.approx(6.99) and clip.fps == pytest.approx(90 / 6.99)
