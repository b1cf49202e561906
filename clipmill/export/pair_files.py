"""Exports of images with masks: each a file of its own, an image as it is stored or as PNG, a mask as PNG.

`frames`, for mmsegmentation's BaseSegDataset and others:

DEST/images/train/<id>.jpg      or .png
DEST/masks/train/<id>.png       grey, of 8 or 16 bits: the values are indices of classes
DEST/train.txt                  one line a pair: its id as in the names of its files

`webdataset`: tars of KEY.image.jpg (or .png), KEY.mask.png and KEY.json, KEY as of clips
"""

from __future__ import annotations

from collections.abc import Sequence

from clipmill.errors import UsageError
from clipmill.export.base import DataSet, ExportFile, ExportOptions, ExportPlan, in_order, records_of, splits
from clipmill.export.frame_folders import clip_path
from clipmill.export.webdataset import WebDataset
from clipmill.layout import RAW
from clipmill.records.base import ClipRecord
from clipmill.storage import Storage
from clipmill.video.pairs import pixels_of, to_png

_PNG = b"\x89PNG"


class PairFolders:
    """Images below images/, masks of the same names below masks/."""

    name = "frames"
    order = "length"

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan two files for each pair; the mask is written last and stands for both."""
        clips = (
            clip
            for of_split in splits(data.clips).values()
            for clip in in_order(of_split, options.order or self.order, options.seed)
        )
        return ExportPlan([ExportFile(f"masks/{clip_path(clip)}.png", [clip], clip.nbytes) for clip in clips], [])

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write an image and its mask."""
        for clip, record, stored in records_of(data, file.clips):
            (suffix, image), (_, mask) = files_of(data, record, stored)
            dest.put(f"images/{clip_path(clip)}.{suffix}", image)
            dest.put(file.name, mask)

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return a list file for each split, and the label file."""
        lists: dict[str, list[str]] = {}
        for file in plan.files:
            (clip,) = file.clips
            lists.setdefault(clip.split, []).append(clip_path(clip).removeprefix(f"{clip.split}/") + "\n")
        return {f"{split}.txt": "".join(lines).encode() for split, lines in lists.items()} | data.label_file()


class PairTars(WebDataset):
    """Tar files of images and masks."""

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan tar files of about `shard_bytes`.

        Raises:
            UsageError: videos are asked for.
        """
        if options.one_video:
            raise UsageError("--one-video: makes videos of clips, and these are images with masks; leave it out")
        return super().plan(data, options)

    def members(
        self, data: DataSet, options: ExportOptions, record: ClipRecord, frames: Sequence[memoryview]
    ) -> list[tuple[str, bytes]]:
        """Return the suffix and the bytes of the image and of the mask."""
        (suffix, image), (_, mask) = files_of(data, record, frames)
        return [(f"image.{suffix}", image), ("mask.png", mask)]


def files_of(data: DataSet, record: ClipRecord, stored: Sequence[memoryview]) -> list[tuple[str, bytes]]:
    """Return the suffix and the bytes of a pair's image and mask as files."""
    if RAW not in data.manifest.schema:
        return [("png" if part[:4] == _PNG else "jpg", bytes(part)) for part in stored]
    image, mask = stored
    return [("png", to_png(pixels)) for pixels in pixels_of(image, mask, record.width, record.height)]


FORMATS = {PairFolders.name: PairFolders(), PairTars.name: PairTars()}
