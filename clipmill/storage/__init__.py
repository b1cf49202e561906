"""Storage: one small interface over local folders and object stores."""

from __future__ import annotations

import importlib
import os
import re
from functools import lru_cache

from clipmill.errors import UsageError
from clipmill.storage.base import Disk, Stat, Storage, Writer
from clipmill.storage.local import LocalStorage
from clipmill.storage.web_url import decoded_folder, is_web

__all__ = [
    "Disk",
    "LocalStorage",
    "Stat",
    "Storage",
    "Writer",
    "absolute",
    "is_url",
    "open_storage",
    "split_path",
]

#: The module and class of each URL scheme's storage; a path without a scheme is a folder of this machine.
#: Named, not imported: obstore takes 50 ms to load, and most processes use no bucket.
SCHEMES = {
    "s3": ("clipmill.storage.object_store", "ObjectStorage"),
    "s3a": ("clipmill.storage.object_store", "ObjectStorage"),
    "gs": ("clipmill.storage.object_store", "ObjectStorage"),
    "http": ("clipmill.storage.web_server", "WebStorage"),
    "https": ("clipmill.storage.web_server", "WebStorage"),
}
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def is_url(path: str) -> bool:
    """Return whether a path names an object store or a web server."""
    scheme, colon, _ = path.partition("://")
    return bool(colon) and scheme in SCHEMES


def absolute(path: str) -> str:
    """Return a path that means the same on every worker: a URL as it is, a local one made absolute.

    Raises:
        UsageError: a URL with a scheme that we do not know, or a web server's that is not taken.
    """
    if is_web(path):
        return decoded_folder(path)
    if is_url(path):
        return path.rstrip("/")
    if _SCHEME.match(path):
        raise UsageError(f"{path}: neither a local path nor s3://... nor gs://...")
    return os.path.abspath(os.path.expanduser(path))


@lru_cache(maxsize=16)
def open_storage(root: str) -> Storage:
    """Open the storage at a folder, `s3://bucket/prefix`, `gs://bucket/prefix` or `https://host/folder`.

    Credentials and endpoints of object stores come from the environment
    (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_APPLICATION_CREDENTIALS, STORAGE_EMULATOR_HOST, ...).
    """
    if not is_url(root):
        return LocalStorage(root)
    module, name = SCHEMES[root.partition("://")[0]]
    storage: Storage = getattr(importlib.import_module(module), name)(root)
    return storage


def split_path(path: str) -> tuple[Storage, str]:
    """Open the storage that holds a single file; returns it and the file's name in it."""
    folder, _, name = absolute(path).rpartition("/")
    return open_storage(folder or "/"), name
