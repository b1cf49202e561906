"""Object stores that are not there, or do not let us in: what is said, and with which exit code."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from obstore.exceptions import GenericError

from clipmill.errors import StorageError, UsageError
from clipmill.storage.object_store import ObjectStorage


class Refuses(BaseHTTPRequestHandler):
    """A server that answers every request with one error of S3's."""

    status, code = 404, "NoSuchBucket"

    def answer(self) -> None:
        body = f'<?xml version="1.0"?>\n<Error><Code>{self.code}</Code></Error>'.encode()
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Refuses]]:
    class Own(Refuses):
        pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listening.server_port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "mistyped")
    yield Own
    listening.shutdown()
    listening.server_close()


def test_listing_a_bucket_that_is_not_there(server: type[Refuses]) -> None:
    storage = ObjectStorage("s3://no-such-bucket/folder")
    for ask in (lambda: list(storage.list("shards")), storage.children):
        with pytest.raises(UsageError, match=r"^s3://no-such-bucket/folder: there is no such bucket$"):
            ask()
    assert storage.stat("CURRENT") is None


@pytest.mark.parametrize("status, code", [(403, "InvalidAccessKeyId"), (401, "Unauthorized")])
def test_credentials_that_are_refused(server: type[Refuses], status: int, code: str) -> None:
    server.status, server.code = status, code
    storage = ObjectStorage("s3://bucket/folder")
    said = "^s3://bucket/folder: access is denied; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    for ask in (storage.children, lambda: storage.read("a"), lambda: storage.put("a", b"b")):
        with pytest.raises(UsageError, match=said):
            ask()


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_no_credentials(variable: str) -> None:
    storage = ObjectStorage("s3://bucket")
    if variable.startswith("GOOGLE"):
        storage.root = "gs://bucket"  # obstore itself asks for a key file as soon as it opens one
    with pytest.raises(UsageError, match=f"bucket: no credentials were found; set {variable}"), storage._errors("a"):
        raise GenericError("Error performing PUT http://169.254.169.254/latest/api/token in 3s - connect timeout")
    with pytest.raises(StorageError, match="bucket/a: the server is on fire"), storage._errors("a"):
        raise GenericError("the server is on fire")
