"""State: a training that is interrupted goes on with the very same clips, on any number of hosts."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.errors import NoSuchDataset, UsageError
from clipmill.reader import (
    Batches,
    CentreWindow,
    Chunks,
    ClipSet,
    ColourJitter,
    Dataset,
    Function,
    HorizontalFlip,
    RandomCrop,
    RandomResizedCrop,
    RandomWindow,
    Shards,
    WholeClip,
)
from clipmill.reader.replay import restore

Sample = tuple[str, tuple[int, ...]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    """47 clips in one split: no batch size of the tests divides them."""
    path = tmp_path_factory.mktemp("tiny")
    publish_miniature(path, clips=47, lengths=[5, 9, 30, 17], sizes=[(32, 24)], splits=["train"], clips_per_shard=6)
    return clipmill.open(str(path))["train"]


def samples(batch: dict[str, Any]) -> list[Sample]:
    """Clips of a batch that count, with their frames."""
    rows = zip(batch["id"].tolist(), batch["frame_index"].tolist(), batch["length"].tolist(), strict=True)
    return [(name, tuple(frames)) for name, frames, length in rows if length]


def steps(make: Any, hosts: int, state: dict[str, Any] | None, count: int) -> tuple[list[list[Sample]], dict[str, Any]]:
    """The next global batches, put together from all hosts, and the state all of them agree on."""
    shares, states = [], []
    for host in range(hosts):
        batches: Batches = make(hosts=(host, hosts))
        if state is not None:
            batches.load_state_dict(json.loads(json.dumps(state)))
        share: list[list[Sample]] = []
        while len(share) < count:
            for batch in batches:
                share.append(samples(batch))
                if len(share) == count:
                    break
        shares.append(share)
        states.append(batches.state_dict())
    assert all(other == states[0] for other in states)
    merged = []
    for index in range(count):
        parts = [share[index] for share in shares]
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        merged.append([part[place] for place in range(len(parts[0])) for part in parts if place < len(part)])
    return merged, states[0]


ORDERS: dict[str, dict[str, Any]] = {
    "plain": {"batch_size": 15, "shuffle": True},
    "weighted": {"batch_size": 7, "shuffle": True, "weights": "balanced", "clips_per_epoch": 33},
    "shards": {"batch_size": 4, "shuffle": Shards(3, 5)},
    "by_length": {"batch_size": 6, "shuffle": True, "by_length": True},
    "tokens": {"max_frames_per_batch": 24, "shuffle": True},
}


@pytest.mark.parametrize("name", ORDERS)
def test_interruptions_lose_and_repeat_nothing(tiny: ClipSet, name: str) -> None:
    """200 interruptions in all, each at a random step and host count: the union is the uninterrupted order."""
    options = {"seed": 3, "fields": ["id", "frame_index", "length"], **ORDERS[name]}

    def make(**more: Any) -> Batches:
        return tiny.batches(RandomWindow(4), **options, **more)

    total = 100
    expected, _ = steps(make, 1, None, total)
    choice = random.Random(name)
    interruptions = 0
    while interruptions < 40:
        state, found = None, []
        while len(found) < total:
            count = min(choice.randint(1, 12), total - len(found))
            part, state = steps(make, choice.choice([1, 2, 3, 5]), state, count)
            found += part
            interruptions += 1
        assert found == expected


@pytest.mark.parametrize("name", ["plain", "shards", "by_length"])
def test_an_epoch_is_every_clip_once_at_any_number_of_hosts(tiny: ClipSet, name: str) -> None:
    for hosts in (1, 2, 3, 5):
        seen: list[str] = []
        counts = set()
        for host in range(hosts):
            batches = tiny.batches(CentreWindow(1), hosts=(host, hosts), fields=["id", "length"], **ORDERS[name])
            rows = [batch for batch in batches]
            counts.add(len(rows))
            for batch in rows:
                seen += batch["id"][batch["length"] > 0].tolist()
        assert len(counts) == 1
        assert sorted(seen) == sorted(tiny.ids.to_pylist())


def test_a_for_goes_through_a_whole_epoch(tiny: ClipSet) -> None:
    """Whoever has looked at a batch, or left a loop, gets the next epoch whole; only a state goes on in the middle."""
    batches = tiny.batches(RandomWindow(4), batch_size=15, shuffle=True, fields=["id"])
    orders = [[name for batch in batches.run(epoch, 0) for name in batch["id"]] for epoch in range(6)]

    def seen() -> list[str]:
        return [name for batch in batches for name in batch["id"]]

    next(iter(batches))
    assert seen() == orders[1] and (batches.epoch, batches.step) == (2, 0)
    for batch in batches:
        if batch["step"] == 2:
            break
    state = batches.state_dict()
    assert (state["epoch"], state["step"]) == (2, 3)
    assert seen() == orders[3]
    batches.load_state_dict(state)
    assert seen() == orders[2][45:]
    assert seen() == orders[3]
    batches.load_state_dict(state)
    next(iter(batches))
    assert seen() == orders[3], "a pass that goes on and is left is over, too"
    assert batches.at(2, 1)["id"].tolist() == orders[2][15:30] and (batches.epoch, batches.step) == (4, 0)
    batches.set_epoch(5)
    assert seen() == orders[5]


def test_the_state_is_a_step_and_plain_values(tiny: ClipSet) -> None:
    batches = tiny.batches(RandomWindow(4), batch_size=15, shuffle=True, fields=["id"])
    for _ in batches:
        break
    state = batches.state_dict()
    assert (state["epoch"], state["step"]) == (0, 1)
    assert json.loads(json.dumps(state)) == state
    for _ in batches:
        pass
    assert (batches.epoch, batches.step) == (2, 0)


def brighten(frames: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """An importable function, as a state can name it."""
    return frames // 2 + generator.integers(0, 99, dtype=np.uint8)


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": True, "batch_size": 4, "augment": [RandomResizedCrop(16), HorizontalFlip(), ColourJitter(0.2)]},
        {"shuffle": Shards(2, 3), "batch_size": 4, "path": "streaming", "augment": [brighten]},
        {"shuffle": True, "batch_size": 4, "weights": list(range(47))},
        {"shuffle": True, "batch_size": 4, "weights": "balanced", "views": 2},
        {"batch_size": 4, "by_length": True, "lengths": 7},
    ],
)
def test_a_reader_is_made_again_from_its_state(tiny: ClipSet, options: dict[str, Any]) -> None:
    batches = tiny.batches(RandomWindow(4, short="pad"), seed=5, **options)
    under_way = iter(batches)
    for _ in range(3):
        next(under_way)
    again = restore(json.loads(json.dumps(batches.state_dict()))).batches
    assert (again.epoch, again.step) == (0, 3)
    one, other = next(under_way), next(iter(again))
    assert all(np.array_equal(one[field], other[field]) for field in one)


def test_selections_folds_and_mixes_are_made_again(data: Dataset, tiny: ClipSet) -> None:
    part = data.fold(2)["train"].select(index=range(3, 20, 2))
    mixed = clipmill.mix({"a": (part, 2), "b": (tiny, 1)})
    for clips in (part, data.all.split(val=0.3)[1], mixed):
        batches = clips.batches(CentreWindow(2), augment=[RandomCrop(16)], batch_size=3, shuffle=True)
        again = restore(json.loads(json.dumps(batches.state_dict()))).batches
        one, other = next(iter(batches)), next(iter(again))
        assert all(np.array_equal(one[field], other[field]) for field in one)


def test_a_state_of_another_reader_is_refused(tiny: ClipSet, data: Dataset) -> None:
    options = {"batch_size": 5, "shuffle": True}
    state = tiny.batches(RandomWindow(4), **options).state_dict()
    for changed, said in (
        ({"batch_size": 6}, "with batch_size 5, this one has 6"),
        ({"seed": 1}, "with seed 0, this one has 1"),
        ({"shuffle": False}, "with shuffle True, this one has False"),
        ({"weights": "balanced"}, "with weights None, this one has 'balanced'"),
        ({"by_length": True}, "with by_length False"),
    ):
        with pytest.raises(UsageError, match=said):
            tiny.batches(RandomWindow(4), **{**options, **changed}).load_state_dict(state)
    with pytest.raises(UsageError, match="the state is of a reader with clips"):
        data["train"].batches(RandomWindow(4), **options).load_state_dict(state)
    with pytest.raises(UsageError, match="the state is of a reader with clips"):
        tiny.select(index=range(9)).batches(RandomWindow(4), **options).load_state_dict(state)
    with pytest.raises(UsageError, match="this is not a reader's state"):
        tiny.batches(RandomWindow(4), **options).load_state_dict({"epoch": 1})


def test_states_of_older_versions(tiny: ClipSet) -> None:
    """In the first format shuffle=True was another order; every other order is as it was."""
    for options in ({}, {"shuffle": Shards(2, 3)}, {"by_length": True}):
        batches = tiny.batches(RandomWindow(4), batch_size=5, **options)
        batches.load_state_dict({**batches.state_dict(), "state": 1, "epoch": 2, "step": 4})
        assert (batches.epoch, batches.step) == (2, 4)
    batches = tiny.batches(RandomWindow(4), batch_size=5, shuffle=True)
    older = {**batches.state_dict(), "state": 1, "epoch": 2, "step": 4}
    said = r"whose shuffle=True was another order: begin its epoch again, with batches\.set_epoch\(2\)"
    with pytest.raises(UsageError, match=said):
        batches.load_state_dict(older)
    with pytest.raises(UsageError, match=said):
        restore(older)
    with pytest.raises(UsageError, match="the state has format 3, this clipmill reads 2"):
        batches.load_state_dict({**older, "state": 3})


def test_what_changes_no_order_may_change(tiny: ClipSet) -> None:
    state = tiny.batches(RandomWindow(4), batch_size=5, shuffle=True).state_dict()
    tiny.batches(CentreWindow(8), augment=[RandomCrop(16)], batch_size=5, shuffle=True, views=2).load_state_dict(state)


def test_a_copy_of_the_data_set_elsewhere_takes_the_state(mini: Miniature, tmp_path: Path) -> None:
    copy = publish_miniature(tmp_path, clips=40, lengths=[5, 9, 30, 17], groups=8, folds=3, unlabelled=[4])
    assert copy.version == mini.version
    state = clipmill.open(str(mini.path))["train"].batches(CentreWindow(2), batch_size=5, shuffle=True).state_dict()
    moved = clipmill.open(str(copy.path))["train"].batches(CentreWindow(2), batch_size=5, shuffle=True)
    moved.load_state_dict(state)
    assert restore(state, str(copy.path)).batches.clips.members[0].dataset.path == str(copy.path)


def test_states_that_cannot_be_followed(tiny: ClipSet, tmp_path: Path) -> None:
    state = tiny.batches(CentreWindow(2), augment=[Function(lambda x, r: x)], batch_size=2).state_dict()
    with pytest.raises(UsageError, match=r"names the function .*<lambda>, which cannot be imported here"):
        restore(state)
    state = json.loads(json.dumps(tiny.batches(WholeClip(), batch_size=2).state_dict()))
    state["reader"]["options"]["sampler"] = {"type": "Elsewhere"}
    with pytest.raises(UsageError, match="names Elsewhere, which is not known here"):
        restore(state)
    state = tiny.batches(WholeClip(), batch_size=2).state_dict()
    with pytest.raises(NoSuchDataset, match="is not there"):
        restore(state, str(tmp_path))


def test_chunks_go_on_inside_a_clip(tiny: ClipSet) -> None:
    options = {"batch_size": 4, "shuffle": True, "fields": ["id", "frame_index", "length", "reset"]}

    def make(**more: Any) -> Batches:
        return tiny.batches(Chunks(4), **options, **more)

    expected, _ = steps(make, 1, None, 40)
    first, state = steps(make, 2, None, 13)
    second, _ = steps(make, 3, state, 27)
    # A chunk that lies past a clip's end is empty, so hosts count different rows there.
    assert [sorted(batch) for batch in first + second] == [sorted(batch) for batch in expected]
