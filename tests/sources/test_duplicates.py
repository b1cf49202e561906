"""Every bundle of a run at work several times at once, as an engine does that takes a slow worker for a dead one."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from real_servers import left_over, published

from clipmill.options import BuildOptions, FrameOptions, ListingOptions
from clipmill.storage import open_storage

_RUN = """
import sys, msgspec
from clipmill.errors import TryAgain
from clipmill.options import BuildOptions
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.runners.local import Local
options = msgspec.json.decode(sys.stdin.buffer.read(), type=BuildOptions)
for attempt in range(4):
    try:
        Local().run(build_job(options, None), [], lambda counts: None)
    except TryAgain as error:
        print(f"attempt {attempt}: {error}", file=sys.stderr)
    else:
        sys.exit(0)
sys.exit(3)
"""


def _start(options: BuildOptions) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", _RUN], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(msgspec.json.encode(options))
    process.stdin.close()
    process.stdin = None
    return process


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("behind", [0.0, 0.7])
def test_the_same_run_several_times_at_once(shared_data: Path, tmp_path: Path, behind: float) -> None:
    """In step, and each a little behind the one before, where it finds the other's work half done."""
    videos = str(shared_data / "videos" / "ucf101")
    listing = ListingOptions((videos,), videos=videos, format="tree", limit=10, splits={"train": 0.7, "val": 0.3})
    alone = BuildOptions(listing, str(tmp_path / "alone"), "run", FrameOptions(every=3), shard_bytes=1 << 20)
    assert _start(alone).wait(200) == 0

    together = msgspec.structs.replace(alone, out=str(tmp_path / "together"))
    processes = []
    for _ in range(3):
        processes.append(_start(together))
        time.sleep(behind)
    for process in processes:
        errors = process.communicate(timeout=200)[1].decode()
        assert process.returncode == 0, errors
    assert published(open_storage(together.out)) == published(open_storage(alone.out))
    assert left_over(open_storage(together.out)) == []
