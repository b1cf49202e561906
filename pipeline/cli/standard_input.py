"""A listing that comes by standard input."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

from clipmill.errors import UsageError

STANDARD_INPUT = "-"


@contextlib.contextmanager
def standard_input_as_file(arguments: argparse.Namespace) -> Iterator[None]:
    """Put a listing that is "-" into a file for the length of a `with` block, since it is read more than once.

    Its paths start in the working folder, unless --videos says where.

    Raises:
        UsageError: there are other listings beside it.
    """
    if STANDARD_INPUT not in arguments.listing:
        yield
        return
    if len(arguments.listing) > 1:
        raise UsageError("LISTING -: standard input is read alone; name the other listings in a build of their own")
    with tempfile.TemporaryDirectory(prefix="clipmill-") as folder:
        path = os.path.join(folder, "standard_input")
        with open(path, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        arguments.listing = [path]
        arguments.videos = arguments.videos or [os.getcwd()]
        yield
