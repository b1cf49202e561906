"""What the servers for tests share: a cache for what was installed, free ports, processes that end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path


class CannotStart(Exception):
    """A server, or what it needs, could not be installed or started; says what to do."""


def cache(name: str) -> Path:
    """A folder that outlives checkouts: $XDG_CACHE_HOME/clipmill/NAME."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "clipmill" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Two test runs must not install into one folder at once."""
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(
    command: Sequence[str], mend: str, *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> None:
    """Run a step of an installation.

    Args:
        mend: what to do where the program itself is missing.

    Raises:
        CannotStart: it is missing, or failed; shows its last lines.
    """
    if shutil.which(command[0]) is None:
        raise CannotStart(f"{command[0]} is not installed: {mend}")
    print("installing:", " ".join(command), flush=True)
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        raise CannotStart(f"{' '.join(command)} failed:\n" + "\n".join(done.stdout.splitlines()[-20:]))


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody answers on a port of the loopback interface."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Process:
    """A server process in a session of its own, with its output in a file.

    Args:
        name: of the log, `folder/NAME.log`, and of the file that holds the process id.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._pid_file = folder / f"{name}.pid"
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start it; it outlives this process unless stopped."""
        with open(self.log, "ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )
        self._pid_file.write_text(str(process.pid))
        self._process = process

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        try:
            pid = int(self._pid_file.read_text())
            status = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
        except (OSError, ValueError):
            return None
        return None if status.startswith("Z") else pid

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until it is of use.

        Raises:
            CannotStart: it ended, or took too long; shows the end of its log.
        """
        end = time.monotonic() + seconds
        while not ready():
            if self.pid is None or time.monotonic() > end:
                how = "ended at once" if self.pid is None else f"was not ready after {seconds:.0f} s"
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
                raise CannotStart(f"{self.name} {how}; the end of {self.log}:\n{tail}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it and all of its session at once, as a machine that goes away does."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._reap()

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end, and kill what is left of its session."""
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            end = time.monotonic() + seconds
            while self.pid is not None and time.monotonic() < end:
                time.sleep(0.05)
                self._poll()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._reap()

    def _poll(self) -> None:
        process = getattr(self, "_process", None)
        if process is not None:
            process.poll()

    def _reap(self) -> None:
        process = getattr(self, "_process", None)
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        self._pid_file.unlink(missing_ok=True)
