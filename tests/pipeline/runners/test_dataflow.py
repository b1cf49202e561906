"""The Dataflow runner without Google's packages: what it asks for, what it refuses, how it watches."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest

from clipmill.errors import Interrupted, StorageError, TryAgain, UsageError
from clipmill.options import BuildOptions, FrameOptions, ListingOptions
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.job import Job
from clipmill.pipeline.runners import dataflow
from clipmill.pipeline.runners.dataflow import Dataflow, disk_gb, job_name, job_words, memory_gb

LISTING = ListingOptions(("gs://bucket/clips.csv",), "gs://bucket/videos", format="csv")
OPTIONS = BuildOptions(LISTING, "gs://bucket/out", "run", name="My_Clips")
JOB = build_job(OPTIONS, None)
WORDS = ["--project=project", "--region=europe-west4", "--sdk_container_image=repository/clipmill:1"]


def changed(**kinds: object) -> Job:
    return build_job(msgspec.structs.replace(OPTIONS, **kinds), None)


def frames(**kinds: object) -> Job:
    return changed(frames=FrameOptions(**kinds))


def test_the_job_is_named_after_the_output_alone():
    name = job_name(JOB)
    assert name == job_name(changed(run="another", schema="frames"))
    assert name != job_name(changed(out="gs://bucket/other"))
    assert name.startswith("clipmill-my-clips-")
    assert f"--job_name={name}" in job_words(JOB, WORDS)


@pytest.mark.parametrize(
    ("job", "gigabytes", "machine"),
    [
        (frames(short_side=256), 4, "n2-standard-4"),
        (frames(), 5, "n2-standard-4"),
        (frames(size=(3840, 2160)), 9, "n2-standard-4"),
        (frames(size=(7680, 4320)), 15, "n2-highmem-4"),
    ],
)
def test_memory_and_machine_follow_the_size_of_the_frames(job, gigabytes, machine):
    assert memory_gb(job) == gigabytes
    words = job_words(job, WORDS)
    assert f"--machine_type={machine}" in words
    assert f"--resource_hints=min_ram={gigabytes}GB" in words


def test_a_machine_of_ones_own_choice_is_taken_as_it_is():
    for words in (["--machine_type=n2-highcpu-8"], ["--worker_machine_type", "e2-standard-2"]):
        assert not [word for word in job_words(JOB, words) if "machine_type" in word or "min_ram" in word]


def test_shards_that_wait_for_upload_have_room():
    assert disk_gb(JOB) == 32
    assert disk_gb(changed(shard_bytes=8 << 30)) == 94


@pytest.mark.parametrize("missing", range(3))
def test_what_dataflow_needs_is_asked_for_in_plain_words(missing):
    words = [word for n, word in enumerate(WORDS) if n != missing]
    with pytest.raises(
        UsageError, match=f"^--runner dataflow: an option is missing; add -- {WORDS[missing].partition('=')[0]}="
    ):
        Dataflow(words, None).check(JOB)


def test_paths_of_this_machine_are_refused():
    Dataflow(WORDS, None).check(JOB)
    for local in (
        changed(out="/data/out"),
        changed(listing=msgspec.structs.replace(LISTING, labels="/data/labels.txt")),
    ):
        with pytest.raises(UsageError, match=r"^/data/.*: is on this machine"):
            Dataflow(WORDS, None).check(local)


class FakeJob:
    """Stands in for Beam's result: its states come one after the other."""

    def __init__(self, *states: str, messages: tuple[str, ...] = (), counters: tuple[tuple[str, int], ...] = ()):
        self._states = list(states)
        self.cancelled = False
        found = [SimpleNamespace(key=SimpleNamespace(metric=SimpleNamespace(name=n)), result=v) for n, v in counters]
        self.metrics = lambda: SimpleNamespace(query=lambda chosen: {"counters": found})
        texts = [SimpleNamespace(message_text=text) for text in messages]
        client = SimpleNamespace(list_messages=lambda job, minimum_importance: (texts, None))
        self._runner = SimpleNamespace(dataflow_client=client)

    @property
    def state(self) -> str:
        return self._states.pop(0) if len(self._states) > 1 else self._states[0]

    def job_id(self) -> str:
        return "2026-01-01_id"

    def cancel(self) -> None:
        self.cancelled = True


def watch(monkeypatch, job: FakeJob) -> list[dict[str, int]]:
    monkeypatch.setattr(dataflow, "_POLL_SECONDS", 0.001)
    monkeypatch.setattr(Dataflow, "submit", lambda *_: job)
    painted: list[dict[str, int]] = []
    Dataflow(WORDS, None).run(JOB, WORDS, painted.append)
    return painted


def test_counters_of_several_steps_are_added(monkeypatch):
    job = FakeJob("PENDING", "RUNNING", "DONE", counters=(("failed", 2), ("failed", 3), ("clips", 7)))
    assert watch(monkeypatch, job)[-1] == {"failed": 5, "clips": 7}


def test_progress_that_cannot_be_read_ends_nothing(monkeypatch):
    job = FakeJob("RUNNING", "DONE")
    job.metrics = lambda: 1 / 0
    assert watch(monkeypatch, job) == [{}]


def test_a_worker_s_own_error_is_told_in_its_words(monkeypatch):
    traceback = (
        "An exception was raised when trying to execute the workitem: Traceback (most recent call last):\n"
        '  File "storage.py", line 1, in put\n'
        "clipmill.errors.StorageError: gs://bucket/out/x: 503 [while running 'WriteShards/Write']\n"
    )
    job = FakeJob("FAILED", messages=("Workflow started.", traceback, "Workflow failed."))
    with pytest.raises(StorageError, match=r"^gs://bucket/out/x: 503$"):
        watch(monkeypatch, job)


def test_a_job_that_fails_otherwise_is_named(monkeypatch):
    job = FakeJob("FAILED", messages=("Workflow failed. Causes: quota of CPUS",))
    with pytest.raises(TryAgain, match="2026-01-01_id ended as FAILED: Workflow failed"):
        watch(monkeypatch, job)


def test_ctrl_c_cancels_the_job_itself(monkeypatch):
    import signal

    job = FakeJob("RUNNING")
    job.metrics = lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(Interrupted, match="nothing was published"):
        watch(monkeypatch, job)
    assert job.cancelled
