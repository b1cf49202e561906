"""The small typed rows that travel through the graph, packed as arrays of 100 to 200 bytes; never pixels."""

from __future__ import annotations

import msgspec

from clipmill.layout import Label, LabelIndex, LabelNumber, ShardEntry
from clipmill.options import FrameOptions


class ClipRow(msgspec.Struct, frozen=True, array_like=True):
    """One clip as the listing gives it.

    Attributes:
        clip_id: unique in the data set.
        video: as the listing names it: its path relative to the root, with "/", or what the
            format's `candidates` turns into paths. `Clip.source` is the path where it was found.
        split: train, val, test, ... ("" where nothing gives one: the default applies).
        label: as the row has it, then (`listings.labels`) the class's name, None for none; of lists of labels a tuple.
        label_number: the listing's own number for the class, if it has one; for each of a tuple.
        group: a split never divides the clips of one group (UCF's v_X_gNN, the source video).
        start, end: the time range in seconds, half open; None where not given.
        folds: the split in official fold 1, 2, 3, ... ("" where the clip is in none).
        listing, row: where the row is; row is the line from 1, 0 in a folder.
        extra: the listing's own further columns, as text.
        frame_range: (first, end) in numbers of the file's frames from 0, half open, in place of start and end, which
            it becomes once the file is known; None for an open end, and for no such range.
    """

    clip_id: str
    video: str
    split: str
    label: Label | None
    label_number: LabelNumber
    group: str | None
    start: float | None
    end: float | None
    folds: tuple[str, ...]
    listing: str
    row: int
    extra: dict[str, str]
    frame_range: tuple[int | None, int | None] | None = None


class Span(msgspec.Struct, frozen=True, array_like=True):
    """The part of a clip that one decoder makes. Frame numbers count the file's frames.

    Attributes:
        number, of: which part of how many.
        first, last: frames to deliver, half open; last is None for "to the end of the file".
        clip_first: the clip's first frame.
        zero: when that frame is shown, in microseconds from the file's first frame.
        until: when frame `last` is shown; None if there is none.
        seek: timestamp (in the stream's units) of the key frame to begin at; None for the file's start.
        seek_frame: the number of that key frame.
        origin: timestamp of the file's first frame; None where nothing is proven.
    """

    number: int = 0
    of: int = 1
    first: int = 0
    last: int | None = None
    clip_first: int = 0
    zero: int = 0
    until: int | None = None
    seek: int | None = None
    seek_frame: int = 0
    origin: int | None = None


#: Decode all frames from the file's start, without a proof of what there is.
WHOLE = Span()


class SourceTask(msgspec.Struct, frozen=True, array_like=True):
    """One source to resolve.

    Attributes:
        paths: where it may be, relative to the root, most likely first.
        named: for each path and each row, whether the path's name carries the row's times.
        ranges: (start, end) in seconds of each row that names it.
        trimmed: "auto", "yes" or "no".
        segment_seconds: cut each range into consecutive clips of this many seconds; None to not cut.
        span_frames: cut longer clips into spans of about this many frames; 0 to never cut.
        frames: what is asked of the frames.
        min_segment: leave out a range's last segment if it is shorter than this share of segment_seconds.
        frame_ranges: (first, end) of each row that asks for a range of frames in place of seconds; [] if none does.
        mask: of an image with a mask, the path of the mask.
    """

    paths: list[str]
    named: list[list[bool]]
    ranges: list[tuple[float | None, float | None]]
    trimmed: str
    segment_seconds: float | None
    span_frames: int
    frames: FrameOptions
    min_segment: float = 0.0
    frame_ranges: list[tuple[int | None, int | None] | None] = []
    mask: str = ""


class SourceClip(msgspec.Struct, frozen=True, array_like=True):
    """One clip of a source.

    Attributes:
        row: which of the task's ranges it comes from.
        segment: its number within the row, None where the row is one clip.
        decode_start, decode_end: what to decode, seconds; both None for the whole file.
        trimmed: whether the file was taken as cut to the row's range already; None where the row has no times.
        spans: how to decode it; empty where there is a problem.
        problem: (reason, message), or None.
    """

    row: int
    segment: int | None
    decode_start: float | None
    decode_end: float | None
    trimmed: bool | None
    spans: list[Span]
    problem: tuple[str, str] | None = None


