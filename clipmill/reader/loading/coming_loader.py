"""Loading clips that are made as they are asked for."""

from __future__ import annotations

import contextlib

from clipmill.errors import DataError, UsageError
from clipmill.reader.access.frame_ranges import ReadRanges
from clipmill.reader.coming import Coming, ComingClip, LengthChanged
from clipmill.reader.loading.loader import Loader, ReadClip
from clipmill.reader.loading.recipe import ClipRequest, View

#: A size at which every crop fits: which frames a view picks does not depend on it.
_ROOM = 1 << 16


class ComingLoader(Loader):
    """Loads clips of a listing, which are decoded from their videos first. Lengths and sizes are those of the clips."""

    def views(self, request: ClipRequest) -> list[View]:
        """Draw the views of a clip, once its length is known."""
        return self.read(request).views

    def read(self, request: ClipRequest, read: ReadRanges | None = None) -> ReadClip:
        """Wait for a clip, draw and read it.

        Raises:
            DataError: it could not be made, or its fragment is damaged.
            UsageError: its frames have another size than those of the batch.
        """
        row = int(self.clips.rows[request.clip])
        while True:
            clip = self._coming.clip(row, whole=self.recipe.sampler.timed)
            try:
                return self._read(request._replace(frames=clip.frames), clip)
            except LengthChanged:
                continue

    def _read(self, request: ClipRequest, clip: ComingClip) -> ReadClip:
        times = clip.facts().times if self.recipe.sampler.timed else None
        height, width = clip.size or (_ROOM, _ROOM)
        views = self.draw(request._replace(height=height, width=width), times)
        needs_facts = "frame_index" in self.fields or "timestamp" in self.fields
        stored = clip.read(self._wanted(views), needs_facts)
        if clip.size is None:
            return ReadClip(request, views, stored)  # no frame was asked for
        request = request._replace(height=clip.size[0], width=clip.size[1])
        if self.decode and self.size is not None and self.recipe.size([clip.size]) != self.size:
            raise UsageError(
                f"{request.clip_id}: its frames have {clip.size[1]}x{clip.size[0]} pixels, unlike those of other "
                "clips: end augment with a step of fixed size, such as RandomResizedCrop, or build with size="
            )
        return ReadClip(request, self.draw(request, times), stored)

    def _size_of(self, clip: int) -> tuple[int, int]:
        # A clip that cannot be made fails where it is read, not here.
        with contextlib.suppress(DataError):
            size = self._coming.clip(int(self.clips.rows[clip]), whole=True).size
            return self.recipe.size([size])
        return (1, 1)

    @property
    def _coming(self) -> Coming:
        coming = self.clips.table.coming
        assert coming is not None
        return coming
