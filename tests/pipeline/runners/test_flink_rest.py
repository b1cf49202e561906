"""What --runner flink says and asks for, without a cluster: a small server stands in for Flink's REST interface."""

from __future__ import annotations

import argparse
import json
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest

from clipmill.errors import ClipmillError, StorageError, TryAgain, UsageError
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.cli.main import main
from clipmill.pipeline.job import Job
from clipmill.pipeline.runners.flink import Flink, runner
from clipmill.pipeline.runners.flink_jar import misfit
from clipmill.pipeline.runners.flink_rest import FlinkRest, JobFailed, error_of

HERE, ELSEWHERE = (
    {"taskmanagers": [{"path": f"pekko.tcp://flink@{host}:6122/user/rpc/taskmanager_0"}]}
    for host in ("127.0.0.1", "192.0.2.7")
)
OVERVIEW = {"flink-version": "1.19.3", "taskmanagers": 2, "slots-total": 6, "slots-available": 4}


class FakeFlink:
    """Answers by path; remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"/overview": OVERVIEW, "/taskmanagers": ELSEWHERE}
        self.asked: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                fake.asked.append(f"{self.command} {self.path}")
                found = fake.answers.get(self.path)
                if isinstance(found, list):
                    found = found.pop(0) if len(found) > 1 else found[0]
                body = json.dumps(found).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PATCH = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.master = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def fake() -> Iterator[FakeFlink]:
    fake = FakeFlink()
    yield fake
    fake.close()


def job(out: str, videos: str = "s3://b/videos") -> Job:
    return build_job(BuildOptions(ListingOptions((videos,), videos=videos), out, "run"), None)


def flink(master: str, *, shared: bool = False) -> Flink:
    return Flink(master, None, None, shared_filesystem=shared)


def test_the_master_must_be_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "v" / "a").mkdir(parents=True)
    (tmp_path / "v" / "a" / "x.avi").write_bytes(b"x")
    assert main(["build", str(tmp_path / "v"), "--out", str(tmp_path / "o"), "--runner", "flink"]) == 2
    assert "--flink-master is missing: name the cluster, as --flink-master HOST:8081" in capsys.readouterr().err


def test_the_jar_must_be_there(tmp_path: Path) -> None:
    words = argparse.Namespace(flink_master="f:8081", flink_jar=str(tmp_path / "no.jar"), workers=None)
    with pytest.raises(UsageError, match=r"--flink-jar .*no\.jar: there is no such file"):
        runner(words)


@pytest.mark.parametrize("host", ["192.0.2.7", "no-such-host.invalid"])
def test_a_local_path_on_other_machines_is_refused(fake: FakeFlink, host: str, tmp_path: Path) -> None:
    """Also where the master's port is forwarded to this machine."""
    fake.answers["/taskmanagers"]["taskmanagers"][0]["path"] = f"pekko.tcp://flink@{host}:6122/user/rpc/taskmanager_0"
    for out, videos in (("s3://b/out", str(tmp_path)), (str(tmp_path), "s3://b/videos")):
        with pytest.raises(UsageError, match=f"^{tmp_path}: is on this machine, .* --shared-filesystem"):
            flink(fake.master).check(job(out, videos))
        flink(fake.master, shared=True).check(job(out, videos))
    flink(fake.master).check(job("gs://b/out"))


def test_a_local_path_on_a_cluster_here_is_fine(fake: FakeFlink, tmp_path: Path) -> None:
    fake.answers["/taskmanagers"] = HERE
    flink(fake.master).check(job(str(tmp_path), str(tmp_path)))


def test_what_a_cluster_is_asked_for(fake: FakeFlink) -> None:
    words = flink(fake.master)._defaults("name")
    assert words == [
        "--job_name=name",
        f"--flink_master=http://{fake.master}",
        "--flink_submit_uber_jar",
        "--parallelism=4",
        "--sdk_worker_parallelism=3",
        "--environment_type=EXTERNAL",
        "--environment_config=localhost:50000",
    ]
    fake.answers["/taskmanagers"] = HERE
    fake.answers["/overview"] = OVERVIEW | {"taskmanagers": 1, "slots-total": 2, "slots-available": 2}
    assert flink(fake.master)._defaults("name")[3:] == [
        "--parallelism=2",
        "--sdk_worker_parallelism=2",
        "--environment_type=LOOPBACK",
    ]


