"""The graph on a Flink session cluster."""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Sequence

import apache_beam as beam
import grpc
import msgspec
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.portability.flink_runner import FlinkRunner

from clipmill import layout
from clipmill.dataset.publish import OUTCOME
from clipmill.errors import Interrupted, TryAgain, UsageError
from clipmill.options import BuildOptions
from clipmill.pipeline.graph import build_graph
from clipmill.pipeline.interrupts import interrupted, stop_event
from clipmill.pipeline.runners import Paint
from clipmill.pipeline.runners.flink_jar import check_jar, minor_version, misfit
from clipmill.pipeline.runners.flink_rest import ENDED, FlinkRest, error_of, java_cause
from clipmill.storage import is_url, open_storage
from clipmill.transforms import counters
from clipmill.workers.shared_pool import close_children

#: Where Beam's own image has the pool that stands beside each task manager.
WORKER_POOL = "localhost:50000"
_POLL_SECONDS = 2.0
#: How often a worker of a pool tells what it has done; Flink tells that of whole bundles only.
_TELL_SECONDS = 10.0


def runner(arguments: argparse.Namespace) -> Flink:
    """Return the runner for the options of the command line.

    Raises:
        UsageError: a word is missing.
    """
    if not arguments.flink_master:
        raise UsageError("--flink-master is missing: name the cluster, as --flink-master HOST:8081")
    if arguments.flink_jar and not os.path.isfile(arguments.flink_jar):
        raise UsageError(f"--flink-jar {arguments.flink_jar}: there is no such file")
    jar = os.path.abspath(arguments.flink_jar) if arguments.flink_jar else None
    return Flink(arguments.flink_master, jar, arguments.workers, shared_filesystem=arguments.shared_filesystem)


