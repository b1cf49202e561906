"""What stands where a row says, and is no file."""

from __future__ import annotations

import os
import socket

import pytest

from clipmill.errors import ClipError
from clipmill.sources.find import find_source
from clipmill.storage import open_storage


def test_what_is_no_file_is_named_by_its_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.mp4")
    os.symlink("/dev/zero", "device.mp4")
    os.mkdir("folder.mp4")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.mp4")
    storage = open_storage(str(tmp_path))
    for name, reason, message in [
        ("pipe.mp4", "not_a_video", "pipe.mp4 is a named pipe, not a file"),
        ("device.mp4", "not_a_video", "device.mp4 is a device, not a file"),
        ("socket.mp4", "not_a_video", "socket.mp4 is a socket, not a file"),
        # The file may be called so elsewhere, or have a suffix that the row lacks.
        ("folder.mp4", "missing", "folder.mp4 is a folder without images in it, not a file"),
        ("nothing.mp4", "missing", f"no such file: {tmp_path}/nothing.mp4"),
    ]:
        with pytest.raises(ClipError) as caught:
            find_source(storage, [name])
        assert (caught.value.reason, caught.value.message) == (reason, message)
