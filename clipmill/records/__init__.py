"""Record schemas: how a clip becomes one protocol-buffer record.

A new schema is a file like `tfds.py` and a line in `SCHEMAS`. `example` and `sequence_example` lay
out the two kinds of record; `fields` has the kinds of feature.
"""

from __future__ import annotations

from clipmill.errors import UsageError
from clipmill.records.base import ClipRecord, FrameFacts, FrameKeys, Schema, body_size
from clipmill.records.frames import FramesSchema
from clipmill.records.mediaseq import MediaSequenceSchema
from clipmill.records.tfds import TfdsSchema

__all__ = ["SCHEMAS", "ClipRecord", "FrameFacts", "FrameKeys", "Schema", "body_size", "get_schema"]

#: Every schema by its name.
SCHEMAS: dict[str, Schema] = {schema.name: schema for schema in (TfdsSchema(), FramesSchema(), MediaSequenceSchema())}


def get_schema(name: str) -> Schema:
    """Return the schema of a name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in SCHEMAS:
        raise UsageError(f"--schema {name}: not one of {', '.join(SCHEMAS)}")
    return SCHEMAS[name]