class ProbedSource(msgspec.Struct, frozen=True, array_like=True):
    """What probing a source found.

    Attributes:
        path: relative to the root.
        size, stamp: see `clipmill.storage.Stat`.
        fingerprint: SHA-256 of its bytes, hex.
        duration: seconds, as the container has it; None where it does not.
        fps, width, height: as the container has them.
        clips: what is to be made of it.
        failure: (reason, message) where the file is no video.
        pixel_aspect, hdr: see `clipmill.video.left_alone`.
    """

    path: str
    size: int
    stamp: str
    fingerprint: str
    duration: float | None
    fps: float
    width: int
    height: int
    clips: list[SourceClip]
    failure: tuple[str, str] | None = None
    pixel_aspect: float | None = None
    hdr: bool = False


class CachedProbe(msgspec.Struct, frozen=True, array_like=True):
    """A note: what an earlier run found of a source.

    Attributes:
        asked: a hash of what was asked (`clipmill.sources.cache.question`).
        noted: when, in seconds since the epoch.
        source: the answer.
    """

    asked: str
    noted: int
    source: ProbedSource


class SourceRows(msgspec.Struct, frozen=True, array_like=True):
    """The rows of one source.

    Attributes:
        video: as the rows name it.
        rows: one for each time range.
        known: what earlier runs found of it, if anything.
        found: the path of a file that has its name, where it is not where the rows say; "" if it is.
    """

    video: str
    rows: list[ClipRow]
    known: list[CachedProbe]
    found: str = ""


class ClipSample(msgspec.Struct, frozen=True, array_like=True):
    """What sampling one clip found, for estimates.

    Attributes:
        problem: the reason why there is no such clip, or "".
        frames, pixels: frames that it will have, and pixels of each.
        bytes_per_frame, spread: of its JPEGs, and the standard error of that; 0 where none was encoded.
        smaller: bytes per frame with the shorter side shrunk to `clip_estimate.SMALLER`; 0 where not measured.
        seconds_per_frame: CPU seconds of decoding and encoding for each stored frame.
    """

    problem: str = ""
    frames: float = 0.0
    pixels: int = 0
    bytes_per_frame: float = 0.0
    spread: float = 0.0
    smaller: float = 0.0
    seconds_per_frame: float = 0.0


class ResolvedClip(msgspec.Struct, frozen=True, array_like=True):
    """One clip to be made: what the listing says of it, and which pixels it has.

    Attributes:
        row: as the listing gave it, with its final id and split.
        label_index: into label.labels.txt, -1 unlabelled; of each of a list.
        fingerprint: SHA-256 of the source's bytes, hex.
        whole: how to decode it as one span; names the pixels and the path where the video was found.
        trimmed: whether the file was taken as cut to the row's range already; None where the row has no times.
        of: how many clips its video was asked for.
        pixel_aspect, hdr: see `ProbedSource`.
    """

    row: ClipRow
    label_index: LabelIndex
    fingerprint: str
    whole: ClipTask
    trimmed: bool | None = None
    of: int = 1
    pixel_aspect: float | None = None
    hdr: bool = False


class ClipTask(msgspec.Struct, frozen=True, array_like=True):
    """One span of one clip to decode.

    Attributes:
        clip_key: see `clipmill.content_names.clip_key`.
        path, mask: of the source, and of an image with a mask that mask; relative to the root.
        stamp: of the source when it was fingerprinted; another one means it changed.
        decode_start, decode_end: the range to keep, in seconds from the container's start; None for no bound.
        span, size: the part to make; bytes of the source.
    """

    clip_key: str
    path: str
    stamp: str
    decode_start: float | None
    decode_end: float | None
    span: Span = WHOLE
    mask: str = ""
    size: int = 0


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """Encoded frames in the output's storage: a fragment, or a record of a published shard.

    Attributes:
        path, schema: of the fragment, the pack that holds it, or the shard; of the record, "" for a fragment.
        offset, length: of the record in the shard, framing included, or of the fragment in a pack; else 0, 0.
    """

    path: str
    schema: str = ""
    offset: int = 0
    length: int = 0


