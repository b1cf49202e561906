"""The parts that all exports share: choosing and ordering clips, and planning files before a byte is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import msgspec

from clipmill.errors import StorageError, UsageError
from clipmill.layout import LABELS, Label, LabelIndex, Manifest, shard_path, split_order
from clipmill.records import get_schema
from clipmill.records.base import ClipRecord
from clipmill.records.tfrecord import AFTER, BEFORE, check_record
from clipmill.storage import Storage


class ExportOptions(msgspec.Struct, frozen=True):
    """The options of an export; all of them decide its bytes.

    Attributes:
        to: name of the format.
        split: only this split; None for all.
        order: "length" (frames, then clip id) or "random"; None is the format's own choice.
        seed: of the random order.
        shard_bytes: size of a file to aim at.
        sequence_length: frames of a window.
        batch_size: clips that take turns in the records of a group.
        first_label: added to every label of a window.
        encoding: of the frames of windows, "raw" or "jpeg".
        last: "drop" leaves out the last incomplete group, "pad" fills it up with its own clips.
        size: (width, height) in pixels to which frames of windows are brought; None keeps theirs.
        fit: with `size`, "crop", "pad" or "stretch".
        one_video: store a clip as one Motion JPEG video rather than as an image a frame.
        record_columns: the further columns that records hold, as in `ListingOptions`.
    """

    to: str
    split: str | None = None
    order: str | None = None
    seed: int = 0
    shard_bytes: int = 256 << 20
    sequence_length: int = 16
    batch_size: int = 1
    first_label: int = 0
    encoding: str = "raw"
    last: str = "drop"
    size: tuple[int, int] | None = None
    fit: str = "crop"
    one_video: bool = False
    record_columns: str = ""


class StoredClip(NamedTuple):
    """One row of the clip table, as far as exports need it.

    Attributes:
        clip_id, split, label_text: text.
        label_index: into the labels, -1 unlabelled; a tuple, as label_text is, where clips have lists of labels.
        frames, width, height: of the stored clip.
        nbytes: of all its encoded frames.
        shard, offset, length: where its record is.
        further: the listing's own columns that the export puts into records, and their texts, where they have one.
    """

    clip_id: str
    split: str
    label_index: LabelIndex
    label_text: Label
    frames: int
    width: int
    height: int
    nbytes: int
    shard: str
    offset: int
    length: int
    further: tuple[tuple[str, str], ...] = ()


#: The columns of clips.parquet that make a `StoredClip`, in its order, but for the further ones.
COLUMNS = ["clip_id", "split", "label_index", "label_text", "frames", "width", "height", "bytes"]
COLUMNS += ["shard", "offset", "length"]


class DataSet(NamedTuple):
    """The version that is exported.

    Attributes:
        storage: the output that holds it.
        manifest: of the version.
        labels: names of the classes, in the order of their indices.
        clips: the rows of its clip table that are exported.
    """

    storage: Storage
    manifest: Manifest
    labels: list[str]
    clips: list[StoredClip]

    def stored(self, clip: StoredClip) -> tuple[bytes, bytes, bytes]:
        """Read a clip's record as it is stored: what stands before its data, the data, and what stands after it.

        Raises:
            DataError: the record is damaged.
            StorageError: it cannot be read.
        """
        path = shard_path(clip.shard)
        at = (clip.offset, clip.offset + BEFORE, clip.offset + clip.length - AFTER, clip.offset + clip.length)
        # In three parts, since the data of a record that is read in one would have to be copied out of it.
        head, payload, tail = self.storage.read_ranges(path, list(pairwise(at)))
        check_record(head, payload, tail, f"{self.storage.root}/{path}", clip.offset)
        return head, payload, tail

    def read(self, clip: StoredClip) -> tuple[ClipRecord, list[memoryview]]:
        """Read a clip's record: what it says, and its encoded frames.

        Raises:
            DataError: the record is damaged.
            StorageError: it cannot be read.
        """
        _, payload, _ = self.stored(clip)
        record, frames = get_schema(self.manifest.schema).parse(payload)
        if not self.manifest.adopted:
            return record, frames
        # The clip table says what records of others may not: ids, classes, sizes.
        known = {name: getattr(clip, name) for name in ("clip_id", "label_index", "label_text", "width", "height")}
        return msgspec.structs.replace(record, dataset=self.manifest.dataset, **known), frames

    def label_file(self) -> dict[str, bytes]:
        """Return the name and bytes of a file with one class a line."""
        return {LABELS: "".join(f"{label}\n" for label in self.labels).encode()}


class ExportFile(NamedTuple):
    """One file to write, or several that belong together.

    Attributes:
        name: relative to the destination; of several, that of the last one written.
        clips: what goes into it, in order.
        nbytes: about how large it will be.
    """

    name: str
    clips: list[StoredClip]
    nbytes: int


class ExportPlan(NamedTuple):
    """What an export will write.

    Attributes:
        files: in order.
        left_out: (clip id, why) of clips that cannot be in it.
    """

    files: list[ExportFile]
    left_out: list[tuple[str, str]]


class ExportFormat(Protocol):
    """One format of files, for other readers."""

    name: str
    #: The default order of clips.
    order: str

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan the files.

        Raises:
            UsageError: the data set cannot be exported in this format.
        """

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one file, whole or not at all."""

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return the small files beside the others, by name."""


