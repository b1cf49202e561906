"""What the crash tests start from: two states of some videos, and what a build that nothing disturbs makes of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from plain_build import plain_build, published_bytes, write_videos

from clipmill.dataset.verify import verify
from clipmill.layout import current_version
from clipmill.storage import open_storage

STATES = ("nothing", "something")


class Scene(NamedTuple):
    """A build to disturb.

    Attributes:
        folder: of all that follows.
        videos: to build.
        expected: what is published in the end, as `published_bytes` gives it.
    """

    folder: Path
    videos: Path
    expected: dict[str, str]

    def start(self, state: str) -> Path:
        """An output where nothing is published, or what was made of the videos before they changed."""
        shutil.rmtree(self.folder / "disk", ignore_errors=True)
        out = self.folder / "disk" / "out"
        if state == "something":
            shutil.copytree(self.folder / "something", out, symlinks=True)
        else:
            out.parent.mkdir()
        return out


def make_scene(folder: Path) -> Scene:
    """Some videos, published; then one goes, one comes, one changes, one gets another class."""
    lengths = {f"c{n % 2}/v{n}": 3 + n for n in range(6)}
    before, after = folder / "before", folder / "after"
    write_videos(before, lengths)
    write_videos(after, lengths)
    (after / "c0/v4.avi").unlink()
    write_videos(after, {"c1/v8": 4, "c1/v1": 5}, seed=1)
    os.rename(after / "c0/v2.avi", after / "c1/v2.avi")
    # Under one path, so that what is noted of the one state is of use for the other.
    videos = folder / "videos"
    videos.symlink_to(before)
    assert plain_build(videos, folder / "something").changed
    videos.unlink()
    videos.symlink_to(after)
    assert plain_build(videos, folder / "undisturbed").changed
    return Scene(folder, videos, published_bytes(folder / "undisturbed"))


def assert_whole(out: Path, where: str = "") -> None:
    """What is published is whole, if anything is."""
    storage = open_storage(str(out))
    if current_version(storage) is not None:
        assert verify(storage).problems == [], where
