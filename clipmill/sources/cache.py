"""Notes on sources from earlier runs, so that a file that did not change is not read again.

    work/cache/<root>/<digest>     a note file: up to `SOURCES_A_FILE` sources of one root; named by a hash of its bytes

A note holds while the file's path, size and stamp are the same. Notes are written during
the run, so a killed run keeps them; of several for a file the latest counts. A note that
no run used for a week is dropped when note files are merged.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from clipmill.content_names import CODEC_EPOCH
from clipmill.messages import CachedProbe, ProbedSource, SourceTask
from clipmill.sources.find import find_source, stat_source
from clipmill.storage import Stat, Storage

CACHE = "work/cache"
#: Raised when the same file and the same question would get another answer.
EPOCH = 5
#: Sources in one note file.
SOURCES_A_FILE = 20_000
#: Seconds: a note that is used is written again when older than `RENEW`; one that is older than `EXPIRE` is dropped.
RENEW, EXPIRE = 3 * 86400, 7 * 86400
#: Clocks of file systems are coarse: a file written less than this many seconds ago may change and keep its stamp.
_SETTLED = 2.0
#: Seconds of notes that a killed run may lose.
_PATIENCE = 30.0
#: A source as its rows name it, and a packed `CachedProbe`.
Noted = tuple[str, msgspec.Raw]
_notes_decoder = msgspec.msgpack.Decoder(list[Noted])
_known_decoder = msgspec.msgpack.Decoder(CachedProbe)


def question(task: SourceTask, at: int) -> str:
    """Return a hash of all that is asked of the file at `task.paths[at]`, 16 hex digits."""
    frames = task.frames
    how = [task.named[at], task.ranges, task.trimmed, task.segment_seconds, task.span_frames]
    if task.min_segment:
        how.append(task.min_segment)
    how += [task.frame_ranges] if task.frame_ranges else []
    how += [task.mask] if task.mask else []
    asked = [EPOCH, CODEC_EPOCH, *how, frames.every, frames.fps, frames.max_frames]
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:16]


def recall(known: Iterable[CachedProbe], path: str, stat: Stat) -> CachedProbe | None:
    """Return the latest note on a file as it is now, None if there is none."""
    same = [k for k in known if (k.source.path, k.source.size, k.source.stamp) == (path, stat.size, stat.stamp)]
    return max(same, key=lambda k: k.noted, default=None)


def recall_source(storage: Storage, task: SourceTask, known: Sequence[CachedProbe]) -> CachedProbe | None:
    """Return the note on a source that did not change and was asked the same question.

    Raises:
        ClipError: it is missing, or cannot be looked at.
    """
    at, stat = find_source(storage, task.paths, task.mask)
    found = recall(known, task.paths[at], stat)
    return found if found is not None and found.asked == question(task, at) else None


class Notes:
    """Collects the notes of one run and writes them every half minute.

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
        """Add the note on a source.

        Args:
            key: the source as its rows name it.
            asked_at: seconds since the epoch, not later than the file was looked at.
        """
        if self._videos.local:
            stat = stat_source(self._videos, source.path, task.mask)
            if stat is None or stat.stamp != source.stamp or stat.modified > asked_at - _SETTLED:
                return
        known = CachedProbe(question(task, task.paths.index(source.path)), int(asked_at), source)
        self._noted.append((key, msgspec.Raw(msgspec.msgpack.encode(known))))
        if len(self._noted) >= SOURCES_A_FILE or time.monotonic() - self._written > _PATIENCE:
            self.write()

    def write(self) -> None:
        """Write the notes collected so far."""
        if self._noted:
            _write_notes(self._storage, self._videos, self._noted)
        self._noted = []
        self._written = time.monotonic()


def read_known(storage: Storage, videos: Storage) -> Iterator[Noted]:
    """Iterate over all notes on a root's sources: (source as its rows name it, packed `CachedProbe`)."""
    for path, _ in storage.list(cache_folder(videos)):
        yield from _read_notes(storage, path)


def merge_note_files(storage: Storage, videos: Storage) -> None:
    """Merge a root's note files once they are many more than needed; drop notes that no run used for a week."""
    paths = [path for path, _ in storage.list(cache_folder(videos))]
    if len(paths) <= 8:
        return
    latest: dict[tuple[str, str], tuple[int, Noted]] = {}
    for path in paths:
        for key, packed in _read_notes(storage, path):
            known = _known_decoder.decode(packed)
            place = key, known.source.path
            if known.noted > max(time.time() - EXPIRE, latest[place][0] if place in latest else 0):
                latest[place] = known.noted, (key, packed)
    kept = [noted for _, noted in latest.values()]
    if len(paths) <= 8 + 2 * (len(kept) // SOURCES_A_FILE):
        return
    merged = {_write_notes(storage, videos, kept[n : n + SOURCES_A_FILE]) for n in range(0, len(kept), SOURCES_A_FILE)}
    for path in set(paths) - merged:
        storage.delete(path)


def cache_folder(videos: Storage) -> str:
    """Return the folder of the notes on a root's sources."""
    return f"{CACHE}/{hashlib.sha256(videos.root.encode()).hexdigest()[:16]}"


def _write_notes(storage: Storage, videos: Storage, noted: Sequence[Noted]) -> str:
    data = msgspec.msgpack.encode(noted)
    path = f"{cache_folder(videos)}/{_digest(data)}"
    storage.put(path, data, durable=False)  # its name, a hash, shows if a power cut damaged it
    return path


def _read_notes(storage: Storage, path: str) -> list[Noted]:
    try:
        data = storage.read(path)
    except FileNotFoundError:  # merged by another run
        return []
    if _digest(data) != path.rpartition("/")[2]:
        storage.delete(path)
        return []
    return _notes_decoder.decode(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
