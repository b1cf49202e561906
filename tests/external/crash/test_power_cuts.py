"""Power fails between any two operations on the disk: what is published is whole, and the rerun ends the same."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest
from plain_build import plain_build, published_bytes
from power_cut import MODES, Disk, PowerCut
from scenes import STATES, Scene, assert_whole, make_scene

#: Every operation is cut at by one of so many tests.
PARTS = 6


@pytest.fixture(scope="module")
def scene(quick_disk: Path) -> Scene:
    return make_scene(quick_disk)


def cut(scene: Scene, state: str, at: int | None) -> tuple[Path, Disk]:
    """An output as it stands when the power went, and the disk."""
    out = scene.start(state)
    shadow = scene.folder / "shadow"
    shutil.rmtree(shadow, ignore_errors=True)
    shadow.mkdir()
    disk = Disk(out.parent, shadow, at)
    with disk.plugged_in(), contextlib.suppress(PowerCut):
        plain_build(scene.videos, out)
    return out, disk


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("state", STATES)
def test_a_power_cut_before_every_operation(scene: Scene, state: str, part: int) -> None:
    _, counted = cut(scene, state, None)
    assert len(counted.operations) > 100
    for at in range(part, len(counted.operations), PARTS):
        mode = MODES[at // PARTS % len(MODES)]
        out, disk = cut(scene, state, at)
        disk.lose(mode, seed=at)
        where = f"{mode} lost before operation {at}, {counted.operations[at]}"
        assert_whole(out, where)
        plain_build(scene.videos, out)
        assert published_bytes(out) == scene.expected, where
        assert_whole(out, where)


@pytest.mark.parametrize("state", STATES)
def test_a_power_cut_after_a_run_loses_nothing_that_is_published(scene: Scene, state: str) -> None:
    out, disk = cut(scene, state, None)
    disk.lose("all", seed=0)
    assert published_bytes(out) == scene.expected
    assert_whole(out)
