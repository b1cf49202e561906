"""A disk that is full, and one that may not be written any more."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import build, end, wait_for_work
from plain_build import plain_build, published_bytes, write_videos
from scenes import Scene, assert_whole, make_scene

from clipmill.errors import StorageError
from clipmill.layout import current_version
from clipmill.storage import open_storage


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A real file system of so many bytes."""
    folder.mkdir()
    options = f"size={size},nr_inodes=0"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


@pytest.fixture(scope="module")
def scene(quick_disk: Path) -> Scene:
    return make_scene(quick_disk)


def test_a_disk_of_every_size_that_is_too_small(scene: Scene, tmp_path: Path) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    full = 0
    with small_disk(tmp_path / "disk", 4 * page) as disk:
        out = disk / "out"
        for size in range(4 * page, 4000 * page, 3 * page):
            shutil.rmtree(out, ignore_errors=True)
            resize(disk, size)
            try:
                plain_build(scene.videos, out)
            except StorageError as error:
                assert str(error).endswith(": No space left on device") and str(error).startswith(str(out)), error
                assert "\n" not in str(error)
                full += 1
                assert_whole(out)
                # With more room the same output is finished.
                resize(disk, 4000 * page)
                plain_build(scene.videos, out)
                assert published_bytes(out) == scene.expected, size
                shutil.rmtree(out)
            else:
                break
    assert full > 10


@pytest.mark.slow
def test_the_command_on_a_disk_that_fills_up_meanwhile(tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    write_videos(videos, {f"c{n % 3}/v{n // 3}": 5 + 3 * n for n in range(12)})
    with small_disk(tmp_path / "disk", 64 << 20) as disk:
        out = disk / "out"
        process = build(videos, out)
        wait_for_work(process, out, [])
        with (disk / "filler").open("wb") as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(1 << 16))
                filler.flush()
        code, errors = end(process)
        assert code == 3, errors
        last = errors.strip().splitlines()[-1]
        assert last.startswith(f"clipmill: {out}/") and "No space left on device" in last
        assert "Traceback" not in errors
        assert current_version(open_storage(str(out))) is None
        (disk / "filler").unlink()
        code, errors = end(build(videos, out))
        assert code == 0, errors
        assert end(build(videos, tmp_path / "undisturbed"))[0] == 0
        assert published_bytes(out) == published_bytes(tmp_path / "undisturbed")


@pytest.mark.parametrize("name", [".", "runs", "versions", "shards", "work"])
def test_a_folder_that_may_not_be_written_any_more(scene: Scene, name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(scene.folder / "something", out, symlinks=True)
    before = published_bytes(out)
    with unprivileged(tmp_path):
        (out / name).chmod(0o555)
        with pytest.raises(StorageError, match=f"^{out}.*: Permission denied$"):
            plain_build(scene.videos, out)
        assert published_bytes(out) == before
        assert_whole(out)
        (out / name).chmod(0o755)
        plain_build(scene.videos, out)
        assert published_bytes(out) == scene.expected


@contextlib.contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """As a user whom permissions bind; a folder belongs to that user meanwhile."""
    if os.geteuid():
        yield
        return
    nobody = 65534
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, nobody, nobody, follow_symlinks=False)
    opened = [parent for parent in folder.parents if not parent.stat().st_mode & 0o001]
    for parent in opened:
        parent.chmod(parent.stat().st_mode | 0o001)
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(nobody)
    os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        for parent in opened:
            parent.chmod(parent.stat().st_mode & ~0o001)
