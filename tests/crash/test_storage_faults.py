"""A fault at every operation on storage: what is published is whole, and the rerun ends as if nothing had been."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from faulty_storage import CHANGING, Faults, Killed
from plain_build import plain_build, published_bytes, write_videos

from clipmill.errors import StorageError
from clipmill.layout import current_version
from clipmill.storage import open_storage
from clipmill.verify import verify

#: So many faults, of those that a parametrized test goes through.
PARTS = 6


class Scene(NamedTuple):
    """Two states of some videos, outputs where the first one is published or nothing, and the bytes to expect."""

    before: Path
    after: Path
    outputs: dict[str, Path]
    expected: dict[str, str]


@pytest.fixture(scope="module")
def scene(quick_disk: Path) -> Scene:
    folder = quick_disk
    before, after = folder / "before", folder / "after"
    lengths = {f"c{n % 2}/v{n}": 3 + n for n in range(6)}
    write_videos(before, lengths)
    # One goes, one comes, one changes, one gets another class.
    write_videos(after, lengths)
    (after / "c0/v4.avi").unlink()
    write_videos(after, {"c1/v8": 4, "c1/v1": 5}, seed=1)
    os.rename(after / "c0/v2.avi", after / "c1/v2.avi")
    outputs = {"nothing": folder / "nothing", "something": folder / "something"}
    outputs["nothing"].mkdir()
    # Under the path that every build sees its videos at, so that notes and versions are of one root.
    videos = folder / "videos"
    videos.symlink_to(before)
    assert plain_build(videos, outputs["something"]).changed
    videos.unlink()
    videos.symlink_to(after)
    undisturbed = folder / "undisturbed"
    assert plain_build(videos, undisturbed).changed
    return Scene(before, videos, outputs, published_bytes(undisturbed))


def disturbed(scene: Scene, out: Path, faults: Faults) -> None:
    with faults.installed(), contextlib.suppress(StorageError, Killed):
        plain_build(scene.after, out)


def assert_whole(out: Path) -> None:
    storage = open_storage(str(out))
    if current_version(storage) is not None:
        assert verify(storage).problems == []


def start(scene: Scene, state: str) -> Path:
    out = scene.after.parent / "out"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(scene.outputs[state], out, symlinks=True)
    return out


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("kind", ["fails", "dies"])
@pytest.mark.parametrize("state", ["nothing", "something"])
def test_a_fault_at_every_operation(scene: Scene, state: str, kind: str, part: int) -> None:
    counted = Faults()
    disturbed(scene, start(scene, state), counted)
    assert len(counted.names) > 100
    points = [at for at, name in enumerate(counted.names) if kind == "fails" or name in CHANGING]
    for at in points[part::PARTS]:
        out = start(scene, state)
        disturbed(scene, out, Faults(at, kind))
        where = f"operation {at}, {counted.names[at]}"
        assert_whole(out)
        plain_build(scene.after, out)
        assert published_bytes(out) == scene.expected, where
        assert_whole(out)
