"""`frames`: a folder of JPEGs for each clip, and a list file that MMAction2 and others read.

DEST/train/<clip>/0.jpg 1.jpg ...
DEST/train.txt          one line a clip: folder, number of frames, label or labels (MMAction2's rawframe annotation)
DEST/label.labels.txt   one class a line
"""

from __future__ import annotations

from urllib.parse import quote

from clipmill.export.base import (
    DataSet,
    ExportFile,
    ExportOptions,
    ExportPlan,
    StoredClip,
    in_order,
    records_of,
    splits,
)
from clipmill.storage import Storage


class FrameFolders:
    """The frames as they are stored, a file each, numbered from 0."""

    name = "frames"
    order = "length"

    def plan(self, data: DataSet, options: ExportOptions) -> ExportPlan:
        """Plan a folder for each clip."""
        files = []
        for clips in splits(data.clips).values():
            for clip in in_order(clips, options.order or self.order, options.seed):
                files.append(ExportFile(f"{clip_path(clip)}/{clip.frames - 1}.jpg", [clip], clip.nbytes))
        return ExportPlan(files, [])

    def write(self, data: DataSet, options: ExportOptions, file: ExportFile, dest: Storage) -> None:
        """Write one clip's frames; the last one stands for all of them."""
        folder = file.name.rpartition("/")[0]
        for _, _, frames in records_of(data, file.clips):
            for number, frame in enumerate(frames):
                # No power cut can keep the last file and lose one before it: that one alone is synced, and the folder.
                dest.put(f"{folder}/{number}.jpg", bytes(frame), durable=number == len(frames) - 1)

    def tables(self, data: DataSet, options: ExportOptions, plan: ExportPlan) -> dict[str, bytes]:
        """Return a list file for each split, and the label file."""
        lists: dict[str, list[str]] = {}
        for file in plan.files:
            (clip,) = file.clips
            labels = clip.label_index if isinstance(clip.label_index, tuple) else (clip.label_index,)
            line = " ".join(map(str, [clip_path(clip), clip.frames, *labels])) + "\n"
            lists.setdefault(clip.split, []).append(line)
        files = {f"{split}.txt": "".join(lines).encode() for split, lines in lists.items()}
        return files | data.label_file()


def clip_path(clip: StoredClip) -> str:
    """Return the path of a clip, in a folder of its split; blanks and the like as "%" and their hex code."""
    return f"{clip.split}/{quote(clip.clip_id, safe='/!$&()+,;=@~')}"


FORMATS = {FrameFolders.name: FrameFolders()}
