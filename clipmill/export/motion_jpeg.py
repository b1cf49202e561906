"""`mjpeg`: an MP4 for each clip that holds its JPEGs as a Motion JPEG stream, which DALI decodes on the CPU."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction

from clipmill.errors import MissingExtra
from clipmill.export.base import (
    DataSet,
    ExportFile,
    ExportOptions,
    ExportPlan,
    check_one_label,
    in_order,
    records_of,
    splits,
)
from clipmill.export.frame_folders import clip_path
from clipmill.records.base import ClipRecord
from clipmill.storage import Storage

#: Timestamps of records are in microseconds; MP4's own clock can be the same.
_MICROSECONDS = Fraction(1, 1_000_000)


class MotionJpeg:
    """One video a clip, no frame decoded or encoded."""

    name = "mjpeg"
    order = "length"

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan a file for each clip.

        Raises:
            UsageError: clips have lists of labels, and a `file_list` of DALI has one for each.
        """
        check_one_label(data, options)
        files = []
        for clips in splits(data.clips).values():
            for clip in in_order(clips, options.order or self.order, options.seed):
                files.append(ExportFile(f"{clip_path(clip)}.mp4", [clip], clip.nbytes))
        return ExportPlan(files, [])

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one video."""
        for _, record, frames in records_of(data, file.clips):
            dest.put(file.name, to_mp4(record, frames))

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return a list of path and label for each split, as DALI's `file_list` reads it, and the label file."""
        lists: dict[str, list[str]] = {}
        for file in plan.files:
            (clip,) = file.clips
            lists.setdefault(clip.split, []).append(f"{file.name} {clip.label_index}\n")
        files = {f"{split}.txt": "".join(lines).encode() for split, lines in lists.items()}
        return files | data.label_file()


def to_mp4(record: ClipRecord, frames: Sequence[memoryview]) -> bytes:
    """Put JPEGs into an MP4 as they are.

    Args:
        record: says how large they are and when each is shown.
        frames: whole JPEGs, in order.

    Raises:
        MissingExtra: PyAV is not installed.
    """
    try:
        # Loaded late: libav belongs to the [build] extra, and no other export needs it.
        import av
    except ImportError:
        raise MissingExtra("clipmill export with videos", "build") from None
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_mux_stream("mjpeg", rate=_rate(record.fps), width=record.width, height=record.height)
        stream.time_base = _MICROSECONDS
        ends = [*record.timestamps[1:], record.timestamps[-1] + round(1e6 / record.fps)]
        for frame, start, end in zip(frames, record.timestamps, ends, strict=True):
            packet = av.Packet(bytes(frame))
            packet.stream = stream
            packet.time_base = _MICROSECONDS
            packet.pts = packet.dts = start
            packet.duration = end - start
            packet.is_keyframe = True
            container.mux(packet)
    return file.getvalue()


def _rate(fps: float) -> Fraction:
    return Fraction(fps).limit_denominator(100_000)


FORMATS = {MotionJpeg.name: MotionJpeg()}
