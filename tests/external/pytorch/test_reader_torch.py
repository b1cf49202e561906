"""PyTorch: the same arrays, with threads or worker processes, and a state that counts what was handed out."""

from __future__ import annotations

import gc
import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.errors import MissingExtra, UsageError
from clipmill.reader import (
    AtFps,
    Batches,
    CentreWindow,
    ClipSet,
    ColourJitter,
    HorizontalFlip,
    MultiScaleCrop,
    Normalise,
    RandomCrop,
    RandomResizedCrop,
    RandomRotation,
    RandomWindow,
    Segments,
    ThreeCrops,
    UniformWindows,
    WholeClip,
)

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:This DataLoader will create")]
torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    path: Path = tmp_path_factory.mktemp("torch") / "out"
    return publish_miniature(path, clips=40, lengths=[5, 9, 30, 17])


@pytest.fixture
def clips(mini: Miniature) -> ClipSet:
    return clipmill.open(str(mini.path))["train"]


def make(clips: ClipSet, **options: Any) -> Batches:
    return clips.batches(
        RandomWindow(4), augment=[RandomCrop(32), HorizontalFlip()], batch_size=6, shuffle=True, **options
    )


CASES = {
    "sampler": st.sampled_from(
        [WholeClip(), RandomWindow(6, 2, "pad"), Segments(4), AtFps(10.0, 5), UniformWindows(3, windows=2)]
    ),
    "augment": st.sampled_from(
        [
            [],
            [RandomResizedCrop(24), HorizontalFlip(), Normalise()],
            [MultiScaleCrop(24), ColourJitter(0.3, 0.3, 0.3, 0.1)],
            [RandomRotation(), RandomCrop(40)],
            [ThreeCrops(40)],
        ]
    ),
    "views": st.sampled_from([1, 2]),
    "seed": st.integers(0, 99),
    "shuffle": st.sampled_from([True, False, "shards"]),
}


