"""JAX: batches become its arrays, which keep what they hold while the reader goes on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pages import block, run

from clipmill.reader import CropOrPad, RandomWindow

pytestmark = pytest.mark.interop
jax = pytest.importorskip("jax")


def alias(array: np.ndarray) -> Any:
    """A JAX array on the CPU, on the memory of a NumPy array."""
    return jax.device_put(array, may_alias=True)


@pytest.mark.parametrize("to_jax", [jax.numpy.asarray, jax.device_put, alias])
@pytest.mark.parametrize("processes", [{}, {"workers": 1, "start": "spawn"}], ids=["threads", "a process"])
def test_arrays_stay_as_they_are_while_the_reader_goes_on(built, to_jax, processes):
    batches = built.data["train"].batches(
        RandomWindow(6), augment=[CropOrPad((224, 224))], batch_size=2, shuffle=True, prefetch=1, **processes
    )
    kept, copies, shared = [], [], 0
    for _ in range(4):
        for batch in batches:
            array = to_jax(batch["frames"])
            shared += array.unsafe_buffer_pointer() == batch["frames"].ctypes.data
            kept.append(array)
            copies.append(batch["frames"].copy())
            del batch
    assert len(kept) == 4 * len(batches)
    assert all(np.array_equal(array, copy) for array, copy in zip(kept, copies, strict=True))
    # Where JAX has the batch's own memory, that was not used for a later batch.
    assert shared == (0 if to_jax is jax.numpy.asarray else len(kept))


def test_the_block_of_the_page_runs(built):
    batches = built.data["train"].batches(
        RandomWindow(4), augment=[CropOrPad((64, 64))], batch_size=2, fields=["frames", "label"]
    )
    names = {"batches": batches}
    run(block("docs/reading.md", "import jax"), names)
    assert np.array_equal(names["frames"], names["batch"]["frames"])
    assert np.array_equal(names["label"], names["batch"]["label"]) and names["label"].dtype == "int32"


def test_a_jitted_step_gets_what_the_batch_holds(built):
    mean = jax.jit(lambda frames: frames.astype("float32").mean())
    for batch in built.data["val"].batches(RandomWindow(4), augment=[CropOrPad((64, 64))], batch_size=1):
        assert float(mean(batch["frames"])) == pytest.approx(batch["frames"].mean(), rel=1e-4)