class SpanDone(msgspec.Struct, frozen=True, array_like=True):
    """The result of decoding a span, or of finding its frames.

    Attributes:
        clip_key, number, of: which span of which clip.
        piece: where its frames are.
        nbytes, width, height, fps: of its frames, as stored.
        bad_packets: skipped while decoding.
        digest: the clip's digest where the span is the whole clip, else "".
        inexact: decoding did not match the proof: the clip must be decoded as one span.
        failure: (reason, message) if there is no such clip.
        duration: seconds that the clip is shown, where the span is the whole clip.
    """

    clip_key: str
    number: int
    of: int
    piece: Piece
    frames: int = 0
    nbytes: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    bad_packets: int = 0
    digest: str = ""
    inexact: bool = False
    failure: tuple[str, str] | None = None
    duration: float = 0.0


class Clip(msgspec.Struct, frozen=True, array_like=True):
    """One clip of the new version: what the listing says, what decoding gave, where its frames are.

    Up to `bad_packets` these are columns of clips.parquet. Unlabelled clips have the index -1 and the text ""; of lists
    both are tuples. Then come its bytes, its pieces, whether others share them; one more column; whether it is HDR.
    """

    clip_id: str
    split: str
    folds: tuple[str, ...]
    label_index: LabelIndex
    label_text: Label
    label_source: LabelNumber
    group: str | None
    source: str
    start: float | None
    end: float | None
    trimmed: bool | None
    fingerprint: str
    clip_key: str
    digest: str
    frames: int
    width: int
    height: int
    fps: float
    duration: float
    bad_packets: int
    extra: dict[str, str]
    nbytes: int
    pieces: list[Piece]
    shared: bool
    pixel_aspect: float | None = None
    hdr: bool = False


class ShardPlan(msgspec.Struct, frozen=True, array_like=True):
    """A shard to write.

    Attributes:
        split, band, number: its place in the data set: which shard of which band of the split, from 0.
        shard: its id.
        digest: of its rows in the clip table.
        clips: in order.
    """

    split: str
    band: int
    number: int
    shard: str
    digest: str
    clips: list[Clip]


class ShardDone(msgspec.Struct, frozen=True, array_like=True):
    """A shard that is in the output.

    Attributes:
        shard, entry: its id, and what the manifest says of it.
        places: where each record lies: (offset, length, first frame's place in .frames).
    """

    shard: str
    entry: ShardEntry
    places: list[tuple[int, int, int]]


class ShardWritten(msgspec.Struct, frozen=True, array_like=True):
    """A shard that is in the output, and where its part of the clip table waits to be published.

    Attributes:
        split, band, number: its place in the data set.
        shard, entry: its id, and what the manifest says of it.
        digest: of its rows in the clip table.
        part: path of its part of the clip table.
        columns: the listing's own columns in it.
        trimmed, ranged: how many of its clips have times and a file that was already cut to them, or is longer.
        oblong, hdr, hdr_first: how many of its clips have pixels that are not square, or are HDR; some ids of those.
        shared: fragments that other shards need too; they are removed when all shards are written.
    """

    split: str
    band: int
    number: int
    shard: str
    digest: str
    entry: ShardEntry
    part: str
    columns: list[str]
    trimmed: int
    ranged: int
    shared: list[str]
    oblong: int = 0
    hdr: int = 0
    hdr_first: list[str] = []


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """Whether the run goes on. A closed gate empties the plan; it does not raise, since a cluster would retry.

    Attributes:
        code: 0, or the exit code of the run.
        message: why it does not, for a person.
    """

    code: int = 0
    message: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the run goes on."""
        return self.code == 0
