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
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.portability.flink_runner import FlinkRunner

from clipmill.errors import Interrupted, TryAgain, UsageError
from clipmill.pipeline.interrupts import interrupted, stop_event
from clipmill.pipeline.job import Elsewhere, Job
from clipmill.pipeline.runners import Paint
from clipmill.pipeline.runners.flink_jar import check_jar, minor_version, misfit
from clipmill.pipeline.runners.flink_rest import ENDED, FlinkRest, error_of, java_cause
from clipmill.storage import is_url
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
    """Submits a job to a session cluster, watches it, and stops it on Ctrl-C.

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

    def check(self, job: Job) -> None:
        """Raise for a cluster that does not answer, a jar that does not fit, and local paths that it does not have."""
        check_jar(self._jar, self._version(), self._rest.url)
        if self._is_here() or self._shared:
            return
        local = [path for path in job.places if not is_url(path)]
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

    def run(self, job: Job, beam_words: Sequence[str], paint: Paint) -> None:
        """Run a job to its end, good or bad: see `clipmill.pipeline.runners.Runner`."""
        words = [*self._defaults(f"clipmill-{job.run}".lower()), *beam_words]
        portable = PipelineOptions(words).view_as(PortableOptions)
        loopback = portable.environment_type == "LOOPBACK"
        children = self._workers or (max(1, int(portable.sdk_worker_parallelism)) if loopback else 1)
        elsewhere = Elsewhere(children, 0.0 if loopback else _TELL_SECONDS)
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
                self._submit_and_watch(words, job, elsewhere, stop, paint)
            finally:
                close_children(kill=stop.is_set())
        if not job.ended():
            raise UsageError(
                f"{job.word} {job.out}: the job ended well, but its outcome is not here: "
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
        self, words: list[str], job: Job, elsewhere: Elsewhere, stop: threading.Event, paint: Paint
    ) -> None:
        pipeline = beam.Pipeline(runner=FlinkRunner(), options=PipelineOptions(words))
        job.graph(pipeline, elsewhere)
        try:
            result = pipeline.run()
        except Exception as error:
            # Flink's answers are JSON, in which the lines of a stack trace stand as "\\n\\tat".
            said = (str(error).strip() or type(error).__name__).replace("\\n", "\n").replace("\\t", "\t")
            raise self._misfit(said) or TryAgain(
                f"the Flink cluster at {self._rest.url} did not take the job: {java_cause(said)}"
            ) from error
        told = counters.Told(job.out, job.counts)
        try:
            name = PipelineOptions(words).get_all_options()["job_name"]
            self._watch(self._id_of(name), job, told, stop, paint)
        finally:
            told.forget()
            # Beam takes its jar back from the cluster when it sees that the job has ended.
            with contextlib.suppress(Exception):
                _ = result.state

    def _id_of(self, name: str) -> str:
        """Return Flink's own id of a job."""
        found = self._rest.find_job(name)
        if found is None:
            raise TryAgain(f"the Flink cluster at {self._rest.url} has lost the job {name}")
        return found

    def _watch(self, known: str, job: Job, told: counters.Told, stop: threading.Event, paint: Paint) -> None:
        """Paint the counters until the job that Flink knows by an id has ended."""
        while (state := self._rest.state(known)) not in ENDED:
            if stop.wait(_POLL_SECONDS):
                self._rest.cancel(known)
                raise interrupted(job.kept)
            paint(self._counts(known, told))
        paint(self._counts(known, told))
        if state == "CANCELED":
            raise Interrupted(f"the job was canceled in Flink ({self._rest.url}/#/job/{known}): {job.kept}")
        if state == "FAILED":
            failures = self._rest.failures(known)
            if not failures:
                raise TryAgain(f"the Flink job {known} failed and does not say why")
            raise self._misfit(failures[0]) or error_of(failures[0])

    def _misfit(self, said: str) -> UsageError | None:
        return misfit(said, self._jar, self._version(), self._rest.url)

    def _counts(self, known: str, told: counters.Told) -> dict[str, int]:
        """Return each counter's largest value of Flink's (by bundle), the workers' and this process's."""
        sources = (self._rest.counters(known), told.counts(), counters.local_counts())
        return {
            name: max(counts.get(name, 0) for counts in sources) for name in {*sources[0], *sources[1], *sources[2]}
        }


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
