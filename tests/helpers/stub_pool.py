"""Children that do no work: every job is answered at once, by made-up numbers."""

from __future__ import annotations

import hashlib
from concurrent.futures import Future
from typing import Any

from clipmill.errors import ClipError
from clipmill.layout import ShardEntry, shard_path
from clipmill.ledger import Reason
from clipmill.messages import WHOLE, Piece, ProbedSource, ShardDone, SourceClip, SpanDone
from clipmill.storage import open_storage
from clipmill.workers.jobs import DecodeJob, Job, ResolveJob, ShardJob


class StubPool:
    """Stands in for `clipmill.workers.pool.Pool`.

    Args:
        missing: of ten sources, so many are missing.
        failing: of ten clips, so many cannot be decoded.
    """

    most_in_flight = 2

    def __init__(self, missing: int = 0, failing: int = 0) -> None:
        self._missing = missing
        self._failing = failing

    def submit(self, job: Job) -> Future[Any]:
        """A future that is done."""
        future: Future[Any] = Future()
        try:
            future.set_result(self._answer(job))
        except ClipError as error:
            future.set_exception(error)
        return future

    def close(self, *, kill: bool = False) -> None:
        """Nothing to end."""

    def _answer(self, job: Job) -> Any:
        if isinstance(job, ResolveJob):
            path = job.task.paths[0]
            fingerprint = hashlib.sha256(path.encode()).hexdigest()
            if int(fingerprint[:8], 16) % 10 < self._missing:
                raise ClipError(Reason.MISSING, f"no such file: {path}")
            clips = [SourceClip(row, None, None, None, None, [WHOLE]) for row in range(len(job.task.ranges))]
            return ProbedSource(path, 1, "1", fingerprint, 10.0, 25.0, 320, 240, clips)
        if isinstance(job, DecodeJob):
            number = int(job.task.clip_key[:8], 16)
            if number % 10 < self._failing:
                raise ClipError(Reason.CORRUPT, "made up")
            frames = 30 + number % 300
            digest = hashlib.sha256(job.task.clip_key.encode()).hexdigest()
            piece = Piece(f"work/fragments/{job.task.clip_key}")
            return SpanDone(
                job.task.clip_key, 0, 1, piece, frames, 20_000 * frames, 320, 240, 25.0, 0, digest, duration=frames / 25
            )
        assert isinstance(job, ShardJob)
        lengths = [clip.nbytes for clip in job.clips]
        places = []
        offset = frames = 0
        for clip, length in zip(job.clips, lengths, strict=True):
            places.append((offset, length, frames))
            offset += length
            frames += clip.frames
        open_storage(job.out).put(shard_path(job.shard), b"", durable=False)
        return ShardDone(job.shard, ShardEntry(len(places), frames, offset, "0" * 8, "0" * 8, "0" * 8), places)
