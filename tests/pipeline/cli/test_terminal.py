"""The command as a process: in a terminal, behind a pipe, interrupted, and on the bare install."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from commanding import built, clipmill
from failed_runs import FAILURES, run_in
from footage import write_film
from miniature import publish_miniature
from places import ROOT

CLIPS = 12
#: Seconds after which an interrupted command must be gone.
SOON = 10.0  # it takes 0.2 to 2 s; this machine may be busy


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **more}


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, *words: str | Path, columns: int = 80) -> None:
        command = [sys.executable, "-m", "pipeline", *map(str, words)]
        self.pid, self._terminal = pty.fork()
        if not self.pid:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # as in a shell; what starts tests may ignore it
            os.execve(sys.executable, command, environment())
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.text = ""

    def read_until(self, wanted: str, seconds: float = 60.0) -> None:
        """Read until a pattern is found."""
        deadline = time.monotonic() + seconds
        while not re.search(wanted, self.text):
            assert self._read() and time.monotonic() < deadline, self.text

    def _read(self) -> bool:
        if select.select([self._terminal], [], [], 0.05)[0]:
            try:
                self.text += os.read(self._terminal, 65536).decode()
            except OSError:  # that is how a terminal without processes ends
                return False
        return True

    def press(self, key: str) -> None:
        os.write(self._terminal, key.encode())

    def children(self) -> list[int]:
        """Processes that this one started."""
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and parent_of(int(pid)) == self.pid]

    def end(self) -> int:
        """Exit code, once all is read; minus the signal that ended it."""
        while self._read():
            pass
        os.close(self._terminal)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def parent_of(pid: int) -> int | None:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return None


def gone(pids: list[int], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(parent_of(pid) is not None for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    """Small clips; as large frames they take their time."""
    folder = tmp_path_factory.mktemp("terminal") / "videos"
    for number in range(CLIPS):
        path = folder / f"class{number % 3}" / f"{number}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_film(path, 24 + number, "mpeg4")
    return folder


def slowly(videos: Path, out: Path) -> list[str | Path]:
    return ["build", videos, "--out", out, "--size", "1280x960", "--workers", "2"]


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 30])
def test_the_bar_is_one_line(videos, tmp_path, columns):
    (videos / "class0/broken.mp4").write_bytes(b"no video")
    terminal = Terminal("build", videos, "--out", tmp_path / "out", "--size", "320x240", columns=columns)
    assert terminal.end() == 0
    (videos / "class0/broken.mp4").unlink()
    text = terminal.text
    last = text.rindex("\x1b[K")
    bar = text[text.index("\r", text.index("free\r\n") + 6) + 1 : last]
    painted = bar.split("\x1b[K\r")
    assert not re.search(r"[\n\r\x1b]", "".join(painted))
    assert all(len(line) < columns for line in painted)
    assert all(one != other for one, other in itertools.pairwise(painted)), "painted though nothing changed"
    bars = [line for line in painted if re.match(rf"\d+/{CLIPS + 1}  [#.]{{12}}", line)]
    assert bars[-1].startswith(f"{CLIPS + 1}/{CLIPS + 1}  ############")
    shares = [int(line.partition("/")[0]) for line in bars]
    assert shares == sorted(shares)
    if columns == 80:
        assert bars[-1].endswith(" frames/s  1 shard  1 failed")
    *_, closing, failed, end = text[last + 3 :].split("\r\n")
    assert closing.startswith(f"{CLIPS} clips in 1 shard, ") and end == ""
    assert failed.startswith("1 failed: broken.mp4, no video format that clipmill reads")


@pytest.mark.parametrize("moment", ["split train\r\n", "free\r\n", "reading the listing", "frames/s"])
def test_ctrl_c(videos, tmp_path, moment):
    terminal = Terminal(*slowly(videos, tmp_path / "out"))
    terminal.read_until(moment)
    children = terminal.children()
    pressed = time.monotonic()
    terminal.press("\x03")
    assert terminal.end() == 130
    assert time.monotonic() - pressed < SOON
    assert gone(children)
    *_, last, end = terminal.text.split("\r\n")
    # The line starts at the left: the bar before it was ended.
    assert last.lstrip("^C").startswith("clipmill: interrupted") and end == ""
    assert "Traceback" not in terminal.text
    assert not (tmp_path / "out/CURRENT").exists()


@pytest.mark.slow
def test_a_run_goes_on_where_an_interrupted_one_stopped(videos, tmp_path):
    out = tmp_path / "out"
    terminal = Terminal(*slowly(videos, out))
    terminal.read_until("[4-8]/12  ")
    terminal.press("\x03")
    assert terminal.end() == 130
    ran = clipmill("failures", out)
    assert ran.code == 2 and ran.err.endswith("no build has ended here\n")
    fragments = {path: path.stat().st_mtime_ns for path in out.rglob("work/fragments/*/*") if "." not in path.name}
    assert len(fragments) >= 3
    shards = {
        path.name for path in built(*slowly(videos, tmp_path / "fresh")[1:]) and (tmp_path / "fresh/shards").iterdir()
    }
    terminal = Terminal(*slowly(videos, out))
    terminal.read_until("frames/s")
    kept = [path for path, before in fragments.items() if path.exists() and path.stat().st_mtime_ns == before]
    assert len(kept) == len(fragments), "decoded again"
    assert terminal.end() == 0
    assert {path.name for path in (out / "shards").iterdir()} == shards


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL], ids=lambda sent: sent.name)
def test_a_killed_command_leaves_no_children(videos, tmp_path, sent):
    terminal = Terminal(*slowly(videos, tmp_path / "out"))
    terminal.read_until("frames/s")
    children = terminal.children()
    assert len(children) == 2
    os.kill(terminal.pid, sent)
    assert terminal.end() == (130 if sent == signal.SIGTERM else -9)
    assert gone(children)
    assert not (tmp_path / "out/CURRENT").exists()


def run(*words: str | Path, shell: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    command = " ".join(map(str, [sys.executable, "-m", "pipeline", *words]))
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} {shell}"], capture_output=True, text=True, env=environment(**more)
    )


def test_without_a_terminal_there_are_plain_lines(videos, tmp_path):
    ran = run("build", videos, "--out", tmp_path / "out")
    assert ran.returncode == 0 and ran.stderr == ""
    assert "\r" not in ran.stdout and "\x1b" not in ran.stdout
    lines = ran.stdout.splitlines()
    assert lines[0] == f"videos (tree): {CLIPS} clips, 3 classes, labels 0..2, split train"
    assert re.match(r"about 3\d\d frames, [\d.]+ [kM]B out, [\d.]+ [kM]B at the peak, [\d.]+ [GT]B free$", lines[1])
    assert re.match(rf"{CLIPS} clips in 1 shard, 354 frames, .* in \d+s -> .*out/latest \([0-9a-f]{{8}}\)$", lines[2])
    assert len(lines) == 3


def test_a_reader_that_has_enough(tmp_path):
    run_in(tmp_path / "data", "20260101T000000Z-aaaaaa", FAILURES * 5000)
    ran = run("failures", tmp_path / "data", shell="| head -1")
    assert (ran.returncode, ran.stdout.count("\n")) == (0, 1)
    assert ran.stderr == ""
    ran = run("failures", tmp_path / "data", shell="> /dev/full")
    assert (ran.returncode, ran.stderr) == (3, "clipmill: the output of this command: No space left on device\n")


def test_files_for_a_loop_of_the_shell(tmp_path):
    publish_miniature(tmp_path / "data")
    ran = run("path", tmp_path / "data", "--split", "val", shell="| while read f; do wc -c < $f; done")
    sizes = [path.stat().st_size for path in sorted((tmp_path / "data/versions").glob("*/*-val.*"))]
    assert [int(line) for line in ran.stdout.split()] == sizes and sizes


BARE = """
import sys
for name in ("av", "apache_beam", "tensorflow", "torch"):
    sys.modules[name] = None  # as if it were not installed
