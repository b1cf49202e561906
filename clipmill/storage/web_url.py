"""Spelling the URLs of web servers: names inside of clipmill are decoded, as those of files and buckets are."""

from __future__ import annotations

from urllib.parse import quote, unquote

from clipmill.errors import UsageError

SCHEMES = ("http", "https")


def is_web(path: str) -> bool:
    """Return whether a path is the URL of a web server."""
    scheme, colon, _ = path.partition("://")
    return bool(colon) and scheme in SCHEMES


def without_query(url: str) -> str:
    """Return a URL without its query, which may be a signature that nobody else should see, and its fragment."""
    return url.partition("?")[0].partition("#")[0]


def decoded(url: str) -> str:
    """Return a URL with its path's %20 and the like decoded.

    Raises:
        UsageError: it has a query, a fragment, or a user and a password. The message holds none of them.
    """
    shown = without_query(url)
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if "@" in host:
        raise UsageError(f"{scheme}://{host.rpartition('@')[2]}: a URL with a user or a password in it is not taken")
    if "?" in url or "#" in url:
        raise UsageError(
            f"{shown}: a URL with a query (?...) or a fragment (#...) is not taken, since paths are shown in ledgers "
            "and tables, and a query may be a signature"
        )
    return f"{scheme}://{host}{slash}{unquote(path)}"


def decoded_folder(url: str) -> str:
    """Return the URL of a folder or a listing decoded; decoding it again changes nothing.

    Raises:
        UsageError: as `decoded`; or it has %, ? or # in its name.
    """
    found = decoded(url).rstrip("/")
    if {"%", "?", "#"} & set(found):
        raise UsageError(f"{url}: folders and listings with %, ? or # in their names are not taken")
    return found


def encoded(root: str, path: str) -> str:
    """Return the URL of a file below a decoded root, as it is asked for."""
    scheme, _, rest = root.partition("://")
    host, _, folder = rest.partition("/")
    inside = "/".join(filter(None, (folder, path)))
    return f"{scheme}://{host}/{quote(inside, errors='surrogateescape')}"
