"""`webdataset`: tar files that webdataset and Hugging Face's datasets stream.

    KEY.0000.jpg KEY.0001.jpg ... KEY.json      a clip; its members stand together
    KEY.mp4 KEY.json                            with --one-video

KEY is the clip id with "%" before the hex code of each byte that is not a letter, digit, "_", "-", "~" or "/":
readers end a key at its first dot. `urllib.parse.unquote` gives the id back; the JSON holds it, too.
"""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from clipmill.errors import UsageError
from clipmill.export.base import DataSet, ExportFile, ExportOptions, ExportPlan, by_split, records_of
from clipmill.export.motion_jpeg import to_mp4
from clipmill.export.tar import Tar
from clipmill.records.base import ClipRecord
from clipmill.storage import Storage

#: Digits of a frame's number; more frames than that would not sort.
_DIGITS = 4


class WebDataset:
    """Tar files of JPEGs, or of one Motion JPEG video a clip."""

    name = "webdataset"
    order = "random"

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan tar files of about `shard_bytes`.

        Raises:
            UsageError: a clip has more frames than names have digits.
        """
        longest = max(data.clips, key=lambda clip: clip.frames, default=None)
        if longest is not None and longest.frames > 10**_DIGITS and not options.one_video:
            raise UsageError(
                f"{longest.clip_id} has {longest.frames:,} frames, more than a name of {_DIGITS} digits can count: "
                "use --one-video, or build with --segment-seconds"
            )
        return by_split(data, options, self.order, "{dataset}-{split}-{index:05d}.tar", _tar_bytes)

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one tar file."""
        with dest.writer(file.name) as out:
            tar = Tar(out)
            for clip, record, frames in records_of(data, file.clips):
                key = quote(clip.clip_id, safe="/").replace(".", "%2E")
                for suffix, content in self.members(data, options, record, frames):
                    tar.add(f"{key}.{suffix}", content)
                tar.add(f"{key}.json", msgspec.json.encode(record))
            tar.close()

    def members(
        self, data: DataSet, options: ExportOptions, record: ClipRecord, frames: Sequence[memoryview]
    ) -> Sequence[tuple[str, bytes | memoryview]]:
        """Return the suffix and the bytes of each file of a clip but the JSON."""
        if options.one_video:
            return [("mp4", to_mp4(record, frames))]
        return [(f"{number:0{_DIGITS}d}.jpg", frame) for number, frame in enumerate(frames)]

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return the label file."""
        return data.label_file()


def _tar_bytes(clip: object) -> int:
    frames, nbytes = clip.frames, clip.nbytes  # type: ignore[attr-defined]
    return int(nbytes + frames * (tarfile.BLOCKSIZE * 1.5))


FORMATS = {WebDataset.name: WebDataset()}
