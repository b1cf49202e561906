"""The options of a build, as frozen values that are sent to every worker."""

from __future__ import annotations

import msgspec

from clipmill.layout import MULTI_LABEL, OWN, RAW

#: What a column of a table can be.
COLUMN_ROLES = (
    *("path", "label", "number", "split", "start", "end", "duration", "group", "id"),
    *("start_frame", "end_frame"),
)


class ListingOptions(msgspec.Struct, frozen=True):
    """Which clips. Paths are absolute or URLs.

    Attributes:
        listings: files or folders, globs already expanded.
        roots: folders where relative paths start, tried in this order; none means each listing's own folder.
        videos: the folder that holds all roots, to which every path is relative on its way;
            None until `clipmill.listings.resolve` fills it in.
        allow_outside: rows may name files outside of the roots.
        format: a name of `clipmill.listings`, or "auto".
        fold: official fold whose splits the records take, from 1.
        splits: shares by name for a random split, empty for the listing's own.
        split_by: "group", "clip", or "similar": groups, and clips that show the same.
        seed: of the random split.
        include: glob that source paths must match, or None.
        class_every: keep every K-th class.
        limit: the most clips to take, spread over classes and splits; None for all.
        labels: file of classes that pins the numbering, or None.
        columns: name of the column for a role of `COLUMN_ROLES`; "" for none.
        multi_label: rows that name a clip again give it further labels, and a cell may hold several.
        label_separator: what parts the labels in a cell, "" if nothing does; None where their own signs tell.
        label_lists: every clip has a list of labels; `clipmill.listings.resolve` fills it in.
        images: in a tree of folders, whether images are clips, or frames of clips: where there are videos they are
            pictures of these. `clipmill.listings.resolve` fills it in.
        record_columns: the further columns that records hold, and their types: `caption=text,views=int64`; "" for none.
    """

    listings: tuple[str, ...]
    roots: tuple[str, ...] = ()
    videos: str | None = None
    allow_outside: bool = False
    format: str = "auto"
    fold: int = 1
    splits: dict[str, float] = {}
    split_by: str = "group"
    seed: int = 0
    include: str | None = None
    class_every: int = 1
    limit: int | None = None
    labels: str | None = None
    columns: dict[str, str] = {}
    multi_label: bool = False
    label_separator: str | None = None
    label_lists: bool = False
    images: bool = False
    record_columns: str = ""

    @property
    def starts(self) -> tuple[str, ...]:
        """The roots, relative to `videos`; "" for `videos` itself."""
        videos = (self.videos or "").rstrip("/")
        return tuple(root[len(videos) :].strip("/") for root in self.roots) or ("",)

    def from_root(self, path: str) -> str:
        """Return a path relative to the root that holds it, as the clip table has it."""
        start = next((start for start in self.starts if not start or path.startswith(start + "/")), "")
        return path[len(start) :].lstrip("/") if start else path

    @property
    def draws_similar(self) -> bool:
        """Whether splits are drawn when all clips have signatures; until then clips have those by group."""
        return bool(self.splits) and self.split_by == "similar"

    @property
    def chooses(self) -> bool:
        """Whether only some of the rows are taken."""
        return self.include is not None or self.class_every > 1 or self.limit is not None


class FrameOptions(msgspec.Struct, frozen=True):
    """Which frames, and how they look: with the source and its time range, all that changes pixels.

    Attributes:
        every: keep decoded frames 0, K, 2K, ...
        fps: resample to this many frames per second by timestamp; None keeps the source's.
        max_frames: keep only this many first frames; None for all.
        short_side: shrink so that the shorter side has this many pixels; never enlarges.
        size: exact (width, height) in pixels, instead of short_side.
        fit: with `size`, "crop", "pad" or "stretch".
        quality: libjpeg's, 1 to 100; None for the promise of `clipmill.video.fidelity`.
        encoding: "jpeg"; of images with masks also "png" or "raw".
        deinterlace: frames that are marked as interlaced are deinterlaced (`clipmill.video.deinterlace`).
    """

    every: int = 1
    fps: float | None = None
    max_frames: int | None = None
    short_side: int | None = None
    size: tuple[int, int] | None = None
    fit: str = "crop"
    quality: int | None = None
    encoding: str = "jpeg"
    deinterlace: bool = False


class Budget(msgspec.Struct, frozen=True):
    """How many videos may be absent or fail: a count, or a share of the listing's.

    Attributes:
        count: the most, if set.
        share: else at most this share of all.
        least: the limit is never below this.
    """

    count: int | None = None
    share: float = 0.01
    least: int = 0

    def limit(self, videos: int) -> int:
        """Return how many of this number of videos may be lost."""
        # 29 % of 100 are 28.999999999999996 as floats.
        return self.count if self.count is not None else max(self.least, int(self.share * videos + 1e-6))


class BuildOptions(msgspec.Struct, frozen=True):
    """All options of a build.

    Attributes:
        listing, frames: which clips, which frames.
        out: root of the output.
        run: id of this run.
        min_frames: shorter clips are too_short.
        segment_seconds: cut every clip into consecutive ones of this many seconds.
        min_segment: leave out a last segment that is shorter than this share of segment_seconds, 0 to 1.
        trimmed: "auto", "yes" or "no": whether files hold just their row's range.
        schema: of the records.
        sort: "length" or "random".
        shard_bytes: target size of a shard.
        hosts: training hosts that each want at least ten shards; makes shards smaller.
        name: of the data set.
        renumber: published labels may change.
        rehash: sources are read again, even if notes say that they did not change.
        workers: children of each Beam worker process.
        timeout: seconds for one clip, or span of one.
        strict_splits: publish no version in which two splits share frames.
        signatures: make the signatures of clips, and keep them and the pairs that show the same with the version.
        max_missing, max_failures: the two budgets of the listing's videos.
        max_change: how many published clips may go or change; None for all, where it comes to a build's graph.
        span_frames: long clips are cut into spans of about this many frames; 0 for never.
        tell_seconds: how often a worker writes its counters to the run's folder; 0 for never.
    """

    listing: ListingOptions
    out: str
    run: str
    frames: FrameOptions = FrameOptions()
    min_frames: int = 1
    segment_seconds: float | None = None
    min_segment: float = 0.0
    trimmed: str = "auto"
    schema: str = "tfds"
    sort: str = "length"
    shard_bytes: int = 256 << 20
    hosts: int | None = None
    name: str = "clips"
    renumber: bool = False
    rehash: bool = False
    workers: int = 1
    timeout: float = 600.0
    strict_splits: bool = False
    signatures: bool = False
    max_missing: Budget = Budget()
    max_failures: Budget = Budget(least=3)
    max_change: Budget | None = None
    span_frames: int = 1500
    tell_seconds: float = 0.0

    @property
    def signs(self) -> bool:
        """Whether signatures of all clips are made."""
        return self.signatures or self.listing.draws_similar

    @property
    def record_schema(self) -> str:
        """Name of the schema of the records: with their further columns, and of which variant."""
        raw = RAW if self.frames.encoding == "raw" else ""
        columns = self.listing.record_columns
        # A schema of one's own says by itself which columns it holds.
        declared = f":{columns}" if columns and not self.schema.startswith(OWN) else ""
        return self.schema + raw + declared + (MULTI_LABEL if self.listing.label_lists else "")

    @property
    def videos(self) -> str:
        """Root of the sources; known once the listing is resolved."""
        assert self.listing.videos is not None, "the listing was not resolved"
        return self.listing.videos
