"""--metrics: how a build ended, as a text file that Prometheus' node_exporter collects."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest

#: Fields of the summary that are numbers, and what each says.
_NUMBERS = {
    "code": "exit code of the last build",
    "seconds": "how long it took",
    "rows": "rows of the listing",
    "clips": "clips of the published version",
    "frames": "frames of the published version",
    "bytes": "bytes of its shards",
    "shards": "its shards",
    "classes": "its classes",
}


def metrics(summary: Mapping[str, Any]) -> bytes:
    """Return a build's summary in Prometheus' text format; every metric has the output's path as a label."""
    registry = CollectorRegistry()
    out = str(summary.get("out", ""))

    def gauge(name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"clipmill_build_{name}", text, ("out", *labels), registry=registry)

    for name, text in _NUMBERS.items():
        if name in summary:
            gauge(name, text).labels(out).set(summary[name])
    if "changed" in summary:
        gauge("changed", "1 if the last build published another version").labels(out).set(summary["changed"])
    failed = gauge("failed", "rows of the ledger, by reason", "reason")
    for reason, number in summary.get("failed", {}).items():
        failed.labels(out, reason).set(number)
    split_clips = gauge("split_clips", "clips, by split", "split")
    for split, number in summary.get("splits", {}).items():
        split_clips.labels(out, split).set(number)
    gauge("ended_timestamp_seconds", "when the last build ended").labels(out).set(time.time())
    return generate_latest(registry)
