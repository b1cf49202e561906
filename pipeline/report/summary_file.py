"""--summary-json and --metrics: how a build ended, in files that a scheduler and a monitor read."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import msgspec

from clipmill.dataset.publish import Outcome
from clipmill.errors import ClipmillError, Interrupted
from clipmill.pipeline.report.metrics_file import metrics
from clipmill.storage import split_path


def outcome_fields(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome's fields without single failures, which are in the ledger."""
    fields = msgspec.structs.asdict(outcome)
    fields.pop("first_failures")
    return fields


class Summary:
    """Writes the files when its `with` block ends, well or not; deletes an earlier run's summary when it begins.

    So a build that was killed leaves no summary. Its metrics stay as they were: they say when the last build ended.

    Args:
        path: of the summary; None writes none.
        metrics_path: of the metrics; None writes none.

    Attributes:
        counts: the last counters.
    """

    def __init__(self, path: str | None, metrics_path: str | None = None) -> None:
        self.counts: dict[str, int] = {}
        self._path = path
        self._metrics_path = metrics_path
        self._began = time.monotonic()
        self._fields: dict[str, Any] = {}

    def __enter__(self) -> Summary:
        if self._path:
            storage, name = split_path(self._path)
            storage.delete(name)
        return self

    def note(self, **fields: str) -> None:
        """Add to what will be written."""
        self._fields |= fields

    def note_outcome(self, outcome: Outcome) -> None:
        """Add how the run ended."""
        self._fields |= outcome_fields(outcome)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._path and not self._metrics_path:
            return
        ended = {"code": 0, "message": ""}
        if isinstance(error, ClipmillError):
            ended = {"code": error.exit_code, "message": str(error)}
        elif error is not None:
            code = Interrupted.exit_code if isinstance(error, KeyboardInterrupt) else 1
            ended = {"code": code, "message": f"{type(error).__name__}: {error}"}
        seconds = round(time.monotonic() - self._began, 1)
        summary = self._fields | ended | {"seconds": seconds, "counts": self.counts}
        if self._path:
            _put(self._path, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
        if self._metrics_path:
            _put(self._metrics_path, metrics(summary))


def _put(path: str, data: bytes) -> None:
    storage, name = split_path(path)
    storage.put(name, data)