@given(case=st.fixed_dictionaries(CASES), epoch=st.integers(0, 3), layout=st.sampled_from(["BTHWC", "BTCHW", "BCTHW"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_tensors_equal_the_arrays(clips: ClipSet, case: dict[str, Any], epoch: int, layout: str) -> None:
    batches = clips.batches(batch_size=5, **case)
    batches.set_epoch(epoch)
    several = batches.views > 1
    have = "BVTHWC" if several else "BTHWC"
    order = [have.index(axis) for axis in (layout.replace("B", "BV") if several else layout)]
    for tensors, arrays in zip(
        batches.torch(layout=layout), clips.batches(batch_size=5, **case).run(epoch, 0), strict=True
    ):
        assert sorted(tensors) == sorted(arrays)
        for field, values in arrays.items():
            if field == "id":
                assert tensors[field] == values.tolist()
                continue
            expected = values.transpose(order) if field == "frames" else values
            assert np.array_equal(tensors[field].numpy(), expected)


@pytest.mark.parametrize(("workers", "start"), [(0, None), (2, None), (3, "fork"), (2, "spawn"), (1, "forkserver")])
def test_workers_keep_the_order_and_the_state(clips: ClipSet, workers: int, start: str | None) -> None:
    batches = make(clips, workers=workers, start=start)
    tensors = batches.torch("frames", "id")
    assert len(tensors) == 5
    for epoch in range(2):
        for step, ((frames, names), arrays) in enumerate(zip(tensors, make(clips).run(epoch, 0), strict=True)):
            assert np.array_equal(frames.numpy(), arrays["frames"])
            assert names == arrays["id"].tolist()
            assert (batches.epoch, batches.step) == ((epoch, step + 1) if step < 4 else (epoch + 1, 0))


def test_an_interrupted_epoch_goes_on_in_another_process_with_other_workers(clips: ClipSet) -> None:
    first = make(clips, workers=2).torch("id")
    found = []
    for (names,) in first:
        found.append(names)
        if len(found) == 2:
            break
    state = first.state_dict()
    second = make(clips, workers=3).torch("id")
    second.load_state_dict(state)
    found += [names for (names,) in second]
    assert found == [batch["id"].tolist() for batch in make(clips)]
    first.load_state_dict(state)
    rest = [names for (names,) in first]  # and so does the first one, with its own workers
    assert found[2:] == rest
    next(iter(first))
    assert [names for (names,) in first] == [batch["id"].tolist() for batch in make(clips).run(2, 0)]


def test_workers_end_with_their_iterable(clips: ClipSet) -> None:
    gc.collect()
    before = len(multiprocessing.active_children())
    tensors = make(clips, workers=2).torch("label")
    for _ in range(3):
        for _ in tensors:
            pass
        assert len(multiprocessing.active_children()) == before + 2
    del tensors
    for _ in range(100):
        if len(multiprocessing.active_children()) == before:
            break
        time.sleep(0.05)
    assert len(multiprocessing.active_children()) == before


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_data_loader_of_the_users_own(clips: ClipSet, workers: int) -> None:
    loader = torch.utils.data.DataLoader(make(clips).torch("frames", "step"), batch_size=None, num_workers=workers)
    found = list(loader)
    assert [int(step) for _, step in found] == [0, 1, 2, 3, 4]
    for (frames, _), arrays in zip(found, make(clips), strict=True):
        assert np.array_equal(frames.numpy(), arrays["frames"])


def test_tensors_lie_in_our_buffers(clips: ClipSet) -> None:
    batches = make(clips)
    for (frames,) in batches.torch("frames", layout="BCTHW"):
        assert frames.shape[1:] == (3, 4, 32, 32)
        place = frames.data_ptr()
        assert any(block.ctypes.data <= place < block.ctypes.data + block.nbytes for block in batches.buffers._blocks)


def test_jpegs_as_tensors(clips: ClipSet, mini: Miniature) -> None:
    batch = next(iter(make(clips, decode=False).torch()))
    name, numbers = batch["id"][0], batch["frame_index"][0].tolist()
    assert [bytes(jpeg.numpy()) for jpeg in batch["frames"][0]] == [mini.frames[name][number] for number in numbers]


def test_single_clips(clips: ClipSet) -> None:
    dataset = clips.clips_dataset(RandomWindow(4), augment=[RandomCrop(32), HorizontalFlip()], layout="CTHW")
    assert len(dataset) == 27
    for epoch in (0, 2):
        dataset.set_epoch(epoch)
        arrays = {name: (batch, row) for batch in make(clips).run(epoch, 0) for row, name in enumerate(batch["id"])}
        for number in (0, 5, 26, -1):
            clip = dataset[number]
            batch, row = arrays[clip["id"]]
            assert clip["frames"].shape == (3, 4, 32, 32)
            assert np.array_equal(clip["frames"].permute(1, 2, 3, 0).numpy(), batch["frames"][row])
            assert int(clip["label"]) == batch["label"][row]
    with pytest.raises(IndexError, match="clip 27: there are 27"):
        dataset[27]
    loader = torch.utils.data.DataLoader(dataset, batch_size=9, shuffle=True, num_workers=2)
    names = [name for batch in loader for name in batch["id"]]
    assert sorted(names) == sorted(clips.ids.to_pylist())


def test_layouts_that_are_none(clips: ClipSet) -> None:
    for layout in ("TCHW", "CBTHW", "BCTH", "BCTHWW"):
        with pytest.raises(UsageError, match="must be B and then T, C, H and W in any order"):
            make(clips).torch(layout=layout)
    with pytest.raises(UsageError, match="field 'audio'"):
        make(clips).torch("audio")


def test_a_model_is_trained(clips: ClipSet) -> None:
    batches = clips.batches(CentreWindow(4), augment=[RandomCrop(16), Normalise()], batch_size=9, shuffle=True)
    model = torch.nn.Sequential(torch.nn.Conv3d(3, 4, 3), torch.nn.Flatten(), torch.nn.LazyLinear(3))
    losses = []
    for _ in range(2):
        for frames, label in batches.torch("frames", "label", layout="BCTHW"):
            loss = torch.nn.functional.cross_entropy(model(frames), label)
            loss.backward()
            losses.append(float(loss))
    assert len(losses) == 6 and np.isfinite(losses).all()
    assert MissingExtra is not None
