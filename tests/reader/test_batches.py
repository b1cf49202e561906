"""Batches: what they hold, told from the pixels."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from miniature import Miniature, publish_miniature, read_code

import clipmill
from clipmill.errors import DataError, UsageError
from clipmill.reader import (
    BadClip,
    CentreWindow,
    Chunks,
    Dataset,
    EveryKth,
    FirstFrames,
    Function,
    HorizontalFlip,
    Normalise,
    RandomCrop,
    RandomWindow,
    Resize,
    Segments,
    ThreeCrops,
    UniformWindows,
    WholeClip,
    warp_mask,
)


def check_pixels(mini: Miniature, batch: dict[str, np.ndarray]) -> None:
    """Every frame of a batch of whole frames shows the clip and frame that the batch says."""
    for row, name in enumerate(batch["id"]):
        record = mini.records[name]
        assert batch["label"][row] == record.label_index
        assert batch["length"][row] == batch["mask"][row].sum()
        for slot, real in enumerate(batch["mask"][row]):
            number, time = batch["frame_index"][row, slot], batch["timestamp"][row, slot]
            if real:
                assert read_code(batch["frames"][row, slot]) == (mini.numbers[name], number)
                assert time == record.timestamps[number]
            else:
                assert not batch["frames"][row, slot].any()
                assert number == time == -1


@pytest.mark.parametrize(
    "sampler",
    [WholeClip(), RandomWindow(8, 2, "pad"), RandomWindow(8, 2), EveryKth(4), Segments(6), CentreWindow(7, 1, "hold")],
)
@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"shuffle": "shards", "path": "streaming"}])
def test_frames_are_those_of_the_clips(
    mini: Miniature, data: Dataset, sampler: object, options: dict[str, object]
) -> None:
    ids = []
    batches = data["train"].batches(sampler, batch_size=6, **options)
    assert len(batches) == 5
    for batch in batches:
        check_pixels(mini, batch)
        ids += batch["id"].tolist()
    assert sorted(ids) == sorted(row["clip_id"] for row in mini.rows if row["split"] == "train")


def test_one_for_is_one_epoch_and_the_next_is_the_next(data: Dataset) -> None:
    batches = data["train"].batches(CentreWindow(2), batch_size=10, shuffle=True, fields=["id"])
    epochs = [[name for batch in batches for name in batch["id"]] for _ in range(3)]
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert len({frozenset(epoch) for epoch in epochs}) == 1
    assert (batches.epoch, batches.step) == (3, 0)
    batches.set_epoch(1)
    for batch in batches:
        assert batch["id"].tolist() == epochs[1][:10]
        break
    assert (batches.epoch, batches.step) == (1, 1)
    assert [name for batch in batches for name in batch["id"]] == epochs[2]
    assert batches.at(0, 2)["id"].tolist() == epochs[0][20:]
    with pytest.raises(UsageError, match="step 3: epoch 0 has steps 0 to 2"):
        batches.at(0, 3)


def test_a_batch_that_is_held_is_not_written_again(data: Dataset) -> None:
    batches = data["train"].batches(RandomWindow(4), batch_size=4, shuffle=True)
    held = [(batch["frames"], batch["frames"].copy()) for _ in range(3) for batch in batches]
    assert all(np.array_equal(batch, copy) for batch, copy in held)


def test_buffers_are_used_again(data: Dataset) -> None:
    batches = data["train"].batches(RandomWindow(4), batch_size=4, drop_remainder=True, prefetch=1)
    places = {batch["frames"].ctypes.data for _ in range(5) for batch in batches}
    assert len(places) <= 4


def test_drop_remainder_and_fields(data: Dataset) -> None:
    batches = data["train"].batches(RandomWindow(4), batch_size=10, drop_remainder=True, fields=["label"])
    assert len(batches) == 2
    assert [sorted(batch) for batch in batches] == [["label", "step"]] * 2
    with pytest.raises(UsageError, match="field 'video': not one of frames, label"):
        data["train"].batches(RandomWindow(4), batch_size=10, fields=["video"])


def test_the_listings_own_number_comes_on_request(mini: Miniature, data: Dataset) -> None:
    numbers = {row["clip_id"]: row["label_source"] for row in mini.rows}
    assert None in numbers.values()
    assert "label_source" not in data.all.batches(FirstFrames(1), batch_size=4).at(0, 0)
    mixed = clipmill.mix({"val": (data["val"], 1), "train": (data["train"], 1)})
    for clips in (data.all, data["val"], mixed):
        for batch in clips.batches(FirstFrames(1), batch_size=9, shuffle=True, fields=["id", "label", "label_source"]):
            expected = [-1 if numbers[name] is None else numbers[name] for name in batch["id"]]
            assert batch["label_source"].dtype == np.int64
            assert batch["label_source"].tolist() == expected


def test_views_are_read_once_and_drawn_apart(mini: Miniature, data: Dataset) -> None:
    batches = data["train"].batches(RandomWindow(4), batch_size=27, shuffle=True, views=2)
    (batch,) = list(batches)
    assert batch["frames"].shape == (27, 2, 4, 48, 64, 3)
    assert batch["mask"].shape == batch["frame_index"].shape == (27, 2, 4)
    assert batch["length"].shape == (27, 2)
    for view in range(2):
        check_pixels(
            mini,
            {**batch, **{key: batch[key][:, view] for key in ("frames", "mask", "length", "frame_index", "timestamp")}},
        )
    assert (batch["frame_index"][:, 0] != batch["frame_index"][:, 1]).any()


def test_test_windows_with_three_crops(data: Dataset) -> None:
    sampler = UniformWindows(4, stride=2, windows=5)
    whole = next(iter(data["val"].batches(sampler, batch_size=3)))
    crops = next(iter(data["val"].batches(sampler, augment=[ThreeCrops(48)], batch_size=3)))
    assert whole["frames"].shape == (3, 5, 4, 48, 64, 3)
    assert crops["frames"].shape == (3, 15, 4, 48, 48, 3)
    for window in range(5):
        for crop, left in enumerate((0, 8, 16)):
            expected = whole["frames"][:, window, :, :, left : left + 48]
            assert np.array_equal(crops["frames"][:, 3 * window + crop], expected)


def test_jpegs_instead_of_pixels(mini: Miniature, data: Dataset) -> None:
    batch = next(iter(data["train"].batches(RandomWindow(8, short="pad"), batch_size=5, decode=False, shuffle=True)))
    assert batch["frames"].shape == (5, 8)
    for row, name in enumerate(batch["id"]):
        for slot, number in enumerate(batch["frame_index"][row]):
            assert batch["frames"][row, slot] == (mini.frames[name][number] if number >= 0 else b"")


def test_lengths_that_differ(data: Dataset) -> None:
    train = data["train"]
    padded = list(train.batches(WholeClip(), batch_size=9))
    assert [batch["frames"].shape[1] for batch in padded] == [batch["length"].max() for batch in padded]
    cut = list(train.batches(WholeClip(), batch_size=9, lengths="truncate"))
    assert [batch["frames"].shape[1] for batch in cut] == [batch["length"].min() for batch in padded]
    assert all(batch["mask"].all() for batch in cut)
    fixed = list(train.batches(WholeClip(), batch_size=9, lengths=12))
    assert {batch["frames"].shape[1] for batch in fixed} == {12}
    with pytest.raises(UsageError, match="lengths='longest'"):
        train.batches(WholeClip(), batch_size=9, lengths="longest")


def test_short_clips_are_dropped_or_refused(data: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    batches = data["train"].batches(RandomWindow(10, short="drop"), batch_size=4)
    found = [name for batch in batches for name in batch["id"]]
    assert batches.dropped == 27 - len(found) > 0
    assert f"{batches.dropped} of 27 clips are too short" in caplog.text
    assert min(data["train"].select(ids=found).clips["frames"].to_pylist()) >= 10
    with pytest.raises(UsageError, match=r"clips are too short for RandomWindow.* with 5 frames; use short='loop'"):
        data["train"].batches(RandomWindow(10, short="error"), batch_size=4)


def test_a_function_of_the_users_own(data: Dataset) -> None:
    def darker(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
        assert frames.dtype == np.uint8
        return frames // 2

    plain = data["train"].batches(RandomWindow(8, short="pad"), augment=[RandomCrop(32)], batch_size=5)
    made = data["train"].batches(
        RandomWindow(8, short="pad"), augment=[RandomCrop(32), darker, Normalise((0, 0, 0), (1, 1, 1))], batch_size=5
    )
    for one, other in zip(plain, made, strict=True):
        assert np.allclose(other["frames"] * 255, one["frames"] // 2, atol=1e-3)

    def smaller(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return frames[:, ::2]

    with pytest.raises(UsageError, match="an augmentation gave uint8 of shape"):
        next(iter(data["train"].batches(CentreWindow(2), augment=[Function(smaller)], batch_size=2)))


def test_masks_of_the_users_own_follow_a_batch(data: Dataset) -> None:
    batches = data["train"].batches(
        CentreWindow(2), augment=[RandomCrop(32), HorizontalFlip()], batch_size=8, shuffle=True
    )
    whole = data["train"].batches(CentreWindow(2), batch_size=8, shuffle=True)
    batch, plain = batches.at(0, 1), whole.at(0, 1)
    for row, (job, views) in enumerate(batches.drawn(0, 1)):
        assert job.clip_id == batch["id"][row]
        assert np.array_equal(warp_mask(views[0].steps, plain["frames"][row, 0]), batch["frames"][row, 0])


def test_a_mix_of_data_sets_keeps_its_shares(mini: Miniature, data: Dataset, tmp_path: Path) -> None:
    other = publish_miniature(tmp_path, clips=5, labels=["juggling", "rowing"], splits=["train"])
    parts = {"a": (data["train"], 3), "b": (clipmill.open(str(tmp_path))["train"], 1)}
    both = clipmill.mix(parts)
    assert both.labels == ["boxing", "diving", "juggling", "rowing"]
    batches = both.batches(CentreWindow(3), batch_size=8, shuffle=True, clips_per_epoch=80)
    seen = [0, 0]
    keys = set()
    for batch in batches:
        for row, name in enumerate(batch["id"]):
            part = batch["dataset"][row]
            seen[part] += 1
            record = (mini, other)[part].records[name]
            assert batch["label"][row] == (both.labels.index(record.label_text) if record.label_text else -1)
            assert read_code(batch["frames"][row, 0])[0] == (mini, other)[part].numbers[name]
            keys.add((part, name))
    assert sum(seen) == 80 and abs(seen[0] - 60) <= 2
    assert len(keys) == 27 + 5
    with pytest.raises(UsageError, match="select before mixing"):
        both.select(index=[0])
    with pytest.raises(UsageError, match="mixes need shuffle=True"):
        both.batches(CentreWindow(3), batch_size=8)
    with pytest.raises(UsageError, match="mix: a has 27 clips and share 0"):
        clipmill.mix({"a": (data["train"], 0)})


def test_balanced_and_given_weights(data: Dataset) -> None:
    few = data["train"].select(
        index=[n for n, label in enumerate(data["train"].clips["label_index"].to_pylist()) if label or n < 12]
    )
    batches = few.batches(
        CentreWindow(1), batch_size=10, shuffle=True, weights="balanced", clips_per_epoch=120, fields=["label", "id"]
    )
    labels = np.concatenate([batch["label"] for batch in batches])
    kinds = len(set(few.clips["label_index"].to_pylist()))
    counts = np.bincount(labels + 1)
    assert np.abs(counts[counts > 0] - 120 / kinds).max() <= 3
    weights = np.arange(len(few))
    names = [
        n for batch in few.batches(CentreWindow(1), batch_size=10, shuffle=True, weights=weights) for n in batch["id"]
    ]
    assert few.clips["clip_id"][0].as_py() not in names
    for wrong in (weights[1:], -weights, "equal"):
        with pytest.raises(UsageError, match="weights"):
            few.batches(CentreWindow(1), batch_size=10, shuffle=True, weights=wrong)
    with pytest.raises(UsageError, match="weights and mixes need shuffle=True"):
        few.batches(CentreWindow(1), batch_size=10, weights="balanced")
    with pytest.raises(UsageError, match="clips_per_epoch: needs weights"):
        few.batches(CentreWindow(1), batch_size=10, shuffle=True, clips_per_epoch=3)


def test_repeated_clips_get_other_draws(data: Dataset) -> None:
    one = data["train"].select(index=[20])
    weights = [1.0]
    batches = one.batches(RandomWindow(2), batch_size=12, shuffle=True, weights=weights, clips_per_epoch=12)
    (batch,) = list(batches)
    assert len(set(batch["frame_index"][:, 0].tolist())) > 4


@pytest.fixture
def damaged(tmp_path: Path) -> tuple[Dataset, str, Path]:
    """A data set with one frame of one clip overwritten, that clip's id, and the shard's file."""
    mini = publish_miniature(tmp_path, clips=8, lengths=[6], splits=["train"], clips_per_shard=8)
    row = mini.rows[3]
    shard = tmp_path / "shards" / f"{row['shard']}.tfrecord"
    jpeg = mini.frames[row["clip_id"]][2]
    whole = shard.read_bytes()
    shard.unlink()  # the named link keeps the old bytes
    shard.write_bytes(whole.replace(jpeg, jpeg[: len(jpeg) // 2] + bytes(len(jpeg) - len(jpeg) // 2)))
    return clipmill.open(str(tmp_path)), row["clip_id"], shard


@pytest.mark.parametrize("path", ["indexed", "streaming"])
def test_a_damaged_clip_raises_or_is_reported(
    damaged: tuple[Dataset, str, Path], path: str, caplog: pytest.LogCaptureFixture
) -> None:
    data, name, _ = damaged
    with pytest.raises(BadClip, match=f"^{name}: "):
        list(data["train"].batches(WholeClip(), batch_size=4, path=path))
    batches = data["train"].batches(WholeClip(), batch_size=4, path=path, on_error="skip")
    first, second = list(batches)
    assert batches.skipped[0][0] == name
    assert name in caplog.text
    assert first["length"].tolist() == [6, 6, 6, 0]
    assert first["id"][3] == "" and not first["mask"][3].any()
    assert np.array_equal(first["frames"][3], first["frames"][0])
    assert second["length"].tolist() == [6] * 4


def test_other_frames_of_a_damaged_clip_are_read(damaged: tuple[Dataset, str, Path]) -> None:
    data, _, _ = damaged
    assert len(list(data["train"].batches(FirstFrames(1), batch_size=8))) == 1


def test_files_that_end_early_or_vanish_name_themselves(damaged: tuple[Dataset, str, Path]) -> None:
    data, _, shard = damaged
    shard.write_bytes(shard.read_bytes()[:-3000])
    with pytest.raises(DataError, match=f"{shard.name}: ends before byte"):
        list(data["train"].select(index=[7]).batches(WholeClip(), batch_size=8))
    shutil.move(shard, shard.with_suffix(".away"))
    for path in ("indexed", "streaming"):
        with pytest.raises(DataError, match=f"{shard.name}: deleted, though version {data.version} needs it"):
            list(data["train"].batches(WholeClip(), batch_size=8, on_error="skip", path=path))
    manifest = shard.parents[1] / "versions" / data.version / "manifest.json"
    shutil.move(manifest, manifest.with_suffix(".away"))
    with pytest.raises(DataError, match=f"{shard.name}: gone since this version was opened; open the data set again"):
        list(data["train"].batches(WholeClip(), batch_size=8))


def test_a_head_that_is_damaged_is_found(damaged: tuple[Dataset, str, Path]) -> None:
    data, _, shard = damaged
    raw = bytearray(shard.read_bytes())
    raw[14:60] = b"\xff" * 46
    shard.write_bytes(bytes(raw))
    batches = data["train"].batches(FirstFrames(1), batch_size=8, on_error="skip")
    list(batches)
    assert len(batches.skipped) == 1


def test_sizes_that_differ_need_a_step_that_makes_them_alike(tmp_path: Path) -> None:
    small = publish_miniature(tmp_path / "a", clips=3, sizes=[(32, 24)], splits=["train"])
    large = publish_miniature(tmp_path / "b", clips=3, sizes=[(64, 48)], splits=["train"])
    sets = [clipmill.open(str(mini.path))["train"] for mini in (small, large)]
    both = clipmill.mix({"a": (sets[0], 1), "b": (sets[1], 1)})
    with pytest.raises(UsageError, match="frames would have 2 sizes in one batch"):
        both.batches(CentreWindow(2), batch_size=2, shuffle=True)
    batch = next(iter(both.batches(CentreWindow(2), augment=[Resize((24, 32))], batch_size=6, shuffle=True)))
    assert batch["frames"].shape == (6, 2, 24, 32, 3)


@pytest.mark.parametrize("path", ["indexed", "streaming"])
def test_a_batch_of_one_clip_has_its_size(tmp_path: Path, path: str) -> None:
    mini = publish_miniature(tmp_path / "a", clips=6, sizes=[(64, 48), (48, 64)], splits=["train"])
    clips = clipmill.open(str(mini.path))["train"]
    stored = {row["clip_id"]: (row["height"], row["width"]) for row in mini.rows}
    batches = clips.batches(CentreWindow(2), batch_size=1, path=path)
    found = list(batches)
    for batch in found:
        assert batch["frames"].shape == (1, 2, *stored[batch["id"][0]], 3)
        check_pixels(mini, batch)
    assert sorted(batch["id"][0] for batch in found) == sorted(stored)
    assert batches.shapes()["frames"] == ((1, 2, None, None, 3), np.uint8)
    assert clips.batches(CentreWindow(2), batch_size=1, views=2).shapes()["frames"][0] == (1, 2, 2, None, None, 3)
    for number, height_and_width in enumerate(stored[name] for name in clips.ids.to_pylist()):
        twice = clips.batches(CentreWindow(2), batch_size=1, views=2, path=path).at(0, number)
        assert twice["frames"].shape == (1, 2, 2, *height_and_width, 3)
        assert np.array_equal(twice["frames"][:, 0], found[number]["frames"])
        # The host without a clip makes a batch all the same.
        spare = clips.batches(CentreWindow(2), batch_size=1, hosts=(1, 2), path=path).at(0, number)
        assert spare["frames"].shape[0] == 1 and spare["length"].tolist() == [0]
    with pytest.raises(UsageError, match="frames would have 2 sizes in one batch"):
        clips.batches(CentreWindow(2), batch_size=2)


def test_shrinking_in_the_dct_domain(data: Dataset, mini: Miniature) -> None:
    options = {"augment": [Resize((24, 32))], "batch_size": 6}
    fast = data["train"].batches(CentreWindow(2), dct_scale=True, **options).at(0, 0)
    slow = data["train"].batches(CentreWindow(2), **options).at(0, 0)
    assert 0 < np.abs(fast["frames"].astype(int) - slow["frames"]).mean() < 8
    jpeg = mini.frames[fast["id"][0]][fast["frame_index"][0, 0]]
    expected = simplejpeg.decode_jpeg(jpeg, "RGB", False, False, min_height=24, min_width=32, min_factor=2)
    assert np.array_equal(fast["frames"][0, 0], expected)
    whole = {"augment": [Resize((40, 40))], "batch_size": 6}
    assert np.array_equal(
        data["train"].batches(CentreWindow(2), dct_scale=True, **whole).at(0, 0)["frames"],
        data["train"].batches(CentreWindow(2), **whole).at(0, 0)["frames"],
    )


def test_stateful_batches_go_on_with_the_same_clips(mini: Miniature, data: Dataset) -> None:
    batches = data["train"].batches(Chunks(4), batch_size=3, shuffle=True)
    shown: dict[str, list[int]] = {}
    before: list[str] = []
    for batch in batches:
        check_pixels(mini, batch) if batch["length"].all() else None
        assert batch["reset"].all() or not batch["reset"].any()
        if not batch["reset"][0]:
            assert batch["id"].tolist() == before
        before = batch["id"].tolist()
        for row, name in enumerate(batch["id"]):
            shown.setdefault(name, []).extend(batch["frame_index"][row][batch["mask"][row]].tolist())
    assert shown == {row["clip_id"]: list(range(row["frames"])) for row in mini.rows if row["split"] == "train"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "give batch_size, max_frames_per_batch, or both"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2, "shuffle": "some"}, "shuffle='some'"),
        ({"batch_size": 2, "on_error": "ignore"}, "on_error='ignore'"),
        ({"batch_size": 2, "path": "mmap"}, "path='mmap'"),
        ({"batch_size": 2, "path": "streaming", "shuffle": True}, 'use shuffle="shards" or False'),
        ({"batch_size": 2, "path": "streaming", "by_length": True}, 'use shuffle="shards" or False'),
        ({"batch_size": 2, "hosts": (2, 2)}, "give \\(index, count\\)"),
        ({"batch_size": 2, "views": 0}, "views=0"),
    ],
)
def test_options_that_do_not_go_together(data: Dataset, options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        data["train"].batches(CentreWindow(2), **options)


def test_nothing_to_read(data: Dataset) -> None:
    with pytest.raises(UsageError, match="there are no clips to read"):
        data["train"].select(index=[]).batches(CentreWindow(2), batch_size=2)
