"""The graph on Google Cloud Dataflow."""

from __future__ import annotations

import argparse
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, WorkerOptions
from apache_beam.runners.runner import PipelineState

from clipmill.errors import LostRace, MissingExtra, TryAgain, UsageError
from clipmill.pipeline.interrupts import interrupted, stop_event
from clipmill.pipeline.job import Elsewhere, Job
from clipmill.pipeline.runners import Paint
from clipmill.pipeline.runners.flink_rest import error_of
from clipmill.storage import is_url
from clipmill.transforms.counters import NAMESPACE

_log = logging.getLogger("clipmill.dataflow")

_POLL_SECONDS = 10.0
#: Of a worker machine. Each core runs one Beam process, and that one a decoder.
_CORES = 4
_GB = 1 << 30


def runner(arguments: argparse.Namespace) -> Dataflow:
    """Return the runner for the options of the command line."""
    return Dataflow(arguments.beam_words, arguments.workers)


class Dataflow:
    """Submits a job, watches it, and stops it on Ctrl-C.

    The job's name is made of the output's path, and Dataflow refuses a second active job
    of one name: so two jobs never fill one folder at once.

    Args:
        beam_words: Beam options from the command line: --project, --region, --sdk_container_image
            (see docker/), and whatever else shall overrule what is said here.
        workers: decoder children of each Beam process; None for one, as there is such a process for each core.
    """

    def __init__(self, beam_words: Sequence[str], workers: int | None) -> None:
        self._words = list(beam_words)
        self._children = workers or 1

    def check(self, job: Job) -> None:
        """Raise UsageError for local paths, and for a job that lacks its project, region or image."""
        for path in job.places:
            if not is_url(path):
                raise UsageError(f"{path}: is on this machine, where Dataflow's workers cannot read it: use gs://")
        given = PipelineOptions(self._words)
        cloud, workers = given.view_as(GoogleCloudOptions), given.view_as(WorkerOptions)
        for word, found in (
            ("--project=PROJECT", cloud.project),
            ("--region=REGION", cloud.region),
            ("--sdk_container_image=IMAGE", workers.sdk_container_image),
            ("--temp_location=gs://BUCKET/FOLDER", cloud.temp_location or job.scratch.startswith("gs://")),
        ):
            if not found:
                raise UsageError(f"--runner dataflow: an option is missing; add -- {word}")

    def run(self, job: Job, beam_words: Sequence[str], paint: Paint) -> None:
        """Run a job to its end, good or bad: see `clipmill.pipeline.runners.Runner`."""
        # What Beam logs of a job that fails is shown by its last line.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        with stop_event() as stop:
            result = self.submit(job, beam_words)
            while not PipelineState.is_terminal(state := result.state):
                if stop.wait(_POLL_SECONDS):
                    result.cancel()
                    raise interrupted(job.kept)
                paint(_counts(result))
        if state != PipelineState.DONE:
            raise _failure(result, state)

    def submit(self, job: Job, beam_words: Sequence[str]) -> Any:
        """Build the graph and hand it over; returns Beam's result, while the job runs on by itself.

        Args:
            beam_words: Beam options, which win over those of `job_words`.

        Raises:
            MissingExtra: Google's packages are not installed.
            LostRace: a job into the same folder is running.
            TryAgain: Dataflow did not take the job.
        """
        try:
            # They need Google's packages, which only those who run on Dataflow install.
            from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
            from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError
        except ImportError:
            raise MissingExtra("clipmill --runner dataflow", "build,gcp") from None
        words = [*job_words(job, beam_words), *beam_words]
        pipeline = beam.Pipeline(runner=DataflowRunner(), options=PipelineOptions(words))
        job.graph(pipeline, Elsewhere(self._children))
        try:
            return pipeline.run()
        except DataflowJobAlreadyExistsError:
            raise LostRace(f"{job.word} {job.out}: another Dataflow job is filling it ({job_name(job)})") from None
        except Exception as error:
            said = _first_line(str(error)) or type(error).__name__
            raise TryAgain(f"Dataflow did not take the job: {said}") from error


def job_words(job: Job, beam_words: Sequence[str]) -> list[str]:
    """Return Beam's options of a job; those of the command line win over them."""
    # Everything is in the image: nothing is pickled from this process, and nothing installed at start.
    words = [
        f"--job_name={job_name(job)}",
        *([f"--temp_location={job.scratch}"] if job.scratch.startswith("gs://") else []),
        "--no_save_main_session",
        "--sdk_location=container",
        f"--disk_size_gb={disk_gb(job)}",
    ]
    given = [word.partition("=")[0].replace("-", "_").lstrip("_") for word in beam_words]
    if not {"machine_type", "worker_machine_type", "resource_hint", "resource_hints"} & set(given):
        gigabytes = memory_gb(job)
        # For the pipeline as a whole: a hint on one step would be a second pool of workers, and break fusion.
        words.append(f"--resource_hints=min_ram={gigabytes}GB")
        # 4 or 8 GB a core, of which Dataflow's own processes take a part.
        words.append(f"--machine_type=n2-{'standard' if gigabytes <= 3 * _CORES else 'highmem'}-{_CORES}")
    return words


def job_name(job: Job) -> str:
    """Return the job's name: the same for every job into the same folder, and for no other."""
    digest = hashlib.sha256(job.out.encode()).hexdigest()
    return f"clipmill-{job.name}-{digest[:8]}".lower().replace("_", "-")


def memory_gb(job: Job) -> int:
    """Return the memory of a worker machine in GB."""
    # A Beam process, a decoder's libraries and what is fetched ahead; and what the job says.
    return math.ceil(_CORES * (0.75 * _GB + job.memory) / _GB)


def disk_gb(job: Job) -> int:
    """Return the disk of a worker machine in GB."""
    return math.ceil(30 + _CORES * job.disk / _GB)


def _counts(result: Any) -> dict[str, int]:
    """Return the counters so far, summed over the steps that have them."""
    counts: Counter[str] = Counter()
    try:
        for counter in result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]:
            counts[counter.key.metric.name] += counter.result
    except Exception as error:  # a look at the job must not end it
        _log.warning("no counters from Dataflow: %s", error)
    return counts


def _failure(result: Any, state: str) -> Exception:
    client = result._runner.dataflow_client
    messages, _ = client.list_messages(result.job_id(), minimum_importance="JOB_MESSAGE_ERROR")
    texts = [message.message_text for message in messages]
    for text in reversed(texts):
        if "Traceback (most recent call last):" in text:
            return error_of(text)
    said = _first_line(texts[-1]) if texts else "it does not say why"
    return TryAgain(f"the Dataflow job {result.job_id()} ended as {state}: {said}")


def _first_line(text: str) -> str:
    return next(iter(text.strip().splitlines()), "")
