"""JAX: batches become its arrays, which keep what they hold while the reader goes on."""

from __future__ import annotations

import numpy as np
import pytest

from clipmill.reader import CropOrPad, RandomWindow

pytestmark = pytest.mark.interop
jax = pytest.importorskip("jax")


def test_arrays_stay_as_they_are_while_the_reader_goes_on(built):
    batches = built.data["train"].batches(
        RandomWindow(6), augment=[CropOrPad((224, 224))], batch_size=2, shuffle=True, prefetch=1
    )
    kept, copies, shared = [], [], 0
    for _ in range(4):
        for batch in batches:
            array = jax.numpy.asarray(batch["frames"])
            shared += array.unsafe_buffer_pointer() == batch["frames"].ctypes.data
            kept.append(array)
            copies.append(batch["frames"].copy())
            del batch
    assert len(kept) == 4 * len(batches)
    assert all(np.array_equal(array, copy) for array, copy in zip(kept, copies, strict=True))
    assert shared, "JAX takes the batch's own memory on the CPU, so this test shows that it is not used again"


def test_a_jitted_step_gets_what_the_batch_holds(built):
    mean = jax.jit(lambda frames: frames.astype("float32").mean())
    for batch in built.data["val"].batches(RandomWindow(4), augment=[CropOrPad((64, 64))], batch_size=1):
        assert float(mean(batch["frames"])) == pytest.approx(batch["frames"].mean(), rel=1e-4)
