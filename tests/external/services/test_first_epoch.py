"""Two hosts that train on one listing while it is built into an object store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from plain_build import write_videos
from real_servers import BUCKET, published

from clipmill.pipeline.cli.main import main
from clipmill.storage import open_storage
from tools.proxy import Proxy, Request
from tools.servers import S3Server

LENGTHS = {f"class{at % 2}/clip{at}": 6 + at for at in range(9)}
HOST = """
import json, sys, clipmill
from clipmill.reader import RandomWindow

videos, out, index = sys.argv[1:]
data = clipmill.open(videos, build=out, workers=1)
batches = data.all.batches(RandomWindow(4), batch_size=4, shuffle=True, seed=1, hosts=(int(index), 2))

def ids():
    return [one for batch in batches for one, length in zip(batch["id"].tolist(), batch["length"]) if length]

first = ids()
version = data.publish().version
print(json.dumps({"epochs": [first, ids()], "versions": [version, batches.clips.members[0].dataset.version]}))
"""


def host(videos: Path, out: str, index: int, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOST, str(videos), out, str(index)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> Any:
    """What a host prints at its end."""
    answer, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    return json.loads(answer)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_hosts_share_a_listing(s3: S3Server, tmp_path: Path, use: Callable[[dict[str, str]], None]) -> None:
    """The second one starts once the first has made its share, so that no clip is in the making on both at once."""
    write_videos(tmp_path / "videos", LENGTHS)
    assert main(["build", str(tmp_path / "videos"), "--out", str(tmp_path / "plain")]) == 0
    proxy, made_its_share = Proxy(s3.port), threading.Event()

    def watch(request: Request) -> str:
        if request.method == "PUT" and unquote(request.path).endswith("/0-of-2"):
            made_its_share.set()
        return ""

    proxy.mood = watch
    out = f"s3://{BUCKET}/two-hosts"
    first = host(tmp_path / "videos", out, 0, s3.environment(proxy.port))
    assert made_its_share.wait(120), first.communicate(timeout=1)
    ours = [request.path for request in proxy.requests if _writes_fragment(request)]
    second = host(tmp_path / "videos", out, 1, s3.environment(proxy.port))
    answers = [told(process) for process in (second, first)]
    proxy.close()

    for epoch in (0, 1):
        assert sorted(one for answer in answers for one in answer["epochs"][epoch]) == sorted(LENGTHS)
    written = Counter(request.path for request in proxy.requests if _writes_fragment(request))
    assert set(written.values()) == {1} and len(written) == len(LENGTHS), "each clip is decoded once"
    assert 0 < len(ours) < len(LENGTHS), "the first host leaves some to the second"
    use(s3.environment())
    expected = published(open_storage(str(tmp_path / "plain")))
    assert published(open_storage(out)) == expected
    assert {name for answer in answers for name in answer["versions"]} == {expected["CURRENT"].decode().strip()}


def _writes_fragment(request: Request) -> bool:
    return request.method == "PUT" and "/work/fragments/" in unquote(request.path)
