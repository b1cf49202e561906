"""A web server with moods, for tests of sources over HTTP."""

from __future__ import annotations

import contextlib
import email.utils
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote

#: When the files of these servers were last changed.
CHANGED = email.utils.formatdate(1_700_000_000, usegmt=True)


class Asked(NamedTuple):
    """A request: its path as it was sent, its Range and its If-Range."""

    path: str
    range: str
    condition: str


class WebServer:
    """Files in memory, behind a server of this machine.

    Attributes:
        url: of its root.
        files: bytes by decoded path, which begins with "/".
        asked: all requests, in order.
        ranges: whether it knows ranges.
        tags: whether it says of which state of a file an answer is.
        lengths: whether it says how long a file is.
        status: what it answers instead of files; headers with it.
        refuse: how many requests get `status`; None for all.
        cut: bytes of a body after which the connection ends, or None.
        hold: called before the body is sent.
        redirects: where a path leads.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[Asked] = []
        self.ranges = self.tags = self.lengths = True
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.refuse: int | None = None
        self.cut: int | None = None
        self.hold: Callable[[], object] = lambda: None
        self.redirects: dict[str, str] = {}
        self._listening = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._listening.daemon_threads = True
        threading.Thread(target=self._listening.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._listening.server_port}"

    def close(self) -> None:
        """End it."""
        self._listening.shutdown()
        self._listening.server_close()

    def refuses(self) -> bool:
        """Whether the next request is refused."""
        if self.status is None or self.refuse == 0:
            return False
        self.refuse = None if self.refuse is None else self.refuse - 1
        return True


@contextlib.contextmanager
def web_server() -> Iterator[WebServer]:
    """A server for the length of a `with` block."""
    server = WebServer()
    try:
        yield server
    finally:
        server.close()


def _handler(server: WebServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted, condition = self.headers.get("Range", ""), self.headers.get("If-Range", "")
            server.asked.append(Asked(self.path, wanted, condition))
            name = unquote(self.path.partition("?")[0])
            if server.refuses():
                return self._say(server.status or 500, server.headers)
            if name in server.redirects:
                return self._say(302, {"Location": server.redirects[name]})
            if name not in server.files:
                return self._say(404, {})
            data = server.files[name]
            tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
            begin, end, status = 0, len(data), 200
            span = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
            if span and server.ranges and condition in ("", tag):
                begin, status = int(span[1]), 206
                end = min(end, int(span[2]) + 1) if span[2] else end
                if begin >= len(data):
                    return self._say(416, {"Content-Range": f"bytes */{len(data)}"})
            headers = {"ETag": tag, "Last-Modified": CHANGED} if server.tags else {}
            if status == 206:
                headers["Content-Range"] = f"bytes {begin}-{end - 1}/{len(data) if server.lengths else '*'}"
            if server.lengths:
                headers["Content-Length"] = str(end - begin)
            self._say(status, headers, length=False)
            server.hold()
            body = data[begin:end]
            with contextlib.suppress(ConnectionError):  # who only wants to know its size does not read it
                self.wfile.write(body if server.cut is None else body[: server.cut])
            self.close_connection = True

        def _say(self, status: int, headers: dict[str, str], *, length: bool = True) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if length:
                self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler
