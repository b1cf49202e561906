"""Finding the file of a source, and separating errors of that one file from errors of its storage."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence

from clipmill.errors import ClipError, StorageError
from clipmill.ledger import Reason
from clipmill.storage import Stat, Storage

#: Errors that concern one file of a local disk and not the others.
_OF_ONE_FILE = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO)


def find_source(storage: Storage, paths: Sequence[str]) -> tuple[int, Stat]:
    """Find the first of the paths that is there; returns its place among them and its stat.

    Raises:
        ClipError: missing, or without permission.
    """
    for at, path in enumerate(paths):
        with reading_source():
            stat = storage.stat(path)
        if stat is not None:
            return at, stat
    others = f" (or {len(paths) - 1} other names)" if len(paths) > 1 else ""
    raise ClipError(Reason.MISSING, f"no such file: {paths[0]}{others}")


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
