"""The reader over an S3 server on this machine, beside the same data set on the local disk, in one run.

    python -m benchmarks.object_store VIDEOS [--windows N] [--rounds N]

VIDEOS is a folder per class of real clips; those of at least 65 frames are built into an
object store, and copied to a local folder. Random windows of 64 frames, in batches of 8, are
read from both, decoded and as JPEGs; then once more through a proxy that counts requests.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import clipmill
from clipmill.reader import RandomWindow
from clipmill.storage import open_storage
from tools.proxy import Proxy
from tools.servers import S3Server

_FRAMES, _BATCH = 64, 8
_WARM_UP = 64


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--windows", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as folder:
        server = S3Server(Path(folder) / "s3").start()
        try:
            server.make_bucket("bench")
            os.environ |= server.environment()
            remote, local = "s3://bench/data", str(Path(folder) / "data")
            command = [sys.executable, "-m", "pipeline", "build", str(arguments.videos), "--out", remote]
            subprocess.run([*command, "--min-frames", "65", "--shard-mb", "64"], check=True)
            _copy(remote, local)
            _report(local, remote, arguments.windows, arguments.rounds, server)
        finally:
            server.stop()
    return 0


def _copy(remote: str, local: str) -> None:
    source, target = open_storage(remote), open_storage(local)
    for path, _ in source.list():
        target.put(path, source.read(path))


def _read(path: str, windows: int, *, decode: bool) -> float:
    """Windows per second, wall, after a warm-up."""
    train = clipmill.open(path)["train"]
    batches = train.batches(RandomWindow(_FRAMES), batch_size=_BATCH, shuffle=True, decode=decode, fields=["frames"])
    endless = itertools.chain.from_iterable(batches for _ in itertools.count())
    for _ in range(_WARM_UP // _BATCH):
        next(endless)
    began = time.perf_counter()
    for _ in range(windows // _BATCH):
        next(endless)
    return windows / (time.perf_counter() - began)


def _report(local: str, remote: str, windows: int, rounds: int, server: S3Server) -> None:
    print(f"windows of {_FRAMES} frames per second, medians of {rounds} rounds of {windows}")
    for what, decode in (("decoded", True), ("JPEGs only", False)):
        pairs = [(_read(local, windows, decode=decode), _read(remote, windows, decode=decode)) for _ in range(rounds)]
        disk, s3 = (statistics.median(rates) for rates in zip(*pairs, strict=True))
        ratio = statistics.median(there / here for here, there in pairs)
        print(f"  {what:12} local disk {disk:8,.1f}   s3:// {s3:8,.1f}   {ratio:.2f}x")
    proxy = Proxy(server.port)
    os.environ |= server.environment(proxy.port)
    open_storage.cache_clear()
    _read(remote, windows, decode=False)
    reads = [request for request in proxy.requests if request.path.endswith(".tfrecord")]
    others = len(proxy.requests) - len(reads)
    # What the reader fetches ahead of the last batch is counted too.
    print(
        f"  requests     {len(reads) / (windows + _WARM_UP):.2f} a window for frames, and {others} for everything else"
    )
    proxy.close()


if __name__ == "__main__":
    sys.exit(main())
