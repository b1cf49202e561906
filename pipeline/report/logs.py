"""Output of a run: lines for people or, with --log-format json, one JSON object a line on standard error.

Every object has time (UTC), level, event and message, and run once it is known. Events
of a build are listing, estimate, progress (with the counters), outcome (with its fields) and error.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from clipmill.pipeline.report import words

_PROGRESS_SECONDS = 10.0

_log = logging.getLogger("clipmill")
_common: dict[str, str] = {}


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", record.name),
            **_common,
            **getattr(record, "fields", {}),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


_handler = logging.StreamHandler()
_handler.setFormatter(_JsonLines())


def setup(log_format: str) -> None:
    """Set the output's format: "text" or "json"."""
    _common.clear()
    _log.setLevel(logging.INFO)
    root = logging.getLogger()
    root.removeHandler(_handler)
    if log_format == "json":
        _handler.setStream(sys.stderr)
        root.addHandler(_handler)


def in_every_line(**fields: str) -> None:
    """Add fields to every JSON object from now on."""
    _common.update(fields)


def is_json() -> bool:
    """Return whether the output's format is JSON."""
    return _handler in logging.getLogger().handlers


def say(event: str, text: str, fields: Any = None) -> None:
    """Print a text on standard output, or log it with its fields as JSON."""
    if is_json():
        _log.info("%s", text, extra={"event": event, "fields": msgspec.to_builtins(fields or {})})
    else:
        print(words.lines(text), flush=True)


def complain(text: str, code: int) -> None:
    """Print on standard error why a command ends."""
    if is_json():
        _log.error("%s", text, extra={"event": "error", "fields": {"code": code}})
    else:
        print(f"clipmill: {words.lines(text)}", file=sys.stderr)


def progress() -> Callable[[dict[str, int]], None]:
    """Return a function that takes the counters often, and logs them every ten seconds."""
    due = 0.0

    def paint(counts: dict[str, int]) -> None:
        nonlocal due
        if time.monotonic() >= due:
            due = time.monotonic() + _PROGRESS_SECONDS
            say("progress", "at work", {"counts": counts})

    return paint
