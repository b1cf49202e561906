"""Names made of content."""

from __future__ import annotations

import msgspec
import pytest

from clipmill.content_names import clip_key, rows_digest, shard_id, unit, version_name
from clipmill.messages import Clip, Piece
from clipmill.options import FrameOptions

F = "f" * 64
CLIP = Clip(
    clip_id="a", split="train", folds=(), label_index=0, label_text="walk", label_source=1, group=None,
    source="a.avi", start=None, end=None, trimmed=None, fingerprint=F, clip_key="c" * 32, digest="d" * 64, frames=10,
    width=320, height=240, fps=25.0, duration=0.4, bad_packets=0, extra={}, nbytes=1000,
    pieces=[Piece("work/x")], shared=False,
)  # fmt: skip


def test_a_clip_key_depends_on_all_that_changes_pixels_and_on_nothing_else():
    options = FrameOptions()
    others = [
        msgspec.structs.replace(options, **{name: value})
        for name, value in [
            ("every", 2), ("fps", 5.0), ("max_frames", 9), ("short_side", 128), ("size", (64, 64)), ("fit", "pad"),
            ("quality", 90), ("encoding", "png"), ("deinterlace", True),
        ]
    ]  # fmt: skip
    keys = [clip_key(F, None, None, o) for o in [options, *others]]
    keys += [clip_key("e" * 64, None, None, options), clip_key(F, 0.0, None, options), clip_key(F, None, 1.0, options)]
    assert len(set(keys)) == len(keys)
    assert clip_key(F, None, None, FrameOptions()) == keys[0]
    assert len(msgspec.structs.fields(FrameOptions)) == 9, "does the new option change pixels?"


@pytest.mark.parametrize(
    "change", [{"clip_id": "b"}, {"label_index": 1}, {"start": 1.0}, {"digest": "0" * 64}, {"source": "b.avi"}]
)
def test_a_shard_id_depends_on_all_that_its_records_say(change):
    other = msgspec.structs.replace(CLIP, **change)
    assert shard_id("tfds", 1, "x", [CLIP]) != shard_id("tfds", 1, "x", [other])


def test_a_shard_id_depends_on_its_schema_and_the_order():
    other = msgspec.structs.replace(CLIP, clip_id="b")
    ids = {
        shard_id("tfds", 1, "x", [CLIP, other]),
        shard_id("tfds", 1, "x", [other, CLIP]),
        shard_id("tfds", 2, "x", [CLIP, other]),
        shard_id("frames", 1, "x", [CLIP, other]),
        shard_id("tfds", 1, "y", [CLIP, other]),
    }
    assert len(ids) == 5


def test_where_frames_were_found_is_in_no_name():
    moved = msgspec.structs.replace(CLIP, pieces=[Piece("shards/y.tfrecord", "tfds", 5, 6)], shared=True)
    assert shard_id("tfds", 1, "x", [CLIP]) == shard_id("tfds", 1, "x", [moved])
    assert rows_digest([CLIP]) == rows_digest([moved])
    assert rows_digest([CLIP]) != rows_digest([msgspec.structs.replace(CLIP, bad_packets=1)])


def test_square_pixels_change_no_name_of_before_they_were_looked_at():
    assert rows_digest([CLIP]) == "7148c1f095740ae9cff98dc49dfc4dabaec553c94dc6774c997a0992fe2fc1d9"
    oblong = msgspec.structs.replace(CLIP, pixel_aspect=1.25)
    lists = [[CLIP], [oblong], [msgspec.structs.replace(CLIP, pixel_aspect=0.8)]]
    lists += [[msgspec.structs.replace(clip, clip_id="b"), CLIP] for clip in (CLIP, oblong)]
    assert len(set(map(rows_digest, lists))) == len(lists)
    assert rows_digest([CLIP]) == rows_digest([msgspec.structs.replace(CLIP, hdr=True)])
    assert shard_id("tfds", 1, "x", [CLIP]) == shard_id("tfds", 1, "x", [oblong])


def test_a_version_is_named_by_labels_options_and_shards():
    name = version_name(["a"], {"fps": None}, [("train", "s1", "d1")])
    assert len({name, version_name(["b"], {"fps": None}, [("train", "s1", "d1")]),
                version_name(["a"], {"fps": 5.0}, [("train", "s1", "d1")]),
                version_name(["a"], {"fps": None}, [("train", "s1", "d2")])}) == 4  # fmt: skip


def test_unit_numbers_are_spread_evenly_and_do_not_run_words_together():
    numbers = [unit("cut", n) for n in range(10_000)]
    assert all(0 <= number < 1 for number in numbers)
    assert abs(sum(numbers) / len(numbers) - 0.5) < 0.02
    assert unit("ab", "c") != unit("a", "bc")