@pytest.mark.parametrize(
    ("overview", "kind", "said"),
    [
        ({"slots-total": 0, "slots-available": 0, "taskmanagers": 0}, TryAgain, "has no task slots: start a task man"),
        ({"slots-available": 0}, TryAgain, "all 6 task slots of .* are taken by other jobs"),
    ],
)
def test_clusters_that_will_not_do(
    fake: FakeFlink, overview: dict[str, Any], kind: type[ClipmillError], said: str
) -> None:
    fake.answers["/overview"] = OVERVIEW | overview
    with pytest.raises(kind, match=said):
        flink(fake.master)._defaults("name")


def test_nobody_answers(fake: FakeFlink) -> None:
    fake.close()
    with pytest.raises(TryAgain, match=f"no Flink answers at http://{fake.master} .*: is the cluster up"):
        flink(fake.master).check(job("s3://b/out"))


def test_jobs_are_found_watched_and_cancelled(fake: FakeFlink) -> None:
    rest = FlinkRest(fake.master)
    fake.answers |= {
        "/jobs/overview": {"jobs": [{"name": "other", "jid": "1"}, {"name": "ours", "jid": "2"}]},
        "/jobs/2": [{"state": "RUNNING"}, {"state": "CANCELLING"}, {"state": "CANCELED"}],
        "/jobs/2?mode=cancel": {},
    }
    assert rest.find_job("ours") == "2"
    assert rest.find_job("nobody's") is None
    assert rest.state("2") == "RUNNING"
    rest.cancel("2")
    assert "PATCH /jobs/2?mode=cancel" in fake.asked
    assert rest.state("2") == "CANCELED"


def _monitoring_info(name: str, namespace: str, step: str, value: int) -> dict[str, Any]:
    import base64

    from apache_beam.coders.coders import VarIntCoder

    return {
        "urn": "beam:metric:user:sum_int64:v1",
        "type": "beam:metrics:sum_int64:v1",
        "payload": base64.b64encode(VarIntCoder().encode(value)).decode(),
        "labels": {"NAME": name, "NAMESPACE": namespace, "PTRANSFORM": step},
    }


def test_counters_are_summed_over_steps(fake: FakeFlink) -> None:
    metrics = [
        _monitoring_info("frames", "clipmill", "DecodeFrames", 5000),
        _monitoring_info("frames", "clipmill", "DecodeWhole", 7),
        _monitoring_info("frames", "somebody else", "DecodeFrames", 1),
    ]
    value = json.dumps({"metrics": {"attempted": metrics}})
    fake.answers["/jobs/2/accumulators"] = {
        "user-task-accumulators": [{"name": "other"}, {"name": "__metricscontainers", "value": value}]
    }
    assert FlinkRest(fake.master).counters("2") == {"frames": 5007}


_PYTHON = """\
java.lang.RuntimeException: Error received from SDK harness for instruction 3: Traceback (most recent call last):
  File "sdk_worker.py", line 300, in _execute
    response = task()
{python} [while running 'WriteShards/Write']

"""
JAVA = f"""\
java.util.concurrent.ExecutionException: {_PYTHON}
\tat java.base/java.util.concurrent.CompletableFuture.reportGet(CompletableFuture.java:396)
Caused by: {_PYTHON}
\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient.handle(FnApiControlClient.java:180)
\t... 3 more
"""


@pytest.mark.parametrize(
    ("python", "kind", "said"),
    [
        ("clipmill.errors.StorageError: s3://b/x: 403 Forbidden: no", StorageError, "s3://b/x: 403 Forbidden: no"),
        ("clipmill.errors.UsageError: s3://b: there is no such bucket", UsageError, "s3://b: there is no such bucket"),
        (
            "ModuleNotFoundError: No module named 'transforms'",
            JobFailed,
            "ModuleNotFoundError: No module named 'transforms': the Beam workers must run in an environment where "
            "clipmill[build] is installed",
        ),
    ],
)
def test_the_error_of_a_worker_comes_back_as_it_was(python: str, kind: type[ClipmillError], said: str) -> None:
    error = error_of(JAVA.format(python=python))
    assert type(error) is kind
    assert str(error) == said


def test_a_bug_is_shown_with_the_last_lines_of_python(fake: FakeFlink) -> None:
    error = error_of(JAVA.format(python='  File "x.py", line 7, in f\n    g()\nKeyError: 5'))
    assert isinstance(error, JobFailed)
    assert error.exit_code == 1
    assert str(error).endswith("KeyError: 5 [while running 'WriteShards/Write']")
    assert 'File "x.py", line 7' in str(error)
    assert "java" not in str(error)


