"""Storage: one small interface over local folders and object stores."""

from __future__ import annotations

import os
import re
from functools import lru_cache

from clipmill.errors import UsageError
from clipmill.storage.base import Stat, Storage, Writer
from clipmill.storage.local import LocalStorage, is_temporary

__all__ = [
    "LocalStorage",
    "Stat",
    "Storage",
    "Writer",
    "absolute",
    "is_temporary",
    "is_url",
    "open_storage",
    "split_path",
]

_URL = re.compile(r"^(s3|s3a|gs)://")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def is_url(path: str) -> bool:
    """Whether a path names an object store."""
    return bool(_URL.match(path))


def absolute(path: str) -> str:
    """A path that means the same on every worker: a URL as it is, a local one made absolute.

    Raises:
        UsageError: it looks like a URL, and is none that we know.
    """
    if is_url(path):
        return path.rstrip("/")
    if _SCHEME.match(path):
        raise UsageError(f"{path}: neither a local path nor s3://... nor gs://...")
    return os.path.abspath(path)


@lru_cache(maxsize=16)
def open_storage(root: str) -> Storage:
    """The storage at a folder, `s3://bucket/prefix` or `gs://bucket/prefix`.

    Credentials and endpoints of object stores come from the environment
    (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_APPLICATION_CREDENTIALS, STORAGE_EMULATOR_HOST, ...).
    """
    if not is_url(root):
        return LocalStorage(root)
    # Loaded late: obstore takes 50 ms, and most processes never see a bucket.
    from clipmill.storage.object_store import ObjectStorage

    return ObjectStorage(root)


def split_path(path: str) -> tuple[Storage, str]:
    """The storage that holds a single file, and the file's name in it."""
    folder, _, name = absolute(path).rpartition("/")
    return open_storage(folder or "/"), name
