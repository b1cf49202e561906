"""The real build on a real Flink cluster: the bytes of the local runner, whatever is killed on the way."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numbered
import pytest
from real_servers import BUCKET, left_over, published, upload

from clipmill.pipeline.cli.main import main
from clipmill.pipeline.runners.flink_rest import ENDED, FlinkRest
from clipmill.storage import Storage, open_storage
from tools.flink.cluster import REPOSITORY, Cluster
from tools.proxy import Proxy
from tools.servers import S3Server

Local = Mapping[str, bytes]


class Build:
    """A `clipmill build` that runs in a process of its own.

    Args:
        pool: the cluster's worker pool does the work, not the command's own process.
        beam: further options of Beam.
    """

    def __init__(
        self,
        cluster: Cluster,
        videos: str,
        out: str,
        *words: str,
        pool: bool = True,
        beam: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        flink = ["--runner", "flink", "--flink-master", cluster.master, "--flink-jar", str(cluster.jar)]
        if pool:
            beam = ["--environment_type=EXTERNAL", f"--environment_config=localhost:{cluster.pool_port}", *beam]
        command = ["build", videos, "--out", out, "--shard-mb", "64", *words, *flink, *(["--", *beam] if beam else [])]
        self.cluster = cluster
        self.storage: Storage = open_storage(out)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *command],
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        _builds.append(self)

    def wait_until(self, happened: Callable[[], bool], seconds: float = 240) -> None:
        end = time.monotonic() + seconds
        while not happened():
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < end, "it never came to that"
            time.sleep(0.1)

    def wait_until_decoding(self) -> None:
        """Until some clips are decoded, and most are not."""
        self.wait_until(lambda: len(self.fragments()) >= 8)

    def fragments(self) -> list[str]:
        return [path for path, _ in self.storage.list("work/fragments")]

    def told(self) -> bool:
        """Whether workers have told the command what they counted."""
        return any("/counts/" in path for path, _ in self.storage.list("runs"))

    def output(self) -> str:
        return self.process.communicate(timeout=500)[0]

    def published(self) -> dict[str, bytes]:
        """What it published, once it has ended well."""
        output = self.output()
        assert self.process.returncode == 0, output
        assert left_over(self.storage) == []
        return published(self.storage)

    def restarts(self) -> int:
        """How often Flink had to begin again."""
        job = latest_job(self.cluster)["jid"]
        return len(self.cluster.get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"])


def latest_job(cluster: Cluster) -> dict[str, Any]:
    """The job that was started last."""
    job: dict[str, Any] = max(cluster.get("/jobs/overview")["jobs"], key=lambda job: job["start-time"])
    return job


@pytest.fixture(autouse=True)
def clean_slate(cluster: Cluster) -> Iterator[None]:
    """What a test that fails leaves running must not make the next one fail."""
    yield
    for build in _builds:
        if build.process.poll() is None:
            build.process.kill()
            build.process.wait()
    _builds.clear()
    for job in cluster.get("/jobs/overview").get("jobs", ()):
        if job["state"] not in ENDED:
            FlinkRest(cluster.master).cancel(job["jid"])


_builds: list[Build] = []


def test_the_command_of_the_documentation(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    """As docs/clusters.md has it, with this machine's names in the place of its own."""
    text = (REPOSITORY / "docs" / "clusters.md").read_text()
    found = re.search(r"^ +(clipmill build UCF-101/ .*--runner flink.*)$", text, re.MULTILINE)
    assert found, "docs/clusters.md shows no build on Flink"
    ours = {"UCF-101/": str(videos), "ucf": str(tmp_path / "out"), "localhost:8081": cluster.master}
    words = [ours.get(word, word) for word in shlex.split(found[1])[1:]]
    assert set(ours.values()) <= set(words)
    command = [sys.executable, "-m", "pipeline", *words, "--shard-mb", "64", "--flink-jar", str(cluster.jar)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert re.search(r"^97 clips in \d+ shards, 16,880 frames", done.stdout, re.MULTILINE)
    assert published(open_storage(str(tmp_path / "out"))) == local


def test_a_worker_pool(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    build.wait_until_decoding()
    assert len(cluster.workers()) == 2, "one worker process for each slot"
    build.wait_until(build.told)
    assert build.published() == local
    assert not build.told(), "counters that workers told are cleared away"
    assert build.restarts() == 0


def test_an_export_by_a_worker_pool(cluster: Cluster, local_out: Path, tmp_path: Path) -> None:
    """The bytes of the plain run; the same command again finds every file."""
    words = ["export", str(local_out), "--to", "webdataset", "--shard-mb", "16", "--dest"]
    assert main([*words, str(tmp_path / "plain")]) == 0
    flink = ["--runner", "flink", "--flink-master", cluster.master, "--flink-jar", str(cluster.jar)]
    beam = ["--", "--environment_type=EXTERNAL", f"--environment_config=localhost:{cluster.pool_port}"]
    said = []
    for _ in range(2):
        command = [sys.executable, "-m", "pipeline", *words, str(tmp_path / "flink"), *flink, *beam]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        said.append(done.stdout)
    plain, flinks = (
        {str(path.relative_to(tmp_path / folder)): path.read_bytes() for path in (tmp_path / folder).rglob("*.*")}
        for folder in ("plain", "flink")
    )
    tars = sum(name.endswith(".tar") for name in plain)
    assert flinks == plain and tars > 2
    assert re.match(rf"97 clips in {tars} files, \d", said[0]), said
    assert f"97 clips in {tars} files, {tars} of them there already" in said[1], said


@pytest.mark.parametrize("words", [["--streaming"], ["--experiments=pre_optimize=none"]], ids=["streaming", "plain"])
def test_the_graph_as_it_is_written(
    cluster: Cluster, videos: Path, local: Local, tmp_path: Path, words: list[str]
) -> None:
    """Nothing of it is rewritten by Python's optimizer: Java's fuser gets it all."""
    assert Build(cluster, str(videos), str(tmp_path / "out"), beam=words).published() == local


def test_a_worker_of_a_streaming_job_is_killed(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    """All stages run at once, so the whole job begins again, and finds the fragments."""
    build = Build(cluster, str(videos), str(tmp_path / "out"), beam=["--streaming"])
    build.wait_until_decoding()
    os.kill(cluster.workers()[0], signal.SIGKILL)
    assert build.published() == local
    assert build.restarts() >= 1


def test_a_cluster_that_beam_does_not_serve(later: Cluster, tmp_path: Path) -> None:
    words = ["build", str(tmp_path), "--out", str(tmp_path / "out"), "--runner", "flink", "--flink-master"]
    (tmp_path / "a").mkdir()
    numbered.write(tmp_path / "a" / "a.mkv", 5)
    for jar, said in (([], "--flink-master http"), (["--flink-jar", str(later.jar)], f"--flink-jar {later.jar}: was")):
        command = [sys.executable, "-m", "pipeline", *words, later.master, *jar]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 2 and line.startswith(f"clipmill: {said}"), done.stderr
        assert "the cluster runs Flink 2.3; Beam" in line and len(line) < 500 and "\\tat" not in line


def test_a_jar_that_cannot_be_fetched(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    numbered.write(tmp_path / "a" / "a.mkv", 5)
    words = ["build", str(tmp_path), "--out", str(tmp_path / "out"), "--runner", "flink", "--flink-master"]
    # Where Beam keeps what it fetched there is nothing, and nobody is asked for it.
    nowhere = {"HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words, cluster.master],
        cwd=REPOSITORY,
        env={**os.environ, **nowhere},
        capture_output=True,
        text=True,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("clipmill: Beam could not fetch its jar"), done.stderr
    assert "download beam-runners-flink-1.19-job-server-" in line and line.endswith("give it with --flink-jar")


def test_object_storage_in_and_out(
    cluster: Cluster,
    s3: S3Server,
    proxy: Proxy,
    videos: Path,
    local: Local,
    use: Callable[[dict[str, str]], None],
) -> None:
    """A server that refuses everything for some seconds, and is away altogether for some more."""
    use(s3.environment())
    upload(videos, open_storage(f"s3://{BUCKET}/ucf101"))
    build = Build(cluster, f"s3://{BUCKET}/ucf101", f"s3://{BUCKET}/out", environment=s3.environment(proxy.port))
    build.wait_until_decoding()
    proxy.mood = lambda request: "503"
    time.sleep(5)
    proxy.mood = lambda request: ""
    s3.stop()
    time.sleep(3)
    s3.start()
    assert build.published() == local
    assert build.restarts() == 0, "storage is asked again, not the whole job"


def test_a_worker_is_killed(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    build.wait_until_decoding()
    os.kill(cluster.workers()[0], signal.SIGKILL)
    assert build.published() == local
    assert build.restarts() == 1


def test_the_worker_pool_is_killed(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    build.wait_until_decoding()
    cluster.pool.kill()
    time.sleep(2)
    cluster.start_pool()
    assert build.published() == local
    assert build.restarts() >= 1


def test_the_task_manager_is_killed(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    build.wait_until_decoding()
    cluster.task_manager.kill()
    time.sleep(2)
    cluster.start_task_manager()
    assert build.published() == local
    assert build.restarts() >= 1


def test_killed_while_it_writes_shards(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    """Fragments go as soon as their shard is there: what is done again must find the shard instead."""
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    build.wait_until(lambda: any(path.endswith(".tfrecord") for path, _ in build.storage.list("shards")))
    for worker in cluster.workers():
        os.kill(worker, signal.SIGKILL)
    assert build.published() == local
    assert build.restarts() >= 1


def test_ctrl_c_cancels_the_job(cluster: Cluster, videos: Path, local: Local, tmp_path: Path) -> None:
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    build.wait_until_decoding()
    build.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    output = build.output()
    assert build.process.returncode == 130, output
    assert time.monotonic() - began < 20
    assert "clipmill: interrupted: nothing was published" in output
    assert latest_job(cluster)["state"] == "CANCELED"
    assert build.storage.stat("CURRENT") is None
    decoded = len(build.fragments())
    assert decoded >= 8

    again = Build(cluster, str(videos), str(tmp_path / "out"))
    assert again.published() == local


def test_the_error_of_a_worker_is_told_in_one_line(cluster: Cluster, videos: Path, tmp_path: Path) -> None:
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    build.wait_until_decoding()
    shards = tmp_path / "out" / "shards"
    shards.write_text("a file where a folder must be")
    output = build.output()
    assert build.process.returncode == 3, output
    last = output.strip().splitlines()[-1]
    assert last.startswith(f"clipmill: {shards}/"), output
    assert "\tat " not in output and "java" not in output


def test_nothing_is_made_of_clips_that_all_fail(cluster: Cluster, tmp_path: Path) -> None:
    """Empty collections pass through every stage."""
    videos = tmp_path / "videos"
    for label in ("diving", "rowing"):
        (videos / label).mkdir(parents=True)
        for number in range(3):
            (videos / label / f"{number}.avi").write_bytes(b"not a video" * 100)
    build = Build(cluster, str(videos), str(tmp_path / "out"))
    output = build.output()
    assert build.process.returncode == 1, output
    assert build.storage.stat("CURRENT") is None
    assert "6 of 6" in output


def test_no_slots_are_free(cluster: Cluster, videos: Path, tmp_path: Path) -> None:
    first = Build(cluster, str(videos), str(tmp_path / "first"))
    first.wait_until_decoding()
    workers = cluster.workers()
    # It must not end before the second one has asked for slots.
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        second = Build(cluster, str(videos), str(tmp_path / "second"))
        assert "all 2 task slots" in second.output()
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
    assert second.process.returncode == 3
    assert second.storage.stat("CURRENT") is None
