"""Record schemas: how a clip becomes one protocol-buffer record.

A new schema is a file like `tfds.py` and a line in `SCHEMAS`. `example` and `sequence_example` lay
out the two kinds of record; `fields` has the kinds of feature.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from clipmill.errors import UsageError
from clipmill.layout import ADOPTED, MULTI_LABEL, OWN, PAIRS, RAW

if TYPE_CHECKING:
    # It loads numpy, which a command line that asks for names alone need not wait for.
    from clipmill.records.base import Schema

#: The module and class of each schema, by its name.
#: Named, not imported: they load numpy, and a command line needs the names alone.
SCHEMAS = {
    "tfds": ("clipmill.records.tfds", "TfdsSchema"),
    "frames": ("clipmill.records.frames", "FramesSchema"),
    "pairs": ("clipmill.records.pairs", "PairsSchema"),
    "mediaseq": ("clipmill.records.mediaseq", "MediaSequenceSchema"),
}
#: Those that declare themselves: all that there is to know of them stands behind a colon, so a name is enough anywhere.
_DECLARED = {ADOPTED: ("clipmill.records.foreign", "AdoptedSchema"), OWN: ("clipmill.records.own", "own_schema")}


@cache
def get_schema(name: str) -> Schema:
    """Return the schema of a name; with `RAW` or `MULTI_LABEL` behind it, that variant of it.

    Behind a colon stand the further columns that its records hold, as `tfds:caption=text,views=int64`.

    Raises:
        UsageError: there is none of that name.
    """
    single = name.removesuffix(MULTI_LABEL)
    known, _, declared = single.partition(":")
    known = PAIRS if known == PAIRS + RAW else known
    everything = SCHEMAS | _DECLARED
    if known not in everything:
        raise UsageError(f"--schema {name}: not one of {', '.join(SCHEMAS)}")
    module, kind = everything[known]
    schema: Schema = getattr(importlib.import_module(module), kind)(name, name != single, declared)
    return schema
