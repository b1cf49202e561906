"""Flink's REST interface, as far as a build needs it."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from apache_beam.portability.api import beam_job_api_pb2
from apache_beam.runners.portability.portable_metrics import from_monitoring_infos
from google.protobuf import json_format

from clipmill import errors
from clipmill.errors import ClipmillError, TryAgain
from clipmill.transforms.counters import NAMESPACE

#: States that a job does not leave.
ENDED = ("FINISHED", "FAILED", "CANCELED")
#: How long an answer is waited for that does not come, while a job manager restarts perhaps.
_PATIENCE = 60.0


class JobFailed(ClipmillError):
    """A job on a cluster failed for another reason than its data or storage: workers without clipmill, or a bug.

    What to do: install `clipmill[build]` where the message says that it is missing; else report it with its lines.
    """


class FlinkRest:
    """Talks to a cluster's REST interface.

    Args:
        master: host:port, or a URL.
    """

    def __init__(self, master: str) -> None:
        self.url = (master if "://" in master else f"http://{master}").rstrip("/")

    def overview(self) -> dict[str, Any]:
        """Return slots, task managers and version of the cluster.

        Raises:
            TryAgain: no server answers.
        """
        return self._ask("/overview", patience=0)

    def hosts(self) -> list[str]:
        """Return the hosts of the task managers.

        Raises:
            TryAgain: no server answers.
        """
        managers = self._ask("/taskmanagers", patience=0)["taskmanagers"]
        # As pekko.tcp://flink@HOST:PORT/user/rpc/taskmanager_0
        return [urlsplit(manager["path"]).hostname or "" for manager in managers]

    def find_job(self, name: str) -> str | None:
        """Return the id of the job of this name."""
        jobs = self._ask("/jobs/overview")["jobs"]
        return next((job["jid"] for job in jobs if job["name"] == name), None)

    def state(self, job: str) -> str:
        """Return a job's state: RUNNING, RESTARTING, FINISHED, ..."""
        return str(self._ask(f"/jobs/{job}")["state"])

    def counters(self, job: str) -> dict[str, int]:
        """Return Beam's counters of a job by name, as far as its bundles have ended."""
        found: dict[str, int] = {}
        for accumulator in self._ask(f"/jobs/{job}/accumulators")["user-task-accumulators"]:
            if accumulator["name"] == "__metricscontainers":
                answer = beam_job_api_pb2.GetJobMetricsResponse()
                attempted = json_format.Parse(accumulator["value"], answer).metrics.attempted
                for key, value in from_monitoring_infos(attempted, user_metrics_only=True)[0].items():
                    if key.metric.namespace == NAMESPACE:
                        found[key.metric.name] = found.get(key.metric.name, 0) + value
        return found

    def failures(self, job: str) -> list[str]:
        """Return Java's stack traces of what made the job restart or fail, the latest first."""
        history = self._ask(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
        return [entry["stacktrace"] for entry in history]

    def cancel(self, job: str, patience: float = 30.0) -> None:
        """Stop a job, and wait until it has.

        Beam's own cancel() asks for an address that Flink does not have.
        """
        self._ask(f"/jobs/{job}?mode=cancel", method="PATCH")
        end = time.monotonic() + patience
        while self.state(job) not in ENDED and time.monotonic() < end:
            time.sleep(0.2)

    def _ask(self, path: str, *, method: str = "GET", patience: float = _PATIENCE) -> dict[str, Any]:
        end = time.monotonic() + patience
        while True:
            request = urllib.request.Request(self.url + path, method=method)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return dict(json.load(answer) or {})
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = getattr(error, "reason", None) or error
                if time.monotonic() >= end:
                    raise TryAgain(f"no Flink answers at {self.url} ({reason}): is the cluster up?") from None
                time.sleep(1)


def error_of(stacktrace: str) -> ClipmillError:
    """Return the error in a Java stack trace: ours where it was one, else the last lines of Python's.

    Args:
        stacktrace: of a job that failed, as Flink shows it.
    """
    python = _python_part(stacktrace)
    if python:
        last = re.sub(r" \[while running '[^\n]*'\]$", "", python[-1])
        kind, _, message = last.partition(": ")
        ours = getattr(errors, kind.removeprefix("clipmill.errors."), None) if kind.startswith("clipmill.") else None
        if isinstance(ours, type) and issubclass(ours, ClipmillError):
            return _again(ours, message)
        shown = "\n".join(python[-6:])
        if kind in ("ModuleNotFoundError", "ImportError"):
            return JobFailed(f"{last}: the Beam workers must run in an environment where clipmill[build] is installed")
        return JobFailed(f"a worker raised an error; this is a bug, please report it with these lines:\n{shown}")
    if "ExternalEnvironmentFactory.createEnvironment" in stacktrace:
        return TryAgain(
            "no Beam worker pool answers beside a task manager: start "
            "python -m clipmill.pipeline.runners.worker_pool there"
        )
    return TryAgain(f"the Flink job failed: {java_cause(stacktrace)}")


def _again(kind: type[ClipmillError], message: str) -> ClipmillError:
    error = kind.__new__(kind)
    error.args = (message,)
    return error


def _python_part(stacktrace: str) -> list[str]:
    """Return the lines of the last Python traceback in a Java one."""
    _, found, rest = stacktrace.rpartition("Traceback (most recent call last):\n")
    if not found:
        return []
    lines = []
    for line in rest.splitlines():
        if line.startswith(("\tat ", "Caused by:")):
            break
        lines.append(line)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def java_cause(stacktrace: str) -> str:
    """Return the innermost cause in one line."""
    causes = re.findall(r"^(?:Caused by: )?([\w.$]+(?:Exception|Error)\b[^\n]*)", stacktrace, re.MULTILINE)
    return causes[-1] if causes else stacktrace.strip().splitlines()[0]
