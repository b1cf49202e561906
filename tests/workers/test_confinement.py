"""A child that is confined: what it can still do, and what it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from footage import make_clip, write_film, x264

from clipmill.content_names import clip_key
from clipmill.messages import ClipTask, SourceTask
from clipmill.options import BuildOptions, FrameOptions, ListingOptions
from clipmill.workers import confinement as module
from clipmill.workers.confinement import Confinement, confinement, known
from clipmill.workers.jobs import DecodeJob, ResolveJob
from clipmill.workers.pool import Pool
from clipmill.workers.shared_pool import children, close_children

landlock = pytest.mark.skipif("no Landlock" in known(), reason="this kernel has no Landlock")
seccomp = pytest.mark.skipif("no seccomp" in known(), reason="this kernel has no seccomp")

#: Tries one thing after another, each in folders of its own, in a process that confines itself as a child does, in a
#: thread that it starts after that.
TRY = """
import json, os, socket, subprocess, sys, threading
from clipmill.workers.confinement import Confinement, confine
inside, outside, network, *asked = sys.argv[1:]
confine(Confinement((inside, inside + "/none"), network == "network"))
found = []
def try_all():
    for number, what in enumerate(asked):
        try:
            exec(what, globals() | {"inside": f"{inside}/{number}", "outside": f"{outside}/{number}"})
            found.append("done")
        except OSError as error:
            found.append(error.strerror)
thread = threading.Thread(target=try_all)
thread.start()
thread.join()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def came_of(tmp_path_factory):
    """What came of each thing without and with a network, "done" or an error of the system; and where it was tried."""
    found = {}
    for network in ("local", "network"):
        folder = tmp_path_factory.mktemp(network)
        for name in ("in", "out"):
            for number in range(len(EVERYTHING)):
                (folder / name / str(number)).mkdir(parents=True)
                (folder / name / str(number) / "file").write_text("text")
        words = [sys.executable, "-c", TRY, folder / "in", folder / "out", network, *EVERYTHING]
        said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        found[network] = folder, dict(zip(EVERYTHING, json.loads(said), strict=True))
    return found


ALLOWED = (
    "open(inside + '/new', 'w').write('text')",
    "open(inside + '/file', 'a').write('text')",
    "os.makedirs(inside + '/a/b'); os.rename(inside + '/file', inside + '/a/b/c')",
    "os.link(inside + '/file', inside + '/link'); os.truncate(inside + '/link', 1); os.unlink(inside + '/link')",
    "assert open(outside + '/file').read() == 'text' and os.listdir(outside) == ['file']",
    "open(os.devnull, 'w').write('text')",
)
WRITING = (
    "open(outside + '/new', 'w')",
    "open(outside + '/file', 'a')",
    "os.truncate(outside + '/file', 0)",
    "os.unlink(outside + '/file')",
    "os.mkdir(outside + '/new')",
    "os.symlink('x', outside + '/new')",
    "os.link(inside + '/file', outside + '/new')",
    "os.rename(inside + '/file', outside + '/new')",
)
CONNECTING = (
    "socket.socket()",
    "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "socket.socket(socket.AF_UNIX)",
)
RUNNING = ("subprocess.run(['true'])", "os.execv(sys.executable, ['python'])")


EVERYTHING = (*ALLOWED, *WRITING, *CONNECTING, *RUNNING)


@pytest.mark.parametrize("network", ["local", "network"])
def test_what_a_child_needs(came_of, network):
    assert {what: came_of[network][1][what] for what in ALLOWED} == dict.fromkeys(ALLOWED, "done")


@landlock
@pytest.mark.parametrize("network", ["local", "network"])
def test_nothing_is_changed_elsewhere(came_of, network):
    folder, found = came_of[network]
    assert {what: found[what] for what in WRITING} == dict.fromkeys(WRITING, "Permission denied")
    for number in range(len(EVERYTHING)):
        assert os.listdir(folder / f"out/{number}") == ["file"]
        assert (folder / f"out/{number}/file").read_text() == "text"


@seccomp
def test_no_socket_is_opened_unless_storage_is_remote(came_of):
    for network, expected in (("local", "Permission denied"), ("network", "done")):
        assert {what: came_of[network][1][what] for what in CONNECTING} == dict.fromkeys(CONNECTING, expected)


@seccomp
@pytest.mark.parametrize("network", ["local", "network"])
def test_no_program_is_run(came_of, network):
    assert {what: came_of[network][1][what] for what in RUNNING} == dict.fromkeys(RUNNING, "Permission denied")


def test_a_kernel_without_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_call", lambda *words: (_ for _ in ()).throw(OSError(38, "not implemented")))
    monkeypatch.setattr(module.os.path, "exists", lambda path: False)
    assert known() == "no Landlock, no seccomp"


def test_what_a_build_needs(tmp_path, monkeypatch):
    videos, out = str(tmp_path / "v"), str(tmp_path / "o")
    assert confinement(videos, out) == Confinement(("/",), False)
    os.mkdir(out)
    assert confinement(videos, out) == Confinement((out,), False)
    assert confinement(videos) == Confinement((), False)
    monkeypatch.setattr(module.tempfile, "gettempdir", lambda: "/tmp")
    assert confinement("http://host/v", out) == Confinement((out, "/tmp"), True)
    assert confinement("http://host/v") == Confinement(("/tmp",), True)
    for each in (Confinement((), True), Confinement(("a b", "c"), False)):
        assert Confinement.of_words(each.words()) == each
    assert Confinement.of_words([]) is None
    monkeypatch.setenv(module.VARIABLE, "0")
    assert confinement(videos, out) is None


def test_a_confined_child_makes_the_same_bytes(tmp_path):
    film = write_film(tmp_path / "film.mp4", 30, options=x264())
    free = make_clip(film, tmp_path / "free")
    out = tmp_path / "out"
    out.mkdir()
    listing = ListingOptions((str(film),), videos=str(tmp_path))
    pool = children(BuildOptions(listing, str(out), "run"))
    try:
        source = pool.submit(
            ResolveJob(
                SourceTask(["film.mp4"], [[False]], [(None, None)], "no", None, 0, FrameOptions()), str(tmp_path)
            )
        ).result()
        key = clip_key(source.fingerprint, None, None, FrameOptions())
        task = ClipTask(key, "film.mp4", source.stamp, None, None)
        assert pool.submit(DecodeJob(task, str(tmp_path), str(out), FrameOptions())).result().digest == free.digest
    finally:
        close_children()


@landlock
def test_the_pool_confines_its_children(tmp_path):
    """Here from the folder that it should write in."""
    film = write_film(tmp_path / "film.mp4", 5, options=x264())
    pool = Pool(1, 60, confined=Confinement((str(tmp_path / "elsewhere"),), False))
    try:
        task = ClipTask("0" * 32, "film.mp4", str(film.stat().st_mtime_ns), None, None)
        with pytest.raises(Exception, match="Permission denied"):
            pool.submit(DecodeJob(task, str(tmp_path), str(tmp_path / "out"), FrameOptions())).result()
    finally:
        pool.close(kill=True)
