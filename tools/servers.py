"""Object stores on this machine: an S3 server and a Google Cloud Storage server, for tests and benchmarks.

    python -m tools.servers install
    python -m tools.servers start s3|gcs [--port N]      prints the environment that clipmill needs
    python -m tools.servers stop s3|gcs

S3 is versitygw, whose objects are plain files in a folder. GCS is fake-gcs-server with the XML
writes that it lacks (tools/gcs-server), and keeps all in memory. Both are built by Go from its
module proxy, into a cache, and listen on the loopback interface alone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tools.processes import CannotStart, Process, cache, free_port, install, listens, one_at_a_time

VERSITYGW = "v1.8.0"
HERE = Path(__file__).parent
_MEND = "install Go 1.24 or later (https://go.dev/dl), or apt-get install golang"


def install_s3() -> Path:
    """The S3 server's program."""
    folder = cache(f"versitygw-{VERSITYGW}")
    program = folder / "versitygw"
    with one_at_a_time(folder):
        if not program.is_file():
            command = ["go", "install", f"github.com/versity/versitygw/cmd/versitygw@{VERSITYGW}"]
            install(command, _MEND, env={"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"})
    return program


def install_gcs() -> Path:
    """The GCS server's program, built again where its source changed."""
    source = HERE / "gcs-server"
    stamp = "".join((source / name).read_text() for name in ("main.go", "go.mod"))
    folder = cache("gcs-server")
    program, built = folder / "gcs-server", folder / "source"
    with one_at_a_time(folder):
        if not program.is_file() or built.read_text() != stamp:
            install(["go", "build", "-buildvcs=false", "-o", str(program), "."], _MEND, cwd=source)
            built.write_text(stamp)
    return program


class S3Server:
    """versitygw over a folder.

    Args:
        folder: for its log, and `data/BUCKET/...`, the objects.
    """

    scheme = "s3"

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.data = folder / "data"
        self.port = port or free_port()
        self.process = Process("s3", folder)

    def start(self) -> S3Server:
        """Start it, also again with what it held before.

        Raises:
            CannotStart: it cannot be installed or started.
        """
        program = install_s3()
        self.data.mkdir(parents=True, exist_ok=True)
        keys = {"ROOT_ACCESS_KEY": "clipmill", "ROOT_SECRET_KEY": "clipmill-secret"}
        self.process.start([str(program), "--port", f"127.0.0.1:{self.port}", "posix", str(self.data)], keys)
        self.process.wait_until(lambda: listens(self.port), 30)
        return self

    def stop(self) -> None:
        """End it; the objects stay."""
        self.process.stop()

    def make_bucket(self, name: str) -> None:
        """A bucket is a folder."""
        (self.data / name).mkdir(exist_ok=True)

    def environment(self, port: int | None = None) -> dict[str, str]:
        """What a process needs to reach it, perhaps through a proxy on another port."""
        return {
            "AWS_ACCESS_KEY_ID": "clipmill",
            "AWS_SECRET_ACCESS_KEY": "clipmill-secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class GcsServer:
    """fake-gcs-server; what it holds ends with it."""

    scheme = "gs"

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.port = port or free_port()
        self.process = Process("gcs", folder)

    def start(self) -> GcsServer:
        """Start it.

        Raises:
            CannotStart: it cannot be built or started.
        """
        self.process.start([str(install_gcs()), f"127.0.0.1:{self.port}"])
        self.process.wait_until(lambda: listens(self.port), 30)
        return self

    def stop(self) -> None:
        """End it."""
        self.process.stop()

    def make_bucket(self, name: str) -> None:
        """Make a bucket, unless it is there."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/storage/v1/b",
            data=json.dumps({"name": name}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen(request, timeout=10).close()

    def environment(self, port: int | None = None) -> dict[str, str]:
        """What a process needs to reach it: the variable that Google's own clients know."""
        return {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port or self.port}"}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tools.servers", description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=("install", "start", "stop"))
    parser.add_argument("kind", nargs="?", choices=("s3", "gcs"), default="s3")
    parser.add_argument("--port", type=int)
    parser.add_argument("--bucket", default="clipmill", help="made at the start")
    parser.add_argument("--folder", type=Path, default=HERE.parent / "build" / "servers")
    arguments = parser.parse_args()
    try:
        if arguments.command == "install":
            print(install_s3(), install_gcs(), sep="\n")
            return 0
        kind = {"s3": S3Server, "gcs": GcsServer}[arguments.kind]
        server = kind(arguments.folder.absolute(), arguments.port)
        if arguments.command == "stop":
            server.stop()
            return 0
        server.start().make_bucket(arguments.bucket)
    except CannotStart as error:
        print(f"cannot start the {arguments.kind} server: {error}", file=sys.stderr)
        return 1
    for name, value in server.environment().items():
        print(f"export {name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
