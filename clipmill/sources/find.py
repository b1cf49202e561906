"""Finding the file of a source, and separating errors of that one file from errors of its storage."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence

from clipmill.errors import ClipError, StorageError
from clipmill.ledger import Reason
from clipmill.sources.pictures import stat_folder
from clipmill.storage import Stat, Storage

#: Errors that concern one file of a local disk and not the others.
_OF_ONE_FILE = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO)
_FOLDER = "folder"
_KINDS = (
    (stat.S_ISDIR, _FOLDER),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISSOCK, "socket"),
)


def find_source(storage: Storage, paths: Sequence[str], mask: str = "") -> tuple[int, Stat]:
    """Find the first of the paths that is a file, else a folder of frames; returns its place and its stat.

    Args:
        mask: of a pair, the path of the mask, whose stat is joined with the image's.

    Raises:
        ClipError: missing, no regular file, or without permission.
    """
    for at, path in enumerate(paths):
        with reading_source():
            found = storage.stat(path)
        if found is not None:
            return at, _with_mask(storage, found, mask)
    for at, path in enumerate(paths):
        with reading_source():
            found = stat_folder(storage, path)
        if found is not None:
            return at, found
    for path in paths:
        kind = special_kind(storage, path)
        if kind and kind != _FOLDER:
            raise ClipError(Reason.NOT_A_VIDEO, f"{path} is a {kind}, not a file")
    others = f" (or {len(paths) - 1} other names)" if len(paths) > 1 else ""
    raise ClipError(Reason.MISSING, f"{no_such_file(storage, paths[0])}{others}")


def stat_source(storage: Storage, path: str, mask: str = "") -> Stat | None:
    """Return the stat of a source's file, folder of frames, or image and mask; None if there is none."""
    found = storage.stat(path)
    if found is None:
        return stat_folder(storage, path)
    with contextlib.suppress(ClipError):
        return _with_mask(storage, found, mask)
    return None


def _with_mask(storage: Storage, image: Stat, mask: str) -> Stat:
    if not mask:
        return image
    with reading_source():
        found = storage.stat(mask)
    if found is None:
        raise ClipError(Reason.BAD_ROW, f"there is no mask {mask}")
    return Stat(image.size + found.size, f"{image.stamp}+{found.stamp}", max(image.modified, found.modified))


def no_such_file(storage: Storage, path: str) -> str:
    """Return in words that there is no file at a path, or that a folder without frames is."""
    if special_kind(storage, path) == _FOLDER:
        return f"{path} is a folder without images in it, not a file"
    return f"no such file: {storage.root}/{path}"


def special_kind(storage: Storage, path: str) -> str:
    """Return what stands at a path of a local disk and is no regular file, such as "named pipe"; "" for nothing."""
    if storage.disk is None:
        return ""
    try:
        mode = os.stat(storage.disk.path(path)).st_mode
    except (OSError, ValueError):
        return ""
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "")


@contextlib.contextmanager
def reading_source() -> Iterator[None]:
    """Turn errors of a block that only reads a source into ClipErrors, where they concern that one file.

    Errors that concern every source, such as those of an object store after retries, are passed on.

    Raises:
        ClipError: the source cannot be read.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise ClipError(Reason.CHANGED, "the file went away while it was needed; run the build again") from error
    except StorageError as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _OF_ONE_FILE:
            raise
        message = f"the file cannot be read ({cause.strerror}); mend it, and run the build again"
        raise ClipError(Reason.STORAGE, message) from error
