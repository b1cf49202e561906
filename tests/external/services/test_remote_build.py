"""A whole build with its input and its output on object stores: the same bytes as on a local disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote

import pytest
from real_servers import BUCKET, left_over, published, upload

from clipmill import layout
from clipmill.pipeline.cli.main import main
from clipmill.storage import open_storage
from tools.proxy import Proxy, Request
from tools.servers import GcsServer, S3Server

#: Enough for several classes and, with small shards, several shards.
FEW = ["--limit", "16", "--split", "train=0.8,val=0.2", "--shard-mb", "10"]


@pytest.fixture(scope="module")
def local(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The build on a local disk."""
    out = str(tmp_path_factory.mktemp("local") / "out")
    assert main(["build", str(shared_data / "videos" / "ucf101"), "--out", out, *FEW]) == 0
    return published(open_storage(out))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["s3", "gcs"])
def test_the_same_bytes(
    kind: str,
    request: pytest.FixtureRequest,
    shared_data: Path,
    local: Mapping[str, bytes],
    use: Callable[[dict[str, str]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    server: S3Server | GcsServer = request.getfixturevalue(kind)
    proxy = Proxy(server.port)
    use(server.environment(proxy.port))
    videos = f"{server.scheme}://{BUCKET}/videos/ucf101"
    out = f"{server.scheme}://{BUCKET}/out"
    upload(shared_data / "videos" / "ucf101", open_storage(videos))

    assert main(["build", videos, "--out", out, *FEW]) == 0
    storage = open_storage(out)
    assert published(storage) == local
    assert left_over(storage) == []
    asked = [(request.method, unquote(request.path)) for request in proxy.requests]
    pointed = max(number for number, (method, path) in enumerate(asked) if method == "PUT" and "/CURRENT" in path)
    listed = [(number, path) for number, (_, path) in enumerate(asked) if "list" in path and "work/fragments" in path]
    packs = [number for number, path in listed if "work/fragments/packs" in path]
    assert len(packs) <= 1, "packs, each of many images, are listed once"
    fragments = [number for number, path in listed if "work/fragments/packs" not in path]
    # What runs of last week left can only be found so.
    assert len(fragments) <= 1 and min(fragments, default=pointed + 1) > pointed, (
        "fragments are looked up, never listed"
    )

    capsys.readouterr()
    assert main(["verify", out, "--deep", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    assert main(["inspect", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == local["CURRENT"].decode().strip()
    assert main(["failures", out]) == 0
    assert main(["path", out, "--split", "val"]) == 0
    assert f"{out}/shards/" in capsys.readouterr().out

    assert main(["build", videos, "--out", out, *FEW]) == 0
    assert "nothing changed" in capsys.readouterr().out
    proxy.close()


@pytest.mark.timeout(300)
def test_two_builds_at_once(s3: S3Server, shared_data: Path, use: Callable[[dict[str, str]], None]) -> None:
    """One is about to move the pointer when the other does: it is told to try again, and nothing is torn."""
    proxy = Proxy(s3.port)
    arrived, released = threading.Event(), threading.Event()

    def hold(request: Request) -> str:
        if request.method == "PUT" and request.path.endswith("/CURRENT"):
            arrived.set()
            released.wait(120)
        return ""

    proxy.mood = hold
    out = f"s3://{BUCKET}/race"
    build = ["build", str(shared_data / "videos" / "ucf101"), "--out", out, "--limit", "6"]
    slow = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *build, "--quality", "90"],
        env={**os.environ, **s3.environment(proxy.port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert arrived.wait(120), slow.communicate(timeout=1)
    use(s3.environment())
    assert main([*build, "--quality", "91"]) == 0
    version = layout.current_version(open_storage(out))
    released.set()
    errors = slow.communicate(timeout=120)[1]
    proxy.close()
    assert slow.returncode == 3, errors
    assert f"another run published {version} meanwhile" in errors
    assert layout.current_version(open_storage(out)) == version
    assert main(["verify", out]) == 0
