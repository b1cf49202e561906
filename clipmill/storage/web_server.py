"""Reading the files of a web server by ranged requests. Nothing is written there, and no folder can be listed.

Only the host of the root is asked: a redirect to another host is refused, unless HOSTS_VARIABLE names that.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import re
import shutil
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import IO, Any, NamedTuple, NoReturn
from urllib.parse import SplitResult, urlsplit

from clipmill.errors import StorageError, UsageError
from clipmill.storage.base import Disk, Stat, Writer
from clipmill.storage.slow_requests import watched
from clipmill.storage.web_url import encoded, without_query

#: Names of further hosts, with commas between them, to which a redirect may lead.
HOSTS_VARIABLE = "CLIPMILL_HTTP_HOSTS"
#: How long a request is repeated without a further byte.
RETRY_SECONDS = 180.0
#: Seconds until a connection that gives nothing counts as cut.
_TIMEOUT = 60.0
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 10.0
_CHUNK = 1 << 20
_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d+|\*)/(\d{1,18})", re.ASCII)
_AWAY = (404, 410)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_NOT_SATISFIABLE = 416


class _Answer(NamedTuple):
    """The beginning of a server's answer.

    Attributes:
        body: to be read, None where nothing is left in the range.
        start: the file's byte that the body begins with.
        total: bytes of the whole file.
        stamp: its e-tag or the time of its last change; "" where the server says neither.
        condition: what a later request can name, so that it is not answered from another state of the file.
        modified: seconds since the epoch, 0 where the server does not say.
    """

    body: http.client.HTTPResponse | None
    start: int
    total: int
    stamp: str
    condition: str
    modified: float

    def close(self) -> None:
        """Close the connection."""
        if self.body is not None:
            self.body.close()


class WebStorage:
    """A folder of a web server.

    Args:
        root: its URL, decoded (`clipmill.storage.web_url`).

    Raises:
        UsageError: the URL names no host.
    """

    local = False
    disk: Disk | None = None

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        try:
            at = urlsplit(self.root)
            named = at.hostname and (at.port is None or at.port > 0)
        except ValueError:
            named = False
        if not named:
            raise UsageError(f"{root}: no host in this URL")
        further = os.environ.get(HOSTS_VARIABLE, "").lower().split(",")
        self._opener = urllib.request.build_opener(_Redirects(at, [host.strip() for host in further]))

    def read(self, path: str, start: int = 0, end: int | None = None) -> bytes:
        """See `clipmill.storage.Storage`, here and below."""
        found = bytearray()
        if end is None or end > start:
            for at, chunk in self._chunks(path, start, end):
                found[at - start :] = chunk
        return bytes(found)

    def read_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        return [self.read(path, start, end) for start, end in ranges]

    def borrow_ranges(self, path: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes | memoryview]:
        return self.read_ranges(path, ranges)

    def stat(self, path: str) -> Stat | None:
        patience = _Patience(self._shown(path))
        while True:
            try:
                # Not HEAD: servers refuse it for what they give, and a range tells whether they know ranges.
                with contextlib.closing(self._ask(path, 0, 1)) as answer:
                    return Stat(answer.total, answer.stamp or f"of {answer.total} bytes", answer.modified)
            except FileNotFoundError:
                return None
            except (OSError, http.client.HTTPException) as error:
                patience.wait(error)

    @contextlib.contextmanager
    def fetch(self, path: str) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(prefix="clipmill-") as file:
            end = 0
            for at, chunk in self._chunks(path, 0, None, room=shutil.disk_usage(tempfile.gettempdir()).free):
                file.seek(at)
                file.write(chunk)
                end = at + len(chunk)
            file.truncate(end)
            file.seek(0)
            yield file

    def list(self, prefix: str = "") -> Iterator[tuple[str, Stat]]:
        """Iterate over nothing, since web servers have no way to list files that all share; below likewise."""
        return iter(())

    def children(self, folder: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (), ()

    def put(self, path: str, data: bytes, *, durable: bool = True) -> None:
        self._refuse_to_write()

    def writer(self, path: str, *, durable: bool = True) -> contextlib.AbstractContextManager[Writer]:
        self._refuse_to_write()

    def swap(self, path: str, old: bytes | None, new: bytes) -> bool:
        self._refuse_to_write()

    def copy(self, source: str, target: str) -> None:
        self._refuse_to_write()

    def sync(self, folder: str) -> None:
        self._refuse_to_write()

    def delete(self, path: str) -> None:
        self._refuse_to_write()

    def free(self) -> int | None:
        return None

    def _refuse_to_write(self) -> NoReturn:
        raise UsageError(f"{self.root}: a web server is only read from; name a folder, s3://... or gs://...")

    def _shown(self, path: str) -> str:
        return f"{self.root}/{path}"

    def _chunks(self, path: str, start: int, end: int | None, room: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield the bytes of a range with their places; where a connection is cut, go on from there.

        Places go back to the start where the file changed meanwhile, or the server does not say whether it did,
        or it knows no ranges: what was yielded is void then.

        Args:
            room: bytes that the caller has room for.
        """
        patience = _Patience(self._shown(path))
        at, condition = start, ""
        while True:
            try:
                with contextlib.closing(self._ask(path, at, end, condition)) as answer:
                    if room is not None and answer.total > room:
                        sizes = f"{answer.total / 1e9:,.1f} GB, and the folder of temporary files {room / 1e9:,.1f} GB"
                        _refuse(self._shown(path), f"it has {sizes} left (see TMPDIR)")
                    condition = answer.condition if answer.total >= at else ""
                    if answer.total < at > start:
                        raise ConnectionError("the file became shorter while it was read")
                    if answer.start != at:
                        at = start
                    stop = answer.total if end is None else min(end, answer.total)
                    for place, chunk in self._body(path, answer, stop):
                        if place + len(chunk) > at:
                            yield at, chunk[max(0, at - place) :]
                            at = place + len(chunk)
                            patience.reached(at)
                    return
            except FileNotFoundError:
                raise
            except (OSError, http.client.HTTPException) as error:
                patience.wait(error)
                at = at if condition else start

    def _body(self, path: str, answer: _Answer, stop: int) -> Iterator[tuple[int, bytes]]:
        place = answer.start
        while place < stop:
            with watched(self._shown(path)):
                chunk = answer.body.read1(min(_CHUNK, stop - place)) if answer.body else b""
            if not chunk:
                raise ConnectionError("the connection was cut")
            yield place, chunk
            place += len(chunk)

    def _ask(self, path: str, start: int, end: int | None, condition: str = "") -> _Answer:
        """Ask for a range.

        Args:
            condition: of an earlier answer. If the file has changed since, the answer is the whole file.

        Raises:
            FileNotFoundError: there is no such file.
            StorageError: the server refuses this file, or gives it in a way that cannot be read.
            OSError, HTTPException: it is worth trying again.
        """
        shown = self._shown(path)
        headers = {"Range": f"bytes={start}-{'' if end is None else end - 1}", "User-Agent": "clipmill"}
        if condition:
            headers["If-Range"] = condition
        try:
            with watched(shown):
                request = urllib.request.Request(encoded(self.root, path), headers=headers)
                response = self._opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            with error:
                return _of_error(error, shown, start)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise StorageError(f"{shown}: {error.reason.verify_message} (see SSL_CERT_FILE)") from error
            raise
        except (ValueError, http.client.InvalidURL):
            _refuse(shown, "its URL, or one that the server redirects to, is none")
        begin, total = _extent(response, shown)
        if begin not in (0, start):
            _refuse(shown, "the server answers with another range than was asked for")
        return _answer(response.headers, response, begin, total)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to the root's own server, there also from http to https, and to hosts that are named."""

    def __init__(self, root: SplitResult, further: Sequence[str]) -> None:
        self._own = {(root.scheme, root.hostname, root.port or _port(root))}
        if root.scheme == "http":
            self._own.add(("https", root.hostname, 443))
        self._further = {host for host in further if host}

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        """Return the next request; raise StorageError where it would go elsewhere."""
        to = urlsplit(newurl)
        own = (to.scheme, to.hostname, to.port or _port(to)) in self._own
        if not own and not (to.scheme == "https" and to.hostname in self._further):
            further = f"give that as --videos, or its host in {HOSTS_VARIABLE}"
            _refuse(without_query(req.full_url), f"it redirects to {to.scheme}://{to.hostname}: {further}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


class _Busy(OSError):
    """A server that asks to try again.

    Attributes:
        seconds: that it asks to wait, 0 if it does not say.
    """

    def __init__(self, said: str, retry_after: str | None) -> None:
        super().__init__(said)
        self.seconds = float(retry_after) if retry_after and re.fullmatch("[0-9]{1,6}", retry_after) else 0.0


class _Patience:
    """Waits ever longer between tries, until nothing was gained for `RETRY_SECONDS`."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._furthest = -1
        self._begin()

    def _begin(self) -> None:
        self._until = time.monotonic() + RETRY_SECONDS
        self._next = _FIRST_WAIT

    def reached(self, place: int) -> None:
        """Note how far reading came: patience begins anew where it never was before."""
        if place > self._furthest:
            self._furthest = place
            self._begin()

    def wait(self, error: Exception) -> None:
        """Wait before the next try.

        Raises:
            StorageError: it took too long.
        """
        seconds = max(self._next, getattr(error, "seconds", 0.0))
        if time.monotonic() + seconds > self._until:
            reason = getattr(error, "reason", None) or error
            said = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
            raise StorageError(f"{self._what}: {said}") from error
        with watched(self._what):
            time.sleep(seconds)
        self._next = min(2 * self._next, _LONGEST_WAIT)


def _extent(response: http.client.HTTPResponse, shown: str) -> tuple[int, int]:
    """Return the first byte of an answer and the bytes of the whole file."""
    if response.status == http.client.PARTIAL_CONTENT:
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found and found[1]:
            return int(found[1]), int(found[2])
    elif response.status == http.client.OK and response.length is not None:
        return 0, response.length
    response.close()
    _refuse(shown, f"the server does not say how many bytes the file has ({response.status})")


def _answer(headers: Message, body: http.client.HTTPResponse | None, start: int, total: int) -> _Answer:
    tag, changed = headers.get("ETag", ""), headers.get("Last-Modified", "")
    modified = 0.0
    with contextlib.suppress(ValueError, TypeError):
        modified = parsedate_to_datetime(changed).timestamp()
    # Weak tags say that the meaning is the same, not the bytes.
    condition = tag if tag.startswith('"') else changed
    return _Answer(body, start, total, tag or changed, condition, modified)


def _of_error(error: urllib.error.HTTPError, shown: str, start: int) -> _Answer:
    """Return the answer that nothing of the file is at `start` or behind it; raise what any other error means."""
    said = f"{error.code} {str(error.reason)[:60]}".strip()
    if error.code in _AWAY:
        raise FileNotFoundError(errno.ENOENT, "no such file", shown)
    if error.code in _BUSY:
        raise _Busy(said, error.headers.get("Retry-After"))
    total = _RANGE.fullmatch(error.headers.get("Content-Range", "")) if error.code == _NOT_SATISFIABLE else None
    if total is not None and int(total[2]) <= start:
        return _answer(error.headers, None, start, int(total[2]))
    _refuse(shown, "a redirect that cannot be followed" if 300 <= error.code < 400 else said)


def _refuse(shown: str, why: str) -> NoReturn:
    """Raise the error of one file that its server does not give; others of it may be read."""
    raise StorageError(f"{shown}: {why}") from OSError(errno.EPERM, why)


def _port(url: Any) -> int:
    return 443 if url.scheme == "https" else 80
