"""The ledger: every row of the listing that did not become a clip, and why."""

from __future__ import annotations

from enum import Enum

import msgspec

from clipmill.messages import ClipRow


class Reason(str, Enum):
    """Why a row did not become a clip. The set is closed; docs/failures.md explains each."""

    __str__ = str.__str__

    MISSING = "missing"  # no file where the row says
    BAD_ROW = "bad_row"  # unknown label, bad time range, path leaves the root, id taken, ...
    DUPLICATE = "duplicate"  # the same source and range as another row
    MERGED = "merged"  # the same as well, and its labels went to that row's clip (--multi-label)
    EMPTY = "empty"  # a file of zero bytes
    NOT_A_VIDEO = "not_a_video"  # no demuxer we allow reads it
    NO_VIDEO_STREAM = "no_video_stream"  # audio only
    TRUNCATED = "truncated"  # the file ends before its own index does
    CORRUPT = "corrupt"  # more than 5 % of its packets fail, or no frame decodes
    TIMEOUT = "timeout"  # decoding passed --timeout
    CRASHED = "crashed"  # the decoder process died, or ran out of memory
    TOO_LARGE = "too_large"  # over the limits on pixels, frames or record size
    TOO_SHORT = "too_short"  # fewer than --min-frames, or no frame inside its time range
    OUT_OF_RANGE = "out_of_range"  # its time range begins past the end of the file
    CHANGED = "changed"  # the file changed while it was read
    STORAGE = "storage"  # the file is there and cannot be read


class Stage(str, Enum):
    """The stage of the graph in which a row failed; named as in `clipmill.pipeline.graph`."""

    __str__ = str.__str__

    READ_LISTING = "ReadListing"
    GROUP_BY_SOURCE = "GroupBySource"
    RESOLVE_SOURCES = "ResolveSources"
    DECODE_FRAMES = "DecodeFrames"


#: Rows that were left out on purpose: they never count against a budget.
OUTSIDE_BUDGET = frozenset({Reason.DUPLICATE, Reason.MERGED, Reason.TOO_SHORT})
#: Judged by --max-missing, before a frame is decoded; every other reason by --max-failures.
ABSENT = frozenset({Reason.MISSING, Reason.BAD_ROW})
#: True of the content, so not tried again until the content changes.
REMEMBERED = frozenset({Reason.NOT_A_VIDEO, Reason.NO_VIDEO_STREAM, Reason.TRUNCATED, Reason.CORRUPT})


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """One row of the ledger.

    Attributes:
        listing: the listing file the row stood in.
        row: its line there, from 1; 0 where the listing is a folder.
        clip_id: the clip's id ("" where the row gave none).
        source: the video as the listing names it, mostly its path relative to the root.
        split: the split the clip would have had.
        stage: the stage of the graph in which it failed, a value of `Stage`.
        reason: why, a value of `Reason`.
        message: one line for a person.
        of: how many clips its video was asked for: together they count as one failure. Not in the file.
    """

    listing: str
    row: int
    clip_id: str
    source: str
    split: str
    stage: str
    reason: str
    message: str
    of: int = 1


def failure_of(row: ClipRow, stage: Stage, reason: str, message: str, of: int = 1) -> Failure:
    """Return the ledger's row for a row of the listing."""
    return Failure(
        listing=row.listing,
        row=row.row,
        clip_id=row.clip_id,
        source=row.video,
        split=row.split,
        stage=stage.value,
        reason=Reason(reason).value,
        message=message,
        of=of,
    )
