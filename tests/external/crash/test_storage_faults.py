"""A fault at every operation on storage: what is published is whole, and the rerun ends as if nothing had been."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from faulty_storage import CHANGING, Faults, Killed
from plain_build import plain_build, published_bytes
from scenes import STATES, Scene, assert_whole, make_scene

from clipmill.errors import StorageError

#: Every operation is disturbed by one of so many tests.
PARTS = 6


@pytest.fixture(scope="module")
def scene(quick_disk: Path) -> Scene:
    return make_scene(quick_disk)


def disturbed(scene: Scene, state: str, faults: Faults) -> Path:
    """An output as it stands after a build with a fault."""
    out = scene.start(state)
    with faults.installed(), contextlib.suppress(StorageError, Killed):
        plain_build(scene.videos, out)
    return out


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", ["fails", "dies"])
@pytest.mark.parametrize("state", STATES)
def test_a_fault_at_every_operation(scene: Scene, state: str, kind: str, part: int) -> None:
    counted = Faults()
    disturbed(scene, state, counted)
    assert len(counted.names) > 100
    points = [at for at, name in enumerate(counted.names) if kind == "fails" or name in CHANGING]
    for at in points[part::PARTS]:
        out = disturbed(scene, state, Faults(at, kind))
        where = f"{kind} at operation {at}, {counted.names[at]}"
        assert_whole(out, where)
        plain_build(scene.videos, out)
        assert published_bytes(out) == scene.expected, where
        assert_whole(out, where)
