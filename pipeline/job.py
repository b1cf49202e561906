"""What a runner runs: a build, or an export on a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Elsewhere(NamedTuple):
    """What is told to Beam's workers that are not in this process.

    Attributes:
        workers: children of each of them.
        tell_seconds: how often each writes its counters to the job's folder `counts`; 0 for never.
    """

    workers: int
    tell_seconds: float = 0.0


class Job(NamedTuple):
    """One run, for any runner.

    Attributes:
        name: of the data set, after which a cluster's job is named.
        run: id of the run.
        word, out: the option that names the folder which is filled, and that folder.
        places: all paths and URLs that workers read or write.
        scratch: the folder for a runner's own files.
        memory, disk: bytes that one Beam process takes beside its libraries.
        graph: adds all steps to a `beam.Pipeline`; None where the work is done in this process.
        counts: folder in `out` where workers elsewhere write what they counted; None where they do not.
        ended: returns whether `out` holds what the last step writes.
        stop: keeps a run of this process from its last step; returns False if it is too late.
        kept: in words, what a run leaves that was stopped.
    """

    name: str
    run: str
    word: str
    out: str
    places: tuple[str, ...]
    scratch: str
    memory: int
    disk: int
    graph: Callable[[Any, Elsewhere | None], None]
    counts: str | None
    ended: Callable[[], bool]
    stop: Callable[[], bool]
    kept: str


def graphs() -> Any:
    """Return the module that has the graphs."""
    # Loaded late: Beam takes seconds, and a build tells of its listing first.
    from clipmill.pipeline import graph

    return graph