class Flink:
    """Submits a build to a session cluster, watches it, and stops it on Ctrl-C.

    Args:
        master: host:port of the REST interface, or its URL.
        jar: Beam's job-server jar for this Flink; None lets Beam fetch it.
        workers: decoder children of each Beam worker process; None for one, or for as many as
            there are slots where this process is the only worker.
        shared_filesystem: local paths mean the same on every machine of the cluster.
    """

    def __init__(self, master: str, jar: str | None, workers: int | None, *, shared_filesystem: bool) -> None:
        self._rest = FlinkRest(master)
        self._jar = jar
        self._workers = workers
        self._shared = shared_filesystem

    def check(self, options: BuildOptions) -> None:
        """Raise for a cluster that does not answer, a jar that does not fit, and local paths that it does not have."""
        check_jar(self._jar, self._version(), self._rest.url)
        if self._is_here() or self._shared:
            return
        listing = options.listing
        paths = (*listing.listings, listing.videos, listing.labels, options.out)
        local = [path for path in paths if path is not None and not is_url(path)]
        if local:
            raise UsageError(
                f"{local[0]}: is on this machine, and the cluster at {self._rest.url} runs on others. Use s3:// "
                "or gs://, or add --shared-filesystem if every machine has the same files there"
            )

    def _version(self) -> str:
        return minor_version(self._rest.overview()["flink-version"])

    def _is_here(self) -> bool:
        """Return whether all task managers are on this machine; the master may be a forwarded port."""
        return all(_is_this_machine(host) for host in self._rest.hosts())

    def run(self, options: BuildOptions, base: str | None, beam_words: Sequence[str], paint: Paint) -> None:
        """Run a build to its end, good or bad: see `clipmill.pipeline.runners.Runner`."""
        words = [*self._defaults(f"clipmill-{options.run}".lower()), *beam_words]
        portable = PipelineOptions(words).view_as(PortableOptions)
        loopback = portable.environment_type == "LOOPBACK"
        children = self._workers or (max(1, int(portable.sdk_worker_parallelism)) if loopback else 1)
        told_here = 0.0 if loopback else _TELL_SECONDS
        options = msgspec.structs.replace(options, workers=children, tell_seconds=told_here)
        counters.reset()
        # What Beam logs of a failing job are Java's frames; the cause is told in one line.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        if loopback:
            _hush_workers()
        else:
            # Those that looked at the listing; the work is done elsewhere.
            close_children()
        with stop_event() as stop:
            try:
                self._submit_and_watch(words, options, base, stop, paint)
            finally:
                close_children(kill=stop.is_set())
        if open_storage(options.out).stat(layout.run_path(options.run, OUTCOME)) is None:
            raise UsageError(
                f"--out {options.out}: the job ended well, but its outcome is not here: "
                "is this the same folder on every machine of the cluster?"
            )

    def _defaults(self, name: str) -> list[str]:
        """Return Beam's options for this cluster."""
        overview = self._rest.overview()
        slots, free, managers = overview["slots-total"], overview["slots-available"], overview["taskmanagers"]
        if not slots:
            raise TryAgain(f"the cluster at {self._rest.url} has no task slots: start a task manager")
        if not free:
            raise TryAgain(f"all {slots} task slots of {self._rest.url} are taken by other jobs")
        words = [
            f"--job_name={name}",
            f"--flink_master={self._rest.url}",
            "--flink_submit_uber_jar",
            f"--parallelism={free}",
            f"--sdk_worker_parallelism={-(-slots // managers)}",
        ]
        if self._jar:
            words.append(f"--flink_job_server_jar={self._jar}")
        if managers == 1 and self._is_here():
            return [*words, "--environment_type=LOOPBACK"]
        return [*words, "--environment_type=EXTERNAL", f"--environment_config={WORKER_POOL}"]

    def _submit_and_watch(
        self, words: list[str], options: BuildOptions, base: str | None, stop: threading.Event, paint: Paint
    ) -> None:
        pipeline = beam.Pipeline(runner=FlinkRunner(), options=PipelineOptions(words))
        build_graph(pipeline, options, base)
        try:
            result = pipeline.run()
        except Exception as error:
            # Flink's answers are JSON, in which the lines of a stack trace stand as "\\n\\tat".
            said = (str(error).strip() or type(error).__name__).replace("\\n", "\n").replace("\\t", "\t")
            raise self._misfit(said) or TryAgain(
                f"the Flink cluster at {self._rest.url} did not take the job: {java_cause(said)}"
            ) from error
        told = counters.Told(options)
        try:
            self._watch(self._job(PipelineOptions(words).get_all_options()["job_name"]), told, stop, paint)
        finally:
            told.forget()
            # Beam takes its jar back from the cluster when it sees that the job has ended.
            with contextlib.suppress(Exception):
                _ = result.state

    def _job(self, name: str) -> str:
        """Return Flink's own id of a job."""
        job = self._rest.find_job(name)
        if job is None:
            raise TryAgain(f"the Flink cluster at {self._rest.url} has lost the job {name}")
        return job

    def _watch(self, job: str, told: counters.Told, stop: threading.Event, paint: Paint) -> None:
        """Paint the counters until the job has ended."""
        while (state := self._rest.state(job)) not in ENDED:
            if stop.wait(_POLL_SECONDS):
                self._rest.cancel(job)
                raise interrupted()
            paint(self._counts(job, told))
        paint(self._counts(job, told))
        if state == "CANCELED":
            raise Interrupted(f"the job was canceled in Flink ({self._rest.url}/#/job/{job}): nothing was published")
        if state == "FAILED":
            failures = self._rest.failures(job)
            if not failures:
                raise TryAgain(f"the Flink job {job} failed and does not say why")
            raise self._misfit(failures[0]) or error_of(failures[0])

    def _misfit(self, said: str) -> UsageError | None:
        return misfit(said, self._jar, self._version(), self._rest.url)

    def _counts(self, job: str, told: counters.Told) -> dict[str, int]:
        """Return each counter's largest value of Flink's (by bundle), the workers' and this process's."""
        known = (self._rest.counters(job), told.counts(), counters.local_counts())
        return {name: max(counts.get(name, 0) for counts in known) for name in {*known[0], *known[1], *known[2]}}


def _is_this_machine(host: str) -> bool:
    try:
        addresses, own = (
            {str(found[4][0]) for found in socket.getaddrinfo(name, None)} for name in (host, socket.gethostname())
        )
    except OSError:
        return False
    return any(address in own or ipaddress.ip_address(address).is_loopback for address in addresses)


def _hush_workers() -> None:
    """Silence Beam's threads here: they lose their connections when a job ends, and say so even if it ended well."""
    show = threading.excepthook

    def hook(ended: threading.ExceptHookArgs) -> None:
        if not isinstance(ended.exc_value, grpc.RpcError):
            show(ended)

    threading.excepthook = hook
