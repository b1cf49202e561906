"""Exports: a published version in the formats that other readers want, without decoding a video."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from clipmill.errors import UsageError
from clipmill.layout import OWN

if TYPE_CHECKING:
    # It loads numpy, which a command line that asks for names alone need not wait for.
    from clipmill.export.base import ExportFormat

#: By the word after --to: the module that has the format in its `FORMATS`. Loaded when asked for, since between
#: them they need OpenCV, Arrow and libav, and `clipmill --help` needs none.
FORMATS = {
    "windows": "clipmill.export.windows",
    "webdataset": "clipmill.export.webdataset",
    "parquet": "clipmill.export.parquet",
    "frames": "clipmill.export.frame_folders",
    "mjpeg": "clipmill.export.motion_jpeg",
    "array_record": "clipmill.export.array_record",
    "tfds": "clipmill.export.records",
    "mediaseq": "clipmill.export.records",
    "frames-example": "clipmill.export.records",
}
#: Those that images with masks have as well, and the module of these.
OF_PAIRS = ("frames", "webdataset")
_PAIRS = "clipmill.export.pair_files"


def get_format(name: str, *, pairs: bool = False) -> ExportFormat:
    """Return the export format of a name.

    Args:
        name: as after --to; of a schema that a user declared, the schema's.
        pairs: of images with masks.

    Raises:
        UsageError: there is none of that name, or it has no masks.
    """
    own = name.startswith(f"{OWN}:")
    if name not in FORMATS and not own:
        raise UsageError(f"--to {name}: not one of {', '.join(FORMATS)}, and no FILE.toml")
    if pairs and name not in OF_PAIRS:
        raise UsageError(f"--to {name}: has no place for masks, which this data set has; use {' or '.join(OF_PAIRS)}")
    if own:
        declared: ExportFormat = import_module(FORMATS["tfds"]).Records(name)
        return declared
    known: dict[str, ExportFormat] = import_module(_PAIRS if pairs else FORMATS[name]).FORMATS
    return known[name]
