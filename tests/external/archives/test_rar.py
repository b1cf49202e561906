"""RAR archives by the programs that people have: plain, solid, in volumes, with links and copies, damaged."""

from __future__ import annotations

from pathlib import Path

import pytest
from commanding import clipmill


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unpacked(archive: Path, dest: Path) -> dict[str, bytes]:
    ran = clipmill("unpack", archive, dest)
    assert ran.code == 0, ran.err
    assert not list(dest.glob(".*"))
    return content(dest)


@pytest.mark.parametrize("kind", ["solid", "subdirs", "vols.part1"])
def test_rar_4_and_5_hold_the_same(rars, tmp_path, kind):
    old = unpacked(rars / f"rar3-{kind}.rar", tmp_path / "4")
    new = unpacked(rars / f"rar5-{kind}.rar", tmp_path / "5")
    assert old == new and any(old.values())


def test_volumes_of_the_old_naming(rars, tmp_path):
    assert unpacked(rars / "rar3-old.rar", tmp_path / "a") == unpacked(rars / "rar3-vols.part1.rar", tmp_path / "b")


@pytest.mark.parametrize("name", ["rar5-dups", "rar5-hlink"])
def test_copies_and_hard_links_are_files(rars, tmp_path, name):
    found = unpacked(rars / f"{name}.rar", tmp_path / "x")
    plain = unpacked(rars / "rar5-crc.rar", tmp_path / "plain")
    assert len(found) > 2 and set(found.values()) <= set(plain.values())


def test_other_checksums(rars, tmp_path):
    assert unpacked(rars / "rar5-blake.rar", tmp_path / "a") == unpacked(rars / "rar5-crc.rar", tmp_path / "b")


def test_links_inside_are_left_out(rars, tmp_path):
    assert set(unpacked(rars / "rar3-symlink-unix.rar", tmp_path / "x")) == {"data.txt"}


@pytest.mark.parametrize(
    ("name", "said"), [("rar5-symlink-unix", "is a link out of the folder"), ("rar5-psw", "is encrypted")]
)
def test_what_is_refused(rars, tmp_path, name, said):
    ran = clipmill("unpack", rars / f"{name}.rar", tmp_path / "x")
    assert ran.code == 1 and said in ran.err and content(tmp_path / "x") == {}


@pytest.mark.parametrize("name", ["rar3-vols.part1", "rar5-crc"])
def test_a_damaged_member_is_named_and_is_not_there(rars, tmp_path, name):
    for path in rars.glob(f"{name.partition('.')[0]}*.rar"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    archive = tmp_path / f"{name}.rar"
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 255
    archive.write_bytes(data)
    ran = clipmill("unpack", archive, tmp_path / "x")
    assert ran.code == 1 and "was not unpacked, or came out damaged" in ran.err
    right = unpacked(rars / f"{name}.rar", tmp_path / "right")
    found = content(tmp_path / "x")
    assert len(found) < len(right) and all(right[name] == data for name, data in found.items())


def test_a_stopped_run_is_gone_on_with(rars, tmp_path):
    right = unpacked(rars / "rar5-subdirs.rar", tmp_path / "right")
    staging = tmp_path / "x" / ".unpacking"
    (staging / "sub/dir1").mkdir(parents=True)
    (staging / "sub/dir1/file1.txt").write_bytes(b"half of it, or more")
    done = next(iter(right))
    (tmp_path / "x" / done).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "x" / done).write_bytes(right[done])
    assert unpacked(rars / "rar5-subdirs.rar", tmp_path / "x") == right
