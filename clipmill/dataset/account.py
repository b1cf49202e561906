"""The account of a run: every row of the listing must become a clip or a row of the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import Enum
from fractions import Fraction

import msgspec


class Counted(str, Enum):
    """What a run counts, in each split."""

    __str__ = str.__str__

    ROWS = "rows"  # all rows read, bad ones too
    SEGMENTS = "segments"  # clips that --segment-seconds adds to one a row
    VIDEOS = "videos"  # that the rows name
    FAILED = "failed"  # rows of the ledger, by reason


#: Split, a value of `Counted`, and where it is `FAILED` the reason and `Failure.of` (else "" and 0): plain values, as
#: Beam's keys must be.
Key = tuple[str, str, str, int]


def key(split: str, what: Counted, reason: str = "", of: int = 0) -> Key:
    """Return the key under which something is counted."""
    return split, what.value, reason, of


class Account(msgspec.Struct, frozen=True):
    """The counts of a run that must add up.

    Attributes:
        rows: of the listing, by split.
        segments: what --segment-seconds added to them, by split.
        failed: rows of the ledger, by reason.
        videos: that the rows name.
        lost: videos that failed, by reason; of one that failed in part, the part of its clips.
    """

    rows: Mapping[str, int]
    segments: Mapping[str, int]
    failed: Mapping[str, int] = {}
    videos: int = 0
    lost: Mapping[str, Fraction] = {}

    @classmethod
    def of(cls, counts: Mapping[Key, int]) -> Account:
        """Make an account of a run's sums."""
        rows, segments, failed = Counter[str](), Counter[str](), Counter[str]()
        lost: dict[str, Fraction] = {}
        videos = 0
        for (split, what, reason, of), number in counts.items():
            if what == Counted.ROWS:
                rows[split] += number
            elif what == Counted.SEGMENTS:
                segments[split] += number
            elif what == Counted.VIDEOS:
                videos += number
            else:
                failed[reason] += number
                lost[reason] = lost.get(reason, Fraction()) + Fraction(number, of)
        return cls(rows=rows, segments=segments, failed=failed, videos=videos, lost=lost)

    @property
    def expected(self) -> int:
        """How many clips and ledger rows there must be in all."""
        return sum(self.rows.values()) + sum(self.segments.values())

    def unaccounted(self, clips: Mapping[str, int], failures: Mapping[str, int]) -> str:
        """Describe the first split whose rows are not its clips and its ledger rows; "" if all are.

        Args:
            clips, failures: how many, by split.
        """
        for split in sorted({*self.rows, *clips, *failures}):
            expected = self.rows.get(split, 0) + self.segments.get(split, 0)
            found = clips.get(split, 0) + failures.get(split, 0)
            if expected != found:
                return (
                    f"split {split}: {expected:,} clips were asked for, but {clips.get(split, 0):,} were made and "
                    f"{failures.get(split, 0):,} failed. {abs(expected - found):,} rows were lost or doubled: "
                    "nothing is published. Run the build again, and report this if it happens twice"
                )
        return ""
