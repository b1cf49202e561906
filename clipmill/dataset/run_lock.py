"""Which runs are at work in an output, so that none deletes what another one needs.

    work/live/<run>     run, host and process; locked on local disks, written again every minute on object stores

The system releases a local lock when its process ends. On object stores a run counts as
live for five minutes after its last beat. A run announces itself before it reads which
version is published. Before anything is deleted that others may use, the other live runs
are listed; on local disks a lock (`_DOOR`) keeps new runs from starting meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator

import msgspec

from clipmill.errors import StorageError, TryAgain
from clipmill.storage import Storage

LIVE = "work/live"
_DOOR = "work/live.lock"
#: Seconds between two beats, and without a beat after which a run counts as dead.
_BEAT, _DEAD = 60.0, 300.0
#: How the ids of gc's runs begin.
_SWEEPER = "gc-"


@contextlib.contextmanager
def live_run(storage: Storage, run: str) -> Iterator[None]:
    """Announce a run for the length of a `with` block.

    Raises:
        TryAgain: gc is at work there, on an object store; on local disks the run waits for it.
    """
    path = f"{LIVE}/{run}"
    who = msgspec.json.encode({"run": run, "host": socket.gethostname(), "pid": os.getpid(), "since": int(time.time())})
    with contextlib.ExitStack() as stack:
        stack.callback(_leave, storage, path)
        if storage.disk is not None:
            with storage.disk.hold(_DOOR):
                stack.enter_context(storage.disk.hold(path, who))
        else:
            storage.put(path, who)
            stack.enter_context(_beating(storage, path, who))
            if not run.startswith(_SWEEPER) and any(other.startswith(_SWEEPER) for other in others(storage, run)):
                raise TryAgain(f"{storage.root}: clipmill gc is at work here; try again when it has ended")
        yield


@contextlib.contextmanager
def sweeping(storage: Storage, token: str) -> Iterator[None]:
    """Keep other runs from starting for the length of a `with` block, in which anything may be deleted.

    Args:
        token: any, unique to this call.

    Raises:
        TryAgain: a run is live.
    """
    run = _SWEEPER + token
    with contextlib.nullcontext() if storage.local else live_run(storage, run), alone(storage, run) as is_alone:
        if not is_alone:
            live = ", ".join(others(storage, run))
            raise TryAgain(f"{storage.root}: {live} is at work here; try again when it has ended")
        yield


def others(storage: Storage, run: str) -> list[str]:
    """Return the ids of the other runs that are live."""
    if storage.disk is not None:
        return [name for name in storage.children(LIVE)[1] if name != run and storage.disk.is_held(f"{LIVE}/{name}")]
    beats = {path.rpartition("/")[2]: stat.modified for path, stat in storage.list(LIVE)}
    # The time of our own beat is by the storage's clock, as the others' are.
    now = beats.get(run, time.time())
    return sorted(name for name, beat in beats.items() if name != run and beat > now - _DEAD)


@contextlib.contextmanager
def alone(storage: Storage, run: str) -> Iterator[bool]:
    """Give whether no other run is live; on local disks none can start before the `with` block ends."""
    if storage.disk is None:
        yield not others(storage, run)
        return
    with storage.disk.hold(_DOOR):
        live = others(storage, run)
        for name in storage.children(LIVE)[1]:
            if name != run and name not in live:
                storage.delete(f"{LIVE}/{name}")
        yield not live


def _leave(storage: Storage, path: str) -> None:
    # An error here would hide how the run ended; a marker that stays has no lock or beat, so it counts as dead.
    with contextlib.suppress(StorageError):
        storage.delete(path)


@contextlib.contextmanager
def _beating(storage: Storage, path: str, who: bytes) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(_BEAT):
            with contextlib.suppress(StorageError):
                storage.put(path, who)

    thread = threading.Thread(target=beat, name="clipmill-beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
