"""Confining a child process, so that a decoder that a video takes over can do little.

Landlock (Linux 5.13) takes away writing anywhere but where it is needed, running programs, and signals to others;
a seccomp filter takes away sockets, where no storage is remote, and programs. Both last until the process ends. Reading
is left: links below a root lead anywhere. What the kernel does not know is left out.

The numbers are those of linux/landlock.h, linux/filter.h, linux/seccomp.h and the tables of system calls.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
import sys
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from clipmill.storage import open_storage

#: Set to 0, children are not confined.
VARIABLE = "CLIPMILL_CONFINE"

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
#: What is refused outside of the writable folders: running files, and all ways to change folders and files.
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_CHANGE = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPED = 0b11  # abstract Unix sockets, signals
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2

#: By machine: its number for audits, and those of the system calls.
_MACHINES = {
    "x86_64": (
        0xC000003E,
        # execve, execveat, ptrace, process_vm_readv, process_vm_writev, bpf, unshare, setns, mount, io_uring_setup
        (59, 322, 101, 310, 311, 321, 272, 308, 165, 425),
        41,  # socket
    ),
    "aarch64": (0xC00000B7, (221, 281, 117, 270, 271, 280, 97, 268, 40, 425), 198),
}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13  # EACCES
_X32 = 0x40000000


class Confinement(NamedTuple):
    """What a child may do.

    Attributes:
        writable: folders in which it may write; those that are not there are left out.
        network: it may open sockets.
    """

    writable: tuple[str, ...]
    network: bool

    def words(self) -> list[str]:
        """Return it as words of a command line."""
        return ["network" if self.network else "local", *self.writable]

    @classmethod
    def of_words(cls, words: Sequence[str]) -> Confinement | None:
        """Return what was written as words, None for none."""
        return cls(tuple(words[1:]), words[0] == "network") if words else None


def confinement(videos: str, out: str = "") -> Confinement | None:
    """Return what a child needs that reads from one storage and perhaps writes to another; None if it is not wanted.

    A build makes the folder `out` before it starts children. Where it is not there yet, they may write anywhere.
    """
    if os.environ.get(VARIABLE) == "0" or not sys.platform.startswith("linux"):
        return None
    storages = [open_storage(root) for root in (videos, out) if root]
    network = not all(storage.local for storage in storages)
    # What is remote is read and written by way of temporary files.
    folders = [out if os.path.isdir(out) else "/"] if out and storages[-1].local else []
    return Confinement((*folders, *([tempfile.gettempdir()] if network else [])), network)


def known() -> str:
    """Describe what this kernel knows of it."""
    abi = _landlock()
    landlock = f"Landlock {abi}" if abi else "no Landlock"
    return f"{landlock}, {'seccomp' if _has_seccomp() else 'no seccomp'}"


def confine(wanted: Confinement) -> None:
    """Confine this thread, and all that it starts from now on."""
    if _prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return
    abi = _landlock()
    if abi:
        with contextlib.suppress(OSError):
            _restrict_files(wanted, abi)
    machine = _MACHINES.get(platform.machine())
    if machine is not None and _has_seccomp():
        _filter(machine, wanted.network)


def _restrict_files(wanted: Confinement, abi: int) -> None:
    change = _CHANGE | (_REFER if abi >= 2 else 0) | (_TRUNCATE if abi >= 3 else 0)
    network = 0 if wanted.network else _BIND_TCP | _CONNECT_TCP
    asked = struct.pack("<QQQ", change | _EXECUTE, network, _SCOPED)[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    rules = _call(_CREATE_RULESET, asked, len(asked), 0)
    try:
        for folder in filter(os.path.isdir, wanted.writable):
            _allow(rules, folder, change)
        _allow(rules, os.devnull, _WRITE_FILE | (_TRUNCATE if abi >= 3 else 0))
        _call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, what: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, rules, 1, struct.pack("<Qi", what, place), 0)
    finally:
        os.close(place)


def _filter(machine: tuple[int, tuple[int, ...], int], network: bool) -> None:
    audit, always, socket = machine
    refused = always if network else (*always, socket)
    # Another machine's calls, as those of 32 bits, and calls of x32 have other numbers.
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 0, len(refused) + 3, audit), (_LOAD, 0, 0, 0)]
    program.append((_AT_LEAST, len(refused) + 1, 0, _X32))
    program += [(_EQUAL, len(refused) - number, 0, call) for number, call in enumerate(refused)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    _prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(head), 0, 0)


def _landlock() -> int:
    """Return the version of the kernel's Landlock, 0 if there is none."""
    try:
        return _call(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def _has_seccomp() -> bool:
    return os.path.exists("/proc/sys/kernel/seccomp/actions_avail")


def _call(number: int, *words: bytes | int | None) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    known = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    found = int(libc.syscall(ctypes.c_long(number), *known))
    if found < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


def _prctl(*words: int) -> int:
    return int(ctypes.CDLL(None, use_errno=True).prctl(*map(ctypes.c_ulong, words)))