def check_one_label(data: DataSet, options: ExportOptions) -> None:
    """Check that clips have one label at most, for a format that cannot hold several.

    Raises:
        UsageError: they have lists of labels.
    """
    if data.manifest.multi_label:
        raise UsageError(
            f"--to {options.to} has one label for each clip, and the clips of this data set have lists of them: use "
            "frames, webdataset, parquet, tfds, mediaseq or frames-example"
        )


def in_order(clips: Iterable[StoredClip], order: str, seed: int) -> list[StoredClip]:
    """Return clips sorted by (frames, clip id), or shuffled by a hash of seed and clip id."""
    if order == "length":
        return sorted(clips, key=lambda clip: (clip.frames, clip.clip_id))
    return sorted(clips, key=lambda clip: hashlib.sha256(f"{seed}\0{clip.clip_id}".encode()).digest())


def splits(clips: Iterable[StoredClip]) -> dict[str, list[StoredClip]]:
    """Group clips by split; train, val and test first."""
    found: dict[str, list[StoredClip]] = {}
    for clip in clips:
        found.setdefault(clip.split, []).append(clip)
    return dict(sorted(found.items(), key=lambda item: split_order(item[0])))


def cut(items: Sequence[Any], sizes: Sequence[int], target: int) -> list[list[Any]]:
    """Cut a sequence into parts of about `target` bytes each; none is empty."""
    count = max(1, round(sum(sizes) / target))
    each = sum(sizes) / count
    runs: list[list[Any]] = [[]]
    total = 0.0
    for item, size in zip(items, sizes, strict=True):
        if runs[-1] and total + size / 2 > each * len(runs):
            runs.append([])
        runs[-1].append(item)
        total += size
    return [run for run in runs if run]


def by_split(
    data: DataSet, options: ExportOptions, order: str, pattern: str, size: Any = lambda clip: clip.nbytes
) -> ExportPlan:
    """Plan files of about `shard_bytes` for each split.

    Args:
        order: the format's default order of clips.
        pattern: of the file names, with {split}, {index} and {count}.
        size: about how many bytes a clip takes.
    """
    files = []
    for split, clips in splits(data.clips).items():
        clips = in_order(clips, options.order or order, options.seed)
        runs = cut(clips, [size(clip) for clip in clips], options.shard_bytes)
        for index, run in enumerate(runs):
            name = pattern.format(dataset=data.manifest.dataset, split=split, index=index, count=len(runs))
            files.append(ExportFile(name, run, sum(size(clip) for clip in run)))
    return ExportPlan(files, [])


def records_of(data: DataSet, clips: Iterable[StoredClip]) -> Iterator[tuple[StoredClip, ClipRecord, list[memoryview]]]:
    """Read clips one after the other.

    Raises:
        StorageError: a record does not hold the frames that the clip table says.
    """
    for clip in clips:
        record, frames = data.read(clip)
        if len(frames) != clip.frames:
            raise StorageError(
                f"{clip.clip_id}: its record holds {len(frames)} frames, the clip table says {clip.frames}; "
                f"see: clipmill verify {data.storage.root}"
            )
        yield clip, record, frames
