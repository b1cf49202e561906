"""`windows`: consecutive windows of the same clips, interleaved, each a SequenceExample.

Clips are sorted by length and put into groups of `batch_size`; a group is cut to its shortest clip. Of clips a and b
the records are a-1, b-1, a-2, b-2, ..., so that a plain `TFRecordDataset(...).map(parse).batch(batch_size)` gives
batches where the next batch holds the next frames of the same clips, as a stateful recurrent model needs them.

    context         length height width depth (int64), name (the clip's, without folders and `v_`), frames
    feature lists   Images (a raw uint8 RGB string or a JPEG a frame), Labels (an int64 a frame)

`frames` names the frames of the source: frame0frame5frame10 where every fifth was stored.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import google_crc32c
import numpy as np
import simplejpeg

from clipmill.errors import UsageError
from clipmill.export.base import (
    DataSet,
    ExportFile,
    ExportOptions,
    ExportPlan,
    StoredClip,
    check_one_label,
    cut,
    in_order,
    records_of,
    splits,
)
from clipmill.options import FrameOptions
from clipmill.records import protobuf
from clipmill.records.base import ClipRecord
from clipmill.records.tfrecord import after, before
from clipmill.storage import Storage
from clipmill.storage.concurrent import ahead
from clipmill.video.geometry import Geometry, lay_out, plan_geometry

#: Decoded pixels that are held at once.
_AHEAD = 128 << 20
#: Bytes of a record beside its frames, about.
_CONTEXT = 200


class Windows:
    """SequenceExamples of `sequence_length` frames."""

    name = "windows"
    order = "length"

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan files that hold whole groups.

        Raises:
            UsageError: the clips differ in size and no size was asked for, or they have lists of labels.
        """
        check_one_label(data, options)
        if options.size is None:
            _check_sizes(data.clips)
        files: list[ExportFile] = []
        left_out: list[tuple[str, str]] = []
        for split, clips in splits(data.clips).items():
            groups, without = _grouped(clips, options)
            left_out += without
            sizes = [_group_bytes(group, options) for group in groups]
            runs = cut(list(zip(groups, sizes, strict=True)), sizes, options.shard_bytes)
            for index, run in enumerate(runs):
                name = f"{data.manifest.dataset}-{split}.tfrecord-{index:05d}-of-{len(runs):05d}"
                files.append(ExportFile(name, [c for group, _ in run for c in group], sum(size for _, size in run)))
        return ExportPlan(files, left_out)

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one file, group by group."""
        with dest.writer(file.name) as out:
            for start in range(0, len(file.clips), options.batch_size):
                group = file.clips[start : start + options.batch_size]
                windows = _windows(data, group, options)
                for payload in ahead(_Window.encode, windows, weigh=_Window.nbytes, most=_AHEAD):
                    out.write(b"".join((before(len(payload)), payload, after(google_crc32c.value(payload)))))

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return the label file."""
        return data.label_file()


class _Window(NamedTuple):
    """One record to make.

    Attributes:
        record: of the clip.
        frames: the window's JPEGs.
        numbers: theirs in the source.
        geometry: how they are laid out; None as they are.
        options: of the export.
    """

    record: ClipRecord
    frames: list[memoryview]
    numbers: list[int]
    geometry: Geometry | None
    options: ExportOptions

    def nbytes(self) -> int:
        width, height = _stored_size(self)
        return 3 * width * height * len(self.frames)

    def encode(self) -> bytes:
        width, height = _stored_size(self)
        images = [_image(frame, self) for frame in self.frames]
        label = self.record.label_index
        assert isinstance(label, int), "planned for one label"
        label = label + self.options.first_label if label >= 0 else -1
        name = posixpath.basename(self.record.clip_id).removeprefix("v_")
        text = "".join(f"frame{number}" for number in self.numbers)
        context = b"".join(
            [
                protobuf.entry("length", protobuf.int_feature([len(images)])),
                protobuf.entry("height", protobuf.int_feature([height])),
                protobuf.entry("width", protobuf.int_feature([width])),
                protobuf.entry("depth", protobuf.int_feature([3])),
                protobuf.entry("name", protobuf.bytes_feature([name.encode()])),
                protobuf.entry("frames", protobuf.bytes_feature([text.encode()])),
            ]
        )
        labels = protobuf.feature_list([protobuf.int_feature([label])] * len(images))
        lists = protobuf.entry("Images", protobuf.feature_list([protobuf.bytes_feature([image]) for image in images]))
        return protobuf.delimited(1, context) + protobuf.delimited(2, lists + protobuf.entry("Labels", labels))


