"""A real Flink session cluster on this machine, with a Beam worker pool beside it.

    python -m tools.flink.cluster install      from PyPI and Maven Central, into a cache
    python -m tools.flink.cluster start        one job manager, one task manager with 2 slots, one pool
    python -m tools.flink.cluster status | stop

It is for tests, benchmarks and machines of one's own. PyPI's Flink has no start scripts, so
java is started here, with every size that those scripts would work out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.processes import CannotStart, Process, cache, free_port, install, listens, one_at_a_time

#: The newest Flink for which Maven Central holds what Beam's jar is made of.
FLINK = "1.19.3"
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
JAR = "flink-job-server.jar"

#: Packages that Flink opens up on Java 17, as its own scripts do.
_OPENS = (
    "java.base/java.lang", "java.base/java.lang.reflect", "java.base/java.net", "java.base/java.io",
    "java.base/java.nio", "java.base/java.text", "java.base/java.time", "java.base/java.util",
    "java.base/java.util.concurrent", "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks", "java.base/sun.nio.ch",
)  # fmt: skip

_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
appender.console.name = console
appender.console.type = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1} - %m%n
"""


def install_flink(version: str = FLINK) -> Path:
    """Flink's jars, and Beam's job-server jar for `FLINK`; the folder that holds both."""
    folder = cache(f"flink-{version}")
    with one_at_a_time(folder):
        if not (folder / "lib").is_dir():
            _install_libraries(folder, version)
        built = _pom_stamp()
        if version == FLINK and (not (folder / JAR).is_file() or (folder / "jar-of").read_text() != built):
            _build_jar(folder)
            (folder / "jar-of").write_text(built)
    return folder


def _pom_stamp() -> str:
    return (HERE / "pom.xml").read_text()


def _install_libraries(folder: Path, version: str) -> None:
    pip = [sys.executable, "-m", "pip"]
    if subprocess.run([*pip, "--version"], capture_output=True).returncode:
        pip = ["pip3"]  # environments made by uv have none of their own
    downloads = folder / "download"
    command = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", str(downloads)]
    install([*pip, *command, f"apache-flink-libraries=={version}"], "apt-get install python3-pip")
    (archive,) = downloads.iterdir()
    unpacked = folder / "lib.part"
    shutil.unpack_archive(archive, unpacked, "gztar" if archive.name.endswith(".gz") else "zip")
    shutil.rmtree(downloads)
    (folder / "lib").mkdir()
    # What a session cluster for Beam needs; SQL, Scala and the connectors are half of the package.
    for jar in unpacked.glob("**/lib/*.jar"):
        if jar.name.startswith(("flink-dist", "log4j")):
            jar.rename(folder / "lib" / jar.name)
    shutil.rmtree(unpacked)


def _build_jar(folder: Path) -> None:
    work = folder / "jar"
    work.mkdir(exist_ok=True)
    shutil.copy(HERE / "pom.xml", work)
    mend = "apt-get install maven, or take the jar that Beam releases"
    install(["mvn", "--batch-mode", "--quiet", "package"], mend, cwd=work)
    shutil.move(str(work / "target" / JAR), folder / JAR)
    shutil.rmtree(work)


