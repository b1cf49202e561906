"""What earlier runs left in the output: notes on videos, and clips that are in shards."""

from __future__ import annotations

import msgspec

from clipmill.dataset.reuse import published_spans, waiting_spans
from clipmill.layout import current_version
from clipmill.messages import CachedProbe, SpanDone
from clipmill.options import BuildOptions
from clipmill.sources.cache import read_known
from clipmill.storage import open_storage


class LeftBehind:
    """Reads all of it at once, since each is looked up by another key than it is stored by."""

    def __init__(self, options: BuildOptions) -> None:
        storage = open_storage(options.out)
        self._notes: dict[str, list[msgspec.Raw]] = {}
        for video, packed in () if options.rehash else read_known(storage, open_storage(options.videos)):
            self._notes.setdefault(video, []).append(packed)
        base = current_version(storage)
        self._clips = dict(waiting_spans(storage, options.record_schema))
        self._clips |= published_spans(storage, base) if base else ()

    def notes_on(self, video: str) -> list[CachedProbe]:
        """Return the notes on a video, as its rows name it."""
        return [msgspec.msgpack.decode(packed, type=CachedProbe) for packed in self._notes.get(video, ())]

    def clip(self, clip_key: str) -> SpanDone | None:
        """Return where the frames of a clip are, if a shard has them."""
        return self._clips.get(clip_key)