def _stored_size(window: _Window) -> tuple[int, int]:
    laid = window.geometry
    return (window.record.width, window.record.height) if laid is None else (laid.width, laid.height)


def _image(jpeg: memoryview, window: _Window) -> bytes:
    raw = window.options.encoding == "raw"
    if not raw and window.geometry is None:
        return bytes(jpeg)
    # As the reader decodes them: the accurate DCT, so that pixels are equal.
    pixels = simplejpeg.decode_jpeg(jpeg, "RGB", fastdct=False, fastupsample=False)
    if window.geometry is not None:
        pixels = lay_out(pixels, window.geometry)
    return np.ascontiguousarray(pixels).tobytes() if raw else bytes(simplejpeg.encode_jpeg(pixels, 95, "RGB", "420"))


def _windows(data: DataSet, group: list[StoredClip], options: ExportOptions) -> Iterator[_Window]:
    """Make the windows of a group, the clips taking turns."""
    read = {clip.clip_id: (record, frames) for clip, record, frames in records_of(data, dict.fromkeys(group))}
    asked = FrameOptions(size=options.size, fit=options.fit)
    length = options.sequence_length
    for number in range(min(clip.frames for clip in group) // length):
        for clip in group:
            record, frames = read[clip.clip_id]
            geometry = None
            if options.size not in (None, (record.width, record.height)):
                geometry = plan_geometry(record.width, record.height, asked)
            part = slice(number * length, (number + 1) * length)
            yield _Window(record, frames[part], record.frame_index[part], geometry, options)


def _grouped(clips: list[StoredClip], options: ExportOptions) -> tuple[list[list[StoredClip]], list[tuple[str, str]]]:
    """Put clips into groups, sorted by length; also return the clips that are in none, and why."""
    length, size = options.sequence_length, options.batch_size
    short = [clip for clip in clips if clip.frames < length]
    left_out = [(clip.clip_id, f"{clip.frames} frames, fewer than --sequence-length {length}") for clip in short]
    clips = in_order([clip for clip in clips if clip.frames >= length], "length", options.seed)
    groups = [clips[start : start + size] for start in range(0, len(clips), size)]
    if groups and len(groups[-1]) < size:
        if options.last == "pad":
            groups[-1] = [groups[-1][number % len(groups[-1])] for number in range(size)]
        else:
            left_out += [(clip.clip_id, f"in the last group, which has fewer than {size}") for clip in groups.pop()]
    if options.order == "random":
        # A group is known by its first clip.
        first = {group[0].clip_id: group for group in groups}
        groups = [first[clip.clip_id] for clip in in_order([g[0] for g in groups], "random", options.seed)]
    return groups, left_out


def _group_bytes(group: list[StoredClip], options: ExportOptions) -> int:
    length = options.sequence_length
    windows = min(clip.frames for clip in group) // length
    total = 0
    for clip in group:
        width, height = options.size or (clip.width, clip.height)
        frame = 3 * width * height if options.encoding == "raw" else clip.nbytes // clip.frames
        total += windows * (length * frame + _CONTEXT)
    return total


def _check_sizes(clips: list[StoredClip]) -> None:
    sizes = Counter((clip.width, clip.height) for clip in clips)
    if len(sizes) > 1:
        (width, height), most = sizes.most_common(1)[0]
        raise UsageError(
            f"clips have {len(sizes)} sizes ({width}x{height}: {most:,} of {len(clips):,}), and the frames of a batch "
            f"must have one: add --size {width}x{height}, and --fit crop, pad or stretch"
        )


FORMATS = {Windows.name: Windows()}