from clipmill.pipeline.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", ["verify --deep", "inspect", "failures", "path", "versions", "gc --dry-run"])
def test_the_bare_install_looks_at_data_sets(words, tmp_path):
    publish_miniature(tmp_path / "data")
    run_in(tmp_path / "data", "20260101T000000Z-aaaaaa", FAILURES)
    command, *options = words.split()
    ran = subprocess.run(
        [sys.executable, "-c", BARE, command, tmp_path / "data", *options, "--json"],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)


@pytest.mark.parametrize("command", ["build", "plan", "demo"])
def test_the_bare_install_says_what_a_build_needs(command, tmp_path):
    words = ["--out", tmp_path / "out"] if command == "demo" else [tmp_path, "--out", tmp_path / "out"]
    ran = subprocess.run(
        [sys.executable, "-c", BARE, command, *words], capture_output=True, text=True, env=environment()
    )
    assert ran.returncode == 2
    assert ran.stderr == f"clipmill: clipmill {command} needs more packages: pip install 'clipmill[build]'\n"


def test_training_says_that_it_needs_tensorflow(tmp_path):
    words = ["demo", "--train", "--out", tmp_path / "out"]
    ran = subprocess.run([sys.executable, "-c", BARE, *words], capture_output=True, text=True, env=environment())
    assert ran.returncode == 2
    assert ran.stderr == "clipmill: clipmill demo --train needs more packages: pip install 'clipmill[tensorflow]'\n"
    assert not (tmp_path / "out").exists()
