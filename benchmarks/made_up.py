"""Clips that nobody filmed, as many as are wanted: each a function of its number alone."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from clipmill.ledger import Failure, Reason
from clipmill.messages import Clip, Piece

CLASSES = [f"class {number:03d}" for number in range(700)]
#: What real clips of Kinetics came to at 256 pixels on the shorter side and the default quality.
_FRAME_BYTES = 30_000
_FAILED = 100


def clips(number: int) -> Iterator[Clip]:
    """The rows that became clips."""
    return (_clip(row) for row in range(number) if row % _FAILED)


def failures(number: int, one_in: int = _FAILED) -> Iterator[Failure]:
    """The rows that did not."""
    for row in range(0, number, one_in):
        source, reason = _source(row), Reason.MISSING.value
        message = f"no such file: {source}"
        yield Failure("gs://videos/all.csv", row + 2, _id(row), source, _split(row), "ResolveSources", reason, message)


def count_rows(number: int) -> dict[str, int]:
    """Rows by split."""
    return dict(Counter(map(_split, range(number))))


def write_listing(number: int, path: Path) -> None:
    """The listing, as a CSV file."""
    with path.open("w") as file:
        file.write("path,label,split,group\n")
        for row in range(number):
            file.write(f"{_source(row)},{CLASSES[row % len(CLASSES)]},{_split(row)},{_id(row)[:13]}\n")


def places(clips: Iterable[Clip]) -> Iterator[tuple[int, int, int]]:
    """Where the record of each clip would lie in their shard: (offset, length, first frame's place)."""
    offset = frames = 0
    for clip in clips:
        yield offset, clip.nbytes + 1000, frames
        offset += clip.nbytes + 1000
        frames += clip.frames


def _clip(row: int) -> Clip:
    name = _id(row)
    key = hashlib.sha256(name.encode()).hexdigest()
    chance = int(key[:8], 16) / (1 << 32)
    # Six in ten have one of the two lengths that ten seconds have; the others are shorter.
    frames = 300 if chance < 0.4 else 250 if chance < 0.6 else 30 + int(270 * (chance - 0.6) / 0.4)
    label = row % len(CLASSES)
    return Clip(
        clip_id=name,
        split=_split(row),
        folds=(),
        label_index=label,
        label_text=CLASSES[label],
        label_source=None,
        group=name[:13],
        source=_source(row),
        start=None,
        end=None,
        trimmed=None,
        fingerprint=key,
        clip_key=key[16:48],
        digest=key[::-1],
        frames=frames,
        width=340,
        height=256,
        fps=29.97,
        duration=frames / 29.97,
        bad_packets=0,
        extra={},
        nbytes=frames * _FRAME_BYTES,
        pieces=[Piece(f"work/fragments/{key[:2]}/{key[16:48]}-0-1")],
        shared=False,
    )


def _id(row: int) -> str:
    # Eleven characters of a video's name that say nothing, and the seconds it was cut at.
    name = f"{(row + 1) * 0x9E3779B97F4A7C15 % (1 << 44):011x}"
    return f"{name}_{row % 300:06d}_{row % 300 + 10:06d}"


def _source(row: int) -> str:
    return f"{CLASSES[row % len(CLASSES)]}/{_id(row)}.mp4"


def _split(row: int) -> str:
    return "test" if row % 10 == 1 else "val" if row % 20 == 2 else "train"
