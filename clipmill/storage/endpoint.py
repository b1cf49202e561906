"""Checking that the endpoint of an object store answers, before any request waits for it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from clipmill.errors import UsageError

_VARIABLES = {"s3://": "AWS_ENDPOINT_URL", "s3a://": "AWS_ENDPOINT_URL", "gs://": "STORAGE_EMULATOR_HOST"}
_TRIES = 3


def check_endpoints(words: Iterable[str]) -> None:
    """Raise UsageError where the endpoint of an object store that a command names does not answer.

    A failed request is repeated for minutes. That is right for a server that restarts during a long
    build, and wrong for a mistyped address.

    Args:
        words: of the command line; those with s3://, s3a:// or gs:// in them count.
    """
    named = list(words)
    for variable in {name: None for scheme, name in _VARIABLES.items() if any(scheme in word for word in named)}:
        endpoint = os.environ.get(variable)
        if endpoint:
            _check(variable, endpoint)


def check_server(url: str) -> None:
    """Raise UsageError where the web server of a URL does not answer; a proxy is asked instead of it, if there is one.

    For the same reason as `check_endpoints`.
    """
    at = urlsplit(url)
    if at.scheme not in getproxies() or proxy_bypass(at.netloc):
        _check("", f"{at.scheme}://{at.netloc}")


def _check(variable: str, endpoint: str) -> None:
    shown = f"{variable}={endpoint}" if variable else endpoint
    for left in reversed(range(_TRIES)):
        try:
            url = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
            place = (url.hostname or "", url.port or (443 if url.scheme == "https" else 80))
            socket.create_connection(place, timeout=5).close()
            return
        except (OSError, ValueError) as error:
            if not left:
                said = getattr(error, "strerror", None) or str(error)
                raise UsageError(f"{shown}: no server answers there ({said})") from error
            time.sleep(0.5)