def test_a_lost_task_manager_is_worth_another_try() -> None:
    error = error_of(
        "org.apache.flink.runtime.JobException: Recovery is suppressed by FixedDelayRestartBackoffTimeStrategy\n"
        "\tat org.apache.flink.Foo.bar(Foo.java:1)\n"
        "Caused by: java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id 127.0.0.1:1 timed out.\n"
        "\t... 20 more\n"
    )
    assert type(error) is TryAgain
    assert str(error) == (
        "the Flink job failed: java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id 127.0.0.1:1 "
        "timed out."
    )


def jar_of(path: Path, *members: str) -> str:
    with zipfile.ZipFile(path, "w") as packed:
        for member in members:
            packed.writestr(member, b"")
    return str(path)


@pytest.mark.parametrize("version", ["1.19.3", "1.20.5", "2.0-SNAPSHOT", "2.2.1"])
def test_beam_has_jars_for_these_clusters(fake: FakeFlink, version: str) -> None:
    fake.answers["/overview"] = OVERVIEW | {"flink-version": version}
    flink(fake.master, shared=True).check(job("s3://b/out"))


@pytest.mark.parametrize(("version", "minor"), [("1.15.4", "1.15"), ("2.3.0", "2.3"), ("2.3-SNAPSHOT", "2.3")])
def test_a_cluster_for_which_beam_has_no_jar(fake: FakeFlink, version: str, minor: str, tmp_path: Path) -> None:
    fake.answers["/overview"] = OVERVIEW | {"flink-version": version}
    with pytest.raises(UsageError) as caught:
        flink(fake.master).check(job("s3://b/out"))
    assert str(caught.value) == (
        f"--flink-master http://{fake.master}: the cluster runs Flink {minor}; Beam {beam.__version__} has jars for "
        "1.19, 1.20, 2.0, 2.1, 2.2: run a cluster of one of these, or try the nearest with --flink-jar "
        f"beam-runners-flink-{'1.19' if minor == '1.15' else '2.2'}-job-server-{beam.__version__}.jar"
    )
    jar = jar_of(tmp_path / "a.jar", "org/apache/beam/runners/flink/FlinkPipelineRunner.class")
    Flink(fake.master, jar, None, shared_filesystem=True).check(job("s3://b/out"))


@pytest.mark.parametrize("members", [None, [], ["org/apache/beam/Other.class"]])
def test_a_file_that_is_not_beams_jar(fake: FakeFlink, members: list[str] | None, tmp_path: Path) -> None:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"text") if members is None else jar_of(jar, *members)
    with pytest.raises(UsageError) as caught:
        Flink(fake.master, str(jar), None, shared_filesystem=True).check(job("s3://b/out"))
    assert str(caught.value) == (
        f"--flink-jar {jar}: this is not Beam's job-server jar; the cluster runs Flink 1.19; download "
        f"beam-runners-flink-1.19-job-server-{beam.__version__}.jar (org.apache.beam on Maven Central) where there is "
        "a network, and give it with --flink-jar"
    )


def test_java_that_finds_other_classes_is_a_jar_of_another_version() -> None:
    said = misfit(
        "java.util.concurrent.CompletionException: java.lang.NoClassDefFoundError: org/apache/flink/Grouping\n"
        "\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
        "Caused by: java.lang.ClassNotFoundException: org.apache.flink.Grouping\n\t... 15 more\n",
        "my.jar",
        "2.2",
        "http://f:8081",
    )
    assert said is not None and said.exit_code == 2
    assert str(said) == (
        "--flink-jar my.jar: was made for another version of Flink (java.lang.ClassNotFoundException: "
        "org.apache.flink.Grouping); the cluster runs Flink 2.2; download "
        f"beam-runners-flink-2.2-job-server-{beam.__version__}.jar (org.apache.beam on Maven Central) where there is "
        "a network, and give it with --flink-jar"
    )


@pytest.mark.parametrize(
    "said",
    [
        JAVA.format(python="clipmill.errors.StorageError: s3://b/x: ClassNotFoundException"),
        "java.util.concurrent.TimeoutException: Heartbeat of TaskManager timed out.\n\tat a.B.c(B.java:1)",
    ],
)
def test_other_failures_are_no_fault_of_the_jar(said: str) -> None:
    assert misfit(said, None, "1.19", "http://f:8081") is None
