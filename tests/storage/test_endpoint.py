"""An endpoint where nobody listens is told within seconds."""

from __future__ import annotations

import socket

import pytest

from clipmill.errors import UsageError
from clipmill.storage.endpoint import check_endpoints


@pytest.mark.parametrize("scheme, variable", [("s3", "AWS_ENDPOINT_URL"), ("gs", "STORAGE_EMULATOR_HOST")])
def test_an_endpoint_where_nobody_listens(scheme: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["build", "videos", f"--out={scheme}://bucket/folder"]
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{held.getsockname()[1]}"
        monkeypatch.setenv(variable, f"http://{place}")
        with pytest.raises(
            UsageError, match=rf"^{variable}=http://{place}: no server answers there \(Connection refused\)"
        ):
            check_endpoints(words)
        check_endpoints(["build", "videos", "--out", "folder"])  # no object store is meant
        held.listen()
        check_endpoints(words)
        monkeypatch.setenv(variable, place)
        if scheme == "gs":
            check_endpoints(words)
