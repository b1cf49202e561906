"""Writing files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import IO

from clipmill.errors import DataError

_CHUNK = 4 << 20


def copy_whole(source: IO[bytes], target: Path, size: int) -> None:
    """Copy a stream to a file, which appears when all of it is written.

    Raises:
        DataError: the stream holds another number of bytes than announced.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    try:
        with open(partial, "wb") as file:
            shutil.copyfileobj(source, file, _CHUNK)
            written = file.tell()
        if written != size:
            raise DataError(f"{target.name}: {written:,} bytes where its archive announces {size:,}")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)
