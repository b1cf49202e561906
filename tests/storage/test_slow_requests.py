"""Requests that get no answer are told of while they wait."""

from __future__ import annotations

import logging
import time

import pytest

from clipmill.storage import slow_requests
from clipmill.storage.object_store import ObjectStorage
from clipmill.storage.slow_requests import each_watched, watched


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(slow_requests, "PATIENCE", 0.2)
    monkeypatch.setattr(slow_requests, "_watcher", None)
    caplog.set_level(logging.WARNING, "clipmill.storage")


def test_a_slow_request_is_told_of_ever_more_seldom(caplog: pytest.LogCaptureFixture) -> None:
    with watched("s3://bucket/a"):
        time.sleep(1.3)
    lines = [line for line in caplog.messages if line.startswith("s3://bucket/a: no answer for ")]
    assert 1 <= len(lines) <= 4 and all(line.endswith(" s; still waiting") for line in lines)
    caplog.clear()
    time.sleep(0.5)
    assert not caplog.messages, "it has ended"


def test_quick_requests_are_not_told_of_however_many(caplog: pytest.LogCaptureFixture) -> None:
    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        with watched("s3://bucket/b"):
            time.sleep(0.01)
    assert not caplog.messages


def test_what_the_reader_of_answers_does_meanwhile_does_not_count(caplog: pytest.LogCaptureFixture) -> None:
    found = []
    for answer in each_watched(iter([1, 2]), "s3://bucket/c"):
        time.sleep(0.5)
        found.append(answer)
    assert found == [1, 2] and not caplog.messages


def test_a_server_that_is_silent(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line shows what the log of clipmill.storage gets."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "any")
        storage = ObjectStorage("s3://bucket/out")
        threading.Thread(target=lambda: storage.stat("CURRENT"), daemon=True).start()
        until = time.monotonic() + 20
        while not caplog.messages and time.monotonic() < until:
            time.sleep(0.05)
    assert caplog.messages[0].startswith("s3://bucket/out/CURRENT: no answer for ")
