"""How evenly orders spread labels and records, and how much of batches is padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_up_ids import hashes_of

from clipmill.reader import Chunks, ClipSet, Dataset, RandomWindow, WholeClip, evenness
from clipmill.reader.order.by_shard import ByShard, Shards
from clipmill.reader.order.permutations import Shuffled


def test_padding_is_measured(data: Dataset) -> None:
    clips: ClipSet = data["train"]
    for options in ({"batch_size": 5}, {"batch_size": 5, "lengths": "truncate"}, {"batch_size": 5, "by_length": True}):
        for sampler in (WholeClip(), RandomWindow(8, short="pad"), RandomWindow(8)):
            batches = clips.batches(sampler, shuffle=True, **options)
            real = room = 0
            for batch in batches:
                real += int(batch["mask"].sum())
                room += batch["mask"].size
            assert evenness.padding(batches, 0)["padded"] == pytest.approx(1 - real / room)
    batches = clips.batches(Chunks(4), batch_size=3, shuffle=True)
    masks = [batch["mask"] for batch in batches]
    assert evenness.padding(batches, 0)["padded"] == pytest.approx(
        1 - sum(m.sum() for m in masks) / sum(m.size for m in masks)
    )
    frames = clips.clips["frames"].to_numpy()
    whole = evenness.padding(clips.batches(WholeClip(), batch_size=27, lengths="truncate"))
    assert whole["cut"] == pytest.approx(1 - 27 * frames.min() / frames.sum())


def test_evenness_tells_orders_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    kinds = np.sort(random.integers(0, 20, 3000))
    assert evenness.unevenness(kinds) > 20
    assert np.mean([evenness.unevenness(random.permutation(kinds)) for _ in range(50)]) == pytest.approx(1, abs=0.02)
    assert evenness.unevenness(np.tile(np.arange(20), 150)) < 0.2
    assert evenness.unevenness(np.zeros(100, int)) == 1.0


def test_a_sorted_data_set_read_at_random_is_as_even_as_chance(data: Dataset, tmp_path: Path) -> None:
    found = evenness.report(
        data["train"].batches(batch_size=4, shuffle=True, decode=False), folder=str(tmp_path / "plots")
    )
    assert abs(found["records"]["unevenness"] - found["records"]["random"]) < 4 * found["records"]["random_sd"]
    assert [Path(path).stat().st_size > 1000 for path in found["plots"]] == [True, True]
    orders = evenness.compare(str(data.path), batch_size=4)
    assert set(orders) == {"shuffle=True", 'shuffle="shards"', "by_length=True", "shuffle=False"}
    assert orders["shuffle=False"]["padded"] < orders["shuffle=True"]["padded"]


def test_how_even_orders_are_over_a_sorted_data_set(hmdb51: np.ndarray) -> None:
    """5,100 clips sorted by length, 51 to a shard; labels sorted as well, the worst there can be.

    A full shuffle cannot be told from chance. The streaming order can: its records are
    some 3 times as uneven as chance, as against 31 without shuffling.
    """
    count = len(hmdb51)
    kinds = np.arange(count) * evenness.PARTS // count
    chance = [evenness.unevenness(np.random.default_rng(seed).permutation(kinds)) for seed in range(40)]
    hashes = hashes_of(count)
    full = [evenness.unevenness(kinds[Shuffled(hashes, seed).at(np.arange(count))[0]]) for seed in range(20)]
    assert abs(np.mean(full) - 1) < 4 * np.std(chance) / np.sqrt(20)
    assert max(full) < 1 + 4 * np.std(chance)
    shard, offset = np.arange(count) // 51, np.arange(count)
    streamed = [
        evenness.unevenness(kinds[ByShard(shard, offset, Shards(), seed).at(np.arange(count))[0]]) for seed in range(5)
    ]
    print("full", np.mean(full), "streamed", np.mean(streamed), "in order", evenness.unevenness(kinds))
    assert 1.5 < np.mean(streamed) < 10
    assert evenness.unevenness(kinds) > 25
