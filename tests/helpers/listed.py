"""Reads a whole listing, for the tests of listings."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from clipmill import listings
from clipmill.ledger import Failure
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions


class Listed:
    """A listing that was resolved and read: its options, slices, clips, and failures."""

    def __init__(self, *paths, **options):
        self.options = listings.resolve(ListingOptions(tuple(map(str, paths)), **options))
        self.slices = listings.slices(self.options)
        self.items = [item for slice_ in self.slices for item in listings.read_slice(self.options, slice_)]
        if self.options.multi_label:
            self.items = list(listings.merge_all(self.options, self.items))
        rows = [item for item in self.items if isinstance(item, ClipRow)]
        counts: listings.Counts = {}
        for row in rows:
            listings.count_label(self.options, counts, row)
        self.labels = listings.settle_labels(self.options, counts)
        labeller = listings.Labeller(self.options, self.labels)
        self.items = [labeller(item) if isinstance(item, ClipRow) else item for item in self.items]
        self.clips: list[ClipRow] = [item for item in self.items if isinstance(item, ClipRow)]
        self.failures: list[Failure] = [item for item in self.items if isinstance(item, Failure)]
        self.by_id = {clip.clip_id: clip for clip in self.clips}

    def candidates(self, clip_id):
        return list(listings.candidates(self.options, self.by_id[clip_id]))

    def splits(self):
        strata = Counter(stratum for clip in self.clips for stratum in listings.strata(self.options, clip))
        cuts = listings.draw_splits(self.options, ((*stratum, clips) for stratum, clips in strata.items()))
        return {clip.clip_id: listings.assign_split(self.options, clip, cuts) for clip in self.clips}

    def classes(self):
        return self.labels.names


def touch(root: Path, *names: str) -> Path:
    """Make empty files."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def write(path: Path, text: str | bytes) -> Path:
    """Write a file as it stands, line ends included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
