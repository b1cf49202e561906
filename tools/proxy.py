"""A small HTTP proxy in front of a server, that counts what passes and misbehaves on request."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    """One request that reached the proxy."""

    method: str
    path: str
    range: str


#: What to do with a request: "" passes it on; "503" refuses it; "cut" passes on half of the answer's
#: body; "lose" passes the request on and then hangs up without the answer.
Mood = Callable[[Request], str]


class Proxy:
    """Listens on a free port of the loopback interface.

    Args:
        port: of the server behind it.

    Attributes:
        requests: all that came, in order.
        mood: decides what becomes of a request; may be replaced at any time.
    """

    def __init__(self, port: int) -> None:
        self.requests: list[Request] = []
        self.mood: Mood = lambda request: ""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self._body()
                request = Request(self.command, self.path, self.headers.get("Range", ""))
                proxy.requests.append(request)
                mood = proxy.mood(request)
                if mood == "503":
                    self.send_response(503)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                server = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in ("transfer-encoding", "content-length", "expect"):
                        server.putheader(name, value)
                if body or self.command in ("PUT", "POST"):
                    server.putheader("Content-Length", str(len(body)))
                server.endheaders(body or None)
                answer = server.getresponse()
                content = answer.read()
                server.close()
                if mood == "lose":
                    self.close_connection = True
                    return
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                self.send_header("Content-Length", length or "0")
                self.end_headers()
                if mood == "cut":
                    self.wfile.write(content[: len(content) // 2])
                    self.close_connection = True
                    return
                self.wfile.write(content)

            def _body(self) -> bytes:
                if "chunked" in self.headers.get("Transfer-Encoding", ""):
                    chunks = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        chunks.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(chunks)
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def count(self, method: str, part: str = "") -> int:
        """Requests so far of a method whose path holds `part`."""
        return sum(request.method == method and part in request.path for request in list(self.requests))

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
