"""The graph on Google Cloud Dataflow."""

from __future__ import annotations

import argparse
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, WorkerOptions
from apache_beam.runners.runner import PipelineState

from clipmill.errors import LostRace, MissingExtra, TryAgain, UsageError
from clipmill.options import BuildOptions
from clipmill.pipeline.graph import build_graph
from clipmill.pipeline.interrupts import interrupted, stop_event
from clipmill.pipeline.runners.flink_rest import error_of
from clipmill.storage import is_url
from clipmill.transforms.counters import NAMESPACE

_log = logging.getLogger("clipmill.dataflow")

_POLL_SECONDS = 10.0
#: Of a worker machine. Each core runs one Beam process, and that one a decoder.
_CORES = 4
#: Frames of a source that keep their size are taken to be no larger than these.
_LARGE = 1920 * 1080
_GB = 1 << 30


def runner(arguments: argparse.Namespace) -> Dataflow:
    """Return the runner for the options of the command line."""
    return Dataflow(arguments.beam_words, arguments.workers)


class Dataflow:
    """Submits a build, watches it, and stops it on Ctrl-C.

    The job's name is made of the output's path, and Dataflow refuses a second active job
    of one name: so two builds of one data set never run at once.

    Args:
        beam_words: Beam options from the command line: --project, --region, --sdk_container_image
            (see docker/), and whatever else shall overrule what is said here.
        workers: decoder children of each Beam process; None for one, as there is such a process for each core.
    """

    def __init__(self, beam_words: Sequence[str], workers: int | None) -> None:
        self._words = list(beam_words)
        self._children = workers or 1

    def check(self, options: BuildOptions) -> None:
        """Raise UsageError for local paths, and for a job that lacks its project, region or image."""
        listing = options.listing
        for path in (*listing.listings, listing.videos, listing.labels, options.out):
            if path is not None and not is_url(path):
                raise UsageError(f"{path}: is on this machine, where Dataflow's workers cannot read it: use gs://")
        given = PipelineOptions(self._words)
        cloud, workers = given.view_as(GoogleCloudOptions), given.view_as(WorkerOptions)
        for word, found in (
            ("--project=PROJECT", cloud.project),
            ("--region=REGION", cloud.region),
            ("--sdk_container_image=IMAGE", workers.sdk_container_image),
            ("--temp_location=gs://BUCKET/FOLDER", cloud.temp_location or options.out.startswith("gs://")),
        ):
            if not found:
                raise UsageError(f"--runner dataflow: an option is missing; add -- {word}")

    def run(
        self,
        options: BuildOptions,
        base: str | None,
        beam_words: Sequence[str],
        paint: Callable[[dict[str, int]], None],
    ) -> None:
        """Run a build to its end, good or bad: see `clipmill.pipeline.runners.Runner`."""
        # What Beam logs of a job that fails is shown by its last line.
        logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
        with stop_event() as stop:
            result = self.submit(options, base, beam_words)
            while not PipelineState.is_terminal(state := result.state):
                if stop.wait(_POLL_SECONDS):
                    result.cancel()
                    raise interrupted()
                paint(_counts(result))
        if state != PipelineState.DONE:
            raise _failure(result, state)

    def submit(self, options: BuildOptions, base: str | None, beam_words: Sequence[str]) -> Any:
        """Build the graph and hand it over; returns Beam's result, while the job runs on by itself.

        Args:
            base: the version that is published now.
            beam_words: Beam options, which win over those of `job_words`.

        Raises:
            MissingExtra: Google's packages are not installed.
            LostRace: a build into the same output is running.
            TryAgain: Dataflow did not take the job.
        """
        try:
            # They need Google's packages, which only those who run on Dataflow install.
            from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
            from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError
        except ImportError:
            raise MissingExtra("clipmill build --runner dataflow", "build,gcp") from None
        words = [*job_words(options, beam_words), *beam_words]
        pipeline = beam.Pipeline(runner=DataflowRunner(), options=PipelineOptions(words))
        build_graph(pipeline, msgspec.structs.replace(options, workers=self._children), base)
        try:
            return pipeline.run()
        except DataflowJobAlreadyExistsError:
            raise LostRace(f"--out {options.out}: another Dataflow job is building it ({job_name(options)})") from None
        except Exception as error:
            said = _first_line(str(error)) or type(error).__name__
            raise TryAgain(f"Dataflow did not take the job: {said}") from error


def job_words(options: BuildOptions, beam_words: Sequence[str]) -> list[str]:
    """Return Beam's options of a build; those of the command line win over them."""
    # Everything is in the image: nothing is pickled from this process, and nothing installed at start.
    words = [
        f"--job_name={job_name(options)}",
        *([f"--temp_location={options.out}/work/dataflow"] if options.out.startswith("gs://") else []),
        "--no_save_main_session",
        "--sdk_location=container",
        f"--disk_size_gb={disk_gb(options)}",
    ]
    given = [word.partition("=")[0].replace("-", "_").lstrip("_") for word in beam_words]
    if not {"machine_type", "worker_machine_type", "resource_hint", "resource_hints"} & set(given):
        gigabytes = memory_gb(options)
        # For the pipeline as a whole: a hint on one step would be a second pool of workers, and break fusion.
        words.append(f"--resource_hints=min_ram={gigabytes}GB")
        # 4 or 8 GB a core, of which Dataflow's own processes take a part.
        words.append(f"--machine_type=n2-{'standard' if gigabytes <= 3 * _CORES else 'highmem'}-{_CORES}")
    return words


def job_name(options: BuildOptions) -> str:
    """Return the job's name: the same for every build into the same output, and for no other."""
    digest = hashlib.sha256(options.out.encode()).hexdigest()
    return f"clipmill-{options.name}-{digest[:8]}".lower().replace("_", "-")


def memory_gb(options: BuildOptions) -> int:
    """Return the memory of a worker machine in GB, by the size of the frames."""
    frames = options.frames
    if frames.size:
        stored = frames.size[0] * frames.size[1]
    elif frames.short_side:
        stored = frames.short_side**2 * 16 // 9
    else:
        stored = _LARGE
    # A Beam process, a decoder's libraries and what is fetched ahead; libav's reference frames and ours; a clip's
    # JPEGs while they are copied, at most 1 GiB, here twenty seconds of them.
    each = 0.75 * _GB + 64 * max(stored, _LARGE) + min(_GB, 600 * stored // 4)
    return math.ceil(_CORES * each / _GB)


def disk_gb(options: BuildOptions) -> int:
    """Return the disk of a worker machine in GB: shards, up to twice their target, wait there for their upload."""
    return math.ceil(30 + _CORES * 2 * options.shard_bytes / _GB)


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
