"""What is known of sources from earlier runs, so that a file that did not change is not read again.

    work/cache/<root>/<digest>     up to `SEGMENT` sources of one root; named by a hash of its bytes

An answer holds while the file's path, size and stamp are those it was given for. Answers
are noted as they come, so a killed run keeps them; where there are several for a file, the
latest counts. An answer that no run has used for a week goes when segments are merged.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from clipmill.content_names import CODEC_EPOCH
from clipmill.messages import CachedProbe, ProbedSource, SourceTask
from clipmill.sources.find import find_source
from clipmill.storage import Stat, Storage

CACHE = "work/cache"
#: Raised when the same file and the same question would be answered in another way.
EPOCH = 3
#: Sources in one object.
SEGMENT = 20_000
#: An answer is noted again when it is used and older than this, and dropped when older than that, in seconds.
RENEW, EXPIRE = 3 * 86400, 7 * 86400
#: Clocks of file systems are coarse: a file that was written so lately, in seconds, may change under the same stamp.
_SETTLED = 2.0
#: Seconds of answers that a killed run may lose.
_PATIENCE = 30.0
#: A source as its rows name it, and a packed `CachedProbe`.
Noted = tuple[str, msgspec.Raw]
_segment_decoder = msgspec.msgpack.Decoder(list[Noted])
_known_decoder = msgspec.msgpack.Decoder(CachedProbe)


def question(task: SourceTask, at: int) -> str:
    """Return a hash of all that is asked of the file at `task.paths[at]`, 16 hex digits."""
    frames = task.frames
    how = [task.named[at], task.ranges, task.trimmed, task.segment_seconds, task.span_frames]
    if task.min_segment:
        how.append(task.min_segment)
    asked = [EPOCH, CODEC_EPOCH, *how, frames.every, frames.fps, frames.max_frames]
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:16]


def recall(known: Iterable[CachedProbe], path: str, stat: Stat) -> CachedProbe | None:
    """Return what is known of a file as it is now; the latest of several notes."""
    same = [k for k in known if (k.source.path, k.source.size, k.source.stamp) == (path, stat.size, stat.stamp)]
    return max(same, key=lambda k: k.noted, default=None)


def recall_source(storage: Storage, task: SourceTask, known: Sequence[CachedProbe]) -> CachedProbe | None:
    """Return what is known of a source that was asked the same before and did not change since.

    Raises:
        ClipError: it is missing, or cannot be looked at.
    """
    at, stat = find_source(storage, task.paths)
    found = recall(known, task.paths[at], stat)
    return found if found is not None and found.asked == question(task, at) else None


class Notes:
    """Answers of one run, written every so often.

    Args:
        storage: of the output.
        videos: root of the sources.
    """

    def __init__(self, storage: Storage, videos: Storage) -> None:
        self._storage = storage
        self._videos = videos
        self._noted: list[Noted] = []
        self._written = time.monotonic()

    def add(self, key: str, task: SourceTask, source: ProbedSource, asked_at: float) -> None:
        """Note an answer; written now and then.

        Args:
            key: the source as its rows name it.
            asked_at: seconds since the epoch, not later than the file was looked at.
        """
        if self._videos.local:
            stat = self._videos.stat(source.path)
            if stat is None or stat.stamp != source.stamp or stat.modified > asked_at - _SETTLED:
                return
        known = CachedProbe(question(task, task.paths.index(source.path)), int(asked_at), source)
        self._noted.append((key, msgspec.Raw(msgspec.msgpack.encode(known))))
        if len(self._noted) >= SEGMENT or time.monotonic() - self._written > _PATIENCE:
            self.write()

    def write(self) -> None:
        """Write what was noted."""
        if self._noted:
            _write_segment(self._storage, self._videos, self._noted)
        self._noted = []
        self._written = time.monotonic()


def read_known(storage: Storage, videos: Storage) -> Iterator[Noted]:
    """Iterate over all that is noted of a root's sources: (source as its rows name it, packed `CachedProbe`)."""
    for path, _ in storage.list(cache_folder(videos)):
        yield from _read_segment(storage, path)


def merge_segments(storage: Storage, videos: Storage) -> None:
    """Join a root's segments once they are many more than their content needs; drop what nobody used for long."""
    paths = [path for path, _ in storage.list(cache_folder(videos))]
    if len(paths) <= 8:
        return
    latest: dict[tuple[str, str], tuple[int, Noted]] = {}
    for path in paths:
        for key, packed in _read_segment(storage, path):
            known = _known_decoder.decode(packed)
            place = key, known.source.path
            if known.noted > max(time.time() - EXPIRE, latest[place][0] if place in latest else 0):
                latest[place] = known.noted, (key, packed)
    kept = [noted for _, noted in latest.values()]
    if len(paths) <= 8 + 2 * (len(kept) // SEGMENT):
        return
    merged = {_write_segment(storage, videos, kept[n : n + SEGMENT]) for n in range(0, len(kept), SEGMENT)}
    for path in set(paths) - merged:
        storage.delete(path)


def cache_folder(videos: Storage) -> str:
    """Return the folder of the notes on a root's sources."""
    return f"{CACHE}/{hashlib.sha256(videos.root.encode()).hexdigest()[:16]}"


def _write_segment(storage: Storage, videos: Storage, noted: Sequence[Noted]) -> str:
    data = msgspec.msgpack.encode(noted)
    path = f"{cache_folder(videos)}/{_digest(data)}"
    storage.put(path, data, durable=False)  # its name tells whether a power cut tore it
    return path


def _read_segment(storage: Storage, path: str) -> list[Noted]:
    try:
        data = storage.read(path)
    except FileNotFoundError:  # merged by another run
        return []
    if _digest(data) != path.rpartition("/")[2]:
        storage.delete(path)
        return []
    return _segment_decoder.decode(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