class Cluster:
    """One job manager, one task manager, one worker pool.

    Args:
        folder: for its configuration, logs and process ids.
        slots: of the task manager.
        port, pool_port: of Flink's REST interface and of the pool; by default any that are free.
        environment: further variables of the worker pool: credentials, endpoints.
        version: of Flink.
    """

    def __init__(
        self,
        folder: Path,
        *,
        slots: int = 2,
        port: int | None = None,
        pool_port: int | None = None,
        environment: dict[str, str] | None = None,
        version: str = FLINK,
    ) -> None:
        self.folder = folder
        self.version = version
        self.slots = slots
        self.port = port or free_port()
        self.pool_port = pool_port or free_port()
        self.master = f"127.0.0.1:{self.port}"
        self.environment = environment or {}
        self._rpc_port = free_port()
        self.job_manager = Process("job-manager", folder)
        self.task_manager = Process("task-manager", folder)
        self.pool = Process("worker-pool", folder)

    @property
    def jar(self) -> Path:
        """Beam's job-server jar for `FLINK`."""
        return cache(f"flink-{FLINK}") / JAR

    def __enter__(self) -> Cluster:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start all three, and wait until jobs can be submitted.

        Raises:
            CannotStart: Flink cannot be installed or started.
        """
        if shutil.which("java") is None:
            raise CannotStart("java is not installed: apt-get install openjdk-17-jre-headless")
        install_flink(self.version)
        self._write_configuration()
        try:
            self.start_pool()
            main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
            self._java(self.job_manager, main, "-Xmx768m", "-XX:MaxMetaspaceSize=768m", "--executionMode", "cluster")
            self.start_task_manager()
        except BaseException:
            self.stop()
            raise

    def start_task_manager(self) -> None:
        """Start the task manager, also again after it was killed."""
        main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
        sizes = ("-Xms512m", "-Xmx1024m", "-XX:MaxDirectMemorySize=704m", "-XX:MaxMetaspaceSize=768m")
        self._java(self.task_manager, main, *sizes)
        self.task_manager.wait_until(lambda: self.get("/overview").get("slots-total") == self.slots, 90)

    def start_pool(self) -> None:
        """Start the worker pool, also again after it was killed."""
        environment = {"PYTHONPATH": str(REPOSITORY), **self.environment}
        command = [sys.executable, "-m", "clipmill.pipeline.runners.worker_pool", f"--port={self.pool_port}"]
        self.pool.start(command, environment)
        self.pool.wait_until(lambda: listens(self.pool_port), 60)

    def stop(self) -> None:
        """End all three."""
        for process in (self.task_manager, self.job_manager, self.pool):
            process.stop()

    def get(self, path: str) -> dict[str, Any]:
        """What Flink's REST interface answers; {} if it does not."""
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{self.master}{path}", timeout=5) as answer:
            return dict(json.load(answer))
        return {}

    def workers(self) -> list[int]:
        """Process ids of the SDK workers: what was forked by the process that the pool forks from."""
        parents = dict(_parents())
        pool = self.pool.pid
        return sorted(pid for pid, parent in parents.items() if pool is not None and parents.get(parent) == pool)

    def _java(self, process: Process, main: str, *words: str) -> None:
        sizes = [word for word in words if word.startswith("-X")]
        arguments = [word for word in words if not word.startswith("-X")]
        opens = [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENS]
        logging = f"-Dlog4j.configurationFile=file:{self.folder}/conf/log4j.properties"
        jars = cache(f"flink-{self.version}") / "lib"
        command = ["java", *sizes, *opens, logging, "-cp", f"{jars}/*", main]
        process.start([*command, "--configDir", f"{self.folder}/conf", *arguments])

    def _write_configuration(self) -> None:
        scratch = self.folder / "scratch"
        settings = {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self._rpc_port,
            "jobmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self.port,
            "web.tmpdir": scratch,
            "io.tmp.dirs": scratch,
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": self.slots,
            "taskmanager.cpu.cores": self.slots,
            "taskmanager.memory.framework.heap.size": "128m",
            "taskmanager.memory.framework.off-heap.size": "128m",
            "taskmanager.memory.task.heap.size": "768m",
            "taskmanager.memory.task.off-heap.size": "64m",
            "taskmanager.memory.managed.size": "256m",
            # Every exchange of the graph's many stages wants buffers: 256 MB were too few now and then.
            "taskmanager.memory.network.min": "384m",
            "taskmanager.memory.network.max": "384m",
            "taskmanager.network.sort-shuffle.min-buffers": 64,
            "taskmanager.memory.jvm-metaspace.size": "768m",
            "taskmanager.memory.jvm-overhead.min": "192m",
            "taskmanager.memory.jvm-overhead.max": "192m",
            "parallelism.default": self.slots,
            "heartbeat.interval": 2000,
            "heartbeat.timeout": 10000,
            # 1 + 2 + 4 + 8 + 16 seconds: time for a worker pool to come back.
            "restart-strategy.type": "exponential-delay",
            "restart-strategy.exponential-delay.initial-backoff": "1s",
            "restart-strategy.exponential-delay.backoff-multiplier": 2,
            "restart-strategy.exponential-delay.max-backoff": "30s",
            "restart-strategy.exponential-delay.jitter-factor": 0,
            "restart-strategy.exponential-delay.attempts-before-reset-backoff": 5,
        }
        scratch.mkdir(parents=True, exist_ok=True)
        conf = self.folder / "conf"
        conf.mkdir(exist_ok=True)
        (conf / "config.yaml").write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
        (conf / "log4j.properties").write_text(_LOGGING)


def _parents() -> Iterator[tuple[int, int]]:
    """(process, its parent) of all that run."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = status.read_text().rpartition(") ")[2].split()[:2]
            if state != "Z":
                yield int(status.parent.name), int(parent)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.flink.cluster", description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=("install", "start", "status", "stop"))
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--port", type=int, default=8081)
    parser.add_argument("--pool-port", type=int, default=50000)
    parser.add_argument("--folder", type=Path, default=REPOSITORY / "build" / "flink")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    cluster = Cluster(folder, slots=arguments.slots, port=arguments.port, pool_port=arguments.pool_port)
    try:
        if arguments.command == "install":
            print(install_flink())
        elif arguments.command == "start":
            cluster.start()
            print(f"Flink {FLINK} with {cluster.slots} slots, and a worker pool at localhost:{cluster.pool_port}")
            print(f"clipmill build ... --runner flink --flink-master {cluster.master} --flink-jar {cluster.jar}")
        elif arguments.command == "stop":
            cluster.stop()
        else:
            print(json.dumps(cluster.get("/overview")) if cluster.get("/overview") else "not running")
    except CannotStart as error:
        print(f"cannot start Flink: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
