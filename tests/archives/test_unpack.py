"""Archives of every kind come out whole; what is damaged or dangerous does not come out at all."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest
from commanding import built, clipmill, refused
from plain_build import write_videos

from clipmill.archives import rar_file
from clipmill.archives.base import Member, leaves, refuse_dangerous
from clipmill.errors import DataError

FILES = {"UCF/a/one.bin": b"1" * 70_000, "UCF/a/two.bin": b"", "UCF/b/three.bin": bytes(range(256)) * 9}


def make_zip(path: Path, files: dict[str, bytes] = FILES) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_tar(path: Path, files: dict[str, bytes] = FILES, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def make(kind: str, folder: Path, files: dict[str, bytes] = FILES) -> Path:
    if kind == "zip":
        return make_zip(folder / "UCF.zip", files)
    return make_tar(folder / f"UCF.{kind}", files, {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}[kind])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_every_file_comes_out_and_a_second_run_writes_what_is_missing(tmp_path, kind):
    archive, dest = make(kind, tmp_path), tmp_path / "dest"
    ran = clipmill("unpack", archive, dest, "--json")
    assert ran.code == 0 and content(dest) == FILES
    assert (ran.json["files"], ran.json["written"], ran.json["nbytes"]) == (3, 3, 72_304)
    (dest / "UCF/a/one.bin").write_bytes(b"half")
    again = clipmill("unpack", archive, dest)
    assert content(dest) == FILES
    assert again.out == f"3 files, 2 of them there already, 72.3 kB -> {dest}\n"


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_a_damaged_member_is_named_and_is_not_there(tmp_path, kind):
    archive = make(kind, tmp_path)
    data = bytearray(archive.read_bytes())
    if kind == "zip":
        data[50] ^= 255  # inside the first member's data
    else:
        del data[len(data) * 2 // 3 :]
    archive.write_bytes(data)
    ran = clipmill("unpack", archive, tmp_path / "dest")
    assert ran.code == 1 and str(archive) in ran.err and "damaged" in ran.err
    assert "UCF/a/one.bin" not in content(tmp_path / "dest") or kind != "zip"
    assert all(content(tmp_path / "dest")[name] == FILES[name] for name in content(tmp_path / "dest"))


@pytest.mark.parametrize("name", ["../out.bin", "/tmp/out.bin", "a/../../out.bin", "..\\out.bin", "C:\\out.bin"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_member_outside_the_folder_stops_all(tmp_path, kind, name):
    archive = make(kind, tmp_path, {"fine.bin": b"1", name: b"2"})
    ran = clipmill("unpack", archive, tmp_path / "dest" / "deep")
    assert ran.code == 1 and "outside the folder" in ran.err
    assert content(tmp_path) == {archive.name: archive.read_bytes()}


@pytest.mark.parametrize("target", ["../../etc", "/etc/hostname"])
def test_a_link_out_of_the_folder_stops_all(tmp_path, target):
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo("a/link")
        info.type, info.linkname = tarfile.SYMTYPE, target
        tar.addfile(info)
    ran = clipmill("unpack", archive, tmp_path / "dest")
    assert ran.code == 1 and f"a link out of the folder, to {target!r}" in ran.err


@pytest.mark.parametrize("kind", [tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_pipe_or_a_device_stops_all(tmp_path, kind):
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w") as tar:
        info = tarfile.TarInfo("a/x.mp4")
        info.type = kind
        tar.addfile(info)
    ran = clipmill("unpack", archive, tmp_path / "dest")
    assert ran.code == 1 and "'a/x.mp4' is not a file, folder or link; unpacked nothing" in ran.err
    assert not list((tmp_path / "dest").glob("**/*.mp4"))


def test_a_member_that_needs_a_password_is_named():
    with pytest.raises(DataError, match="its member 'a' is encrypted"):
        refuse_dangerous("x", [Member("a", 1, encrypted=True)], 10)


def test_sizes_are_held_against_the_disk():
    with pytest.raises(DataError, match=r"x: its members take 3.0 GB, and 2.0 GB are free"):
        refuse_dangerous("x", [Member("a", 10**9), Member("b", 2 * 10**9)], 2 * 10**9)
    refuse_dangerous("x", [Member("a", 10**9), Member("b", 10**9)], 2 * 10**9)


@pytest.mark.parametrize(("name", "out"), [("a/b", False), ("a/../b", False), ("..a/b", False), ("a/../../b", True)])
def test_what_leaves_a_folder(name, out):
    assert leaves(name) == out


def test_what_is_no_archive(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"no zip")
    assert "not an archive that clipmill reads" in refused("unpack", tmp_path / "x.zip", tmp_path / "dest")
    assert "no such file" in refused("unpack", tmp_path / "y.zip", tmp_path / "dest")


def test_an_archive_is_a_listing(tmp_path):
    write_videos(tmp_path / "videos" / "UCF-101", {"run/a": 5, "walk/b": 6})
    archive = Path(shutil.make_archive(str(tmp_path / "UCF101"), "zip", tmp_path / "videos"))
    plain = built(tmp_path / "videos" / "UCF-101", "--out", tmp_path / "plain", "--name", "ucf")
    packed = built(archive, "--out", tmp_path / "packed", "--name", "ucf")
    assert packed["version"] == plain["version"]
    assert "is an archive, and a plan writes nothing" in refused("plan", archive, "--out", tmp_path / "other")


def test_a_missing_program_is_named_with_its_package(tmp_path, monkeypatch):
    monkeypatch.setattr(rar_file.shutil, "which", lambda program: None)
    with pytest.raises(Exception, match="unar is needed to unpack it: apt-get install unar"):
        rar_file.RarArchive("x.rar")._run("unar", tmp_path, lambda name: None)
