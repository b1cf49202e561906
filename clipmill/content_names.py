"""The names of clips, shards and versions: hashes of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from clipmill.messages import Clip
from clipmill.options import FrameOptions

#: Raised when the golden frames in the tests change.
CODEC_EPOCH = 2
#: A clip's fields that are part of the data set, in order: all but where its frames were found.
_row = attrgetter(*(name for name in Clip.__struct_fields__ if name not in ("pieces", "shared", "pixel_aspect", "hdr")))


def clip_key(fingerprint: str, start: float | None, end: float | None, options: FrameOptions) -> str:
    """Return the name of a clip's encoded frames: a hash of the source's bytes and of all that changes pixels.

    Args:
        fingerprint: SHA-256 of the source's bytes, hex.
        start, end: the range that is decoded, in seconds; None for no bound.

    Returns:
        32 hex digits.
    """
    asked = msgspec.to_builtins(options)
    for younger in ("encoding", "deinterlace"):
        if asked[younger] == getattr(FrameOptions(), younger):
            del asked[younger]  # keys are older than that option
    return _hash([CODEC_EPOCH, fingerprint, start, end, asked])[:32]


def shard_id(schema: str, epoch: int, dataset: str, clips: Sequence[Clip], columns: Iterable[str] = ()) -> str:
    """Return the name of a shard: a hash of its schema and of all that its records say, in order.

    Args:
        columns: the listing's further columns that its records hold.

    Returns:
        32 hex digits.
    """
    columns = sorted(columns)
    records = [
        [c.clip_id, c.source, c.label_index, c.label_text, c.start, c.end, c.fps, c.clip_key, c.digest]
        + [[name, c.extra[name]] for name in columns if c.extra.get(name)]
        for c in clips
    ]
    return _hash(["shard", schema, epoch, dataset, records])[:32]


def adopted_shard(schema: str, epoch: int, sha256: str, records: Sequence[int]) -> str:
    """Return the name of a shard that others wrote: a hash of its bytes, and of how and which records are read.

    Args:
        sha256: of the file, hex.
        records: the numbers of those that are clips.

    Returns:
        32 hex digits.
    """
    return _hash(["adopted", schema, epoch, sha256, list(records)])[:32]


def rows_digest(clips: Sequence[Clip]) -> str:
    """Return a hash of the clips' rows in the clip table, hex."""
    # A version without pixels that are not square keeps the name that it had before there was a column for them.
    oblong = [[clip.clip_id, clip.pixel_aspect] for clip in clips if clip.pixel_aspect is not None]
    return _hash([*map(_row, clips), *oblong])


def version_name(labels: Sequence[str], options: dict[str, Any], shards: Iterable[tuple[str, str, str]]) -> str:
    """Return the name of a version: a hash of the ordered shards and the tables' rows.

    Args:
        options: those that change bytes.
        shards: (split, shard id, digest of its rows) in order.

    Returns:
        16 hex digits.
    """
    return _hash([list(labels), options, list(shards)])[:16]


def unit(*words: str | int) -> float:
    """Return a number in [0, 1) that depends only on the words."""
    digest = hashlib.sha256("\x1f".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / (1 << 56)


def _hash(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
