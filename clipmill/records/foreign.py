"""Records that others wrote: which of their features are the frames, the label, the id.

Known are the names of DMVR and MediaPipe, of TFDS, and of hand-written Examples: a list of JPEGs in one feature, one
Feature a frame in a feature list, or one feature a frame, as `frames/0001`. Names of one's own are given by role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from clipmill.errors import DataError, UsageError
from clipmill.layout import ADOPTED
from clipmill.records import protobuf
from clipmill.records.base import ClipRecord, FrameFacts, FrameKeys
from clipmill.records.protobuf import Values

#: For each role the features that have it elsewhere; the first one that a record has counts.
KNOWN: dict[str, tuple[str, ...]] = {
    "frames": ("image/encoded", "video", "frames", "images", "image", "Images"),
    "label": ("clip/label/index", "label", "class_label", "label_index", "labels", "class_id", "class"),
    "label_text": ("clip/label/text", "clip/label/string", "label_text", "class_text", "label_name", "class_name"),
    "id": ("example/id", "id", "clip_id", "video_id", "clip/media_id", "key", "filename", "video/filename", "name"),
    "source": ("clip/data_path", "source", "filename", "video/filename", "path"),
    "fps": ("image/frame_rate", "fps", "frame_rate"),
    "timestamps": ("image/timestamp", "timestamp", "timestamps"),
}
#: What stands beside an adopted shard for each frame, little-endian: microseconds from the clip's first frame; bytes
#: from the frame's end to the record's end, framing included; the frame's number in the clip.
PLACES = np.dtype([("time", "<i8"), ("behind", "<u4"), ("number", "<u4")])
#: What a record that does not say it is taken to have, as images have it.
FPS = 25.0

_JPEG = b"\xff\xd8"
#: A key that ends in a number; of more digits only the last ones.
_NUMBERED = re.compile(r"(.*?)[/_-]?(\d{1,18})", re.DOTALL)
#: Frames per second that a record may say: more than 1e6 would give two frames the same microsecond.
_RATES = (1e-3, 1e6)


class ForeignClip(NamedTuple):
    """What a record of others says.

    Attributes:
        frames: the encoded frames, views of the record.
        begins: (frames,) int64, where each begins in the record, in bytes.
        labels, texts: the indices of its labels, and their names; either may be empty.
        clip_id, source: "" where it does not say.
        fps: frames per second.
        times: (frames,) int64 microseconds from the first frame, strictly increasing.
    """

    frames: list[memoryview]
    begins: npt.NDArray[np.int64]
    labels: tuple[int, ...]
    texts: tuple[str, ...]
    clip_id: str
    source: str
    fps: float
    times: npt.NDArray[np.int64]


def read_foreign(record: bytes, keys: Mapping[str, str]) -> ForeignClip:
    """Read a clip from a tf.train.Example or SequenceExample.

    Args:
        record: its bytes.
        keys: features by role, where they are not among `KNOWN`.

    Raises:
        DataError: the bytes are no such record, or no feature holds frames that are JPEGs.
    """
    view = memoryview(record)
    found = _features(view)
    frames = _frames(found, keys.get("frames"))
    labels, texts = _all(found, keys, "label"), _all(found, keys, "label_text")
    if labels and isinstance(labels[0], memoryview):  # the name of the class stands where others have its number
        labels, texts = [], texts or labels
    times = _times(_all(found, keys, "timestamps"), len(frames))
    fps = _number(_all(found, keys, "fps")) or _rate(times) or FPS
    if times is None:
        times = np.round(np.arange(len(frames)) * (1e6 / fps)).astype(np.int64)
    return ForeignClip(
        frames=frames,
        begins=_address(frames) - _address([view])[0],
        labels=tuple(int(label) for label in labels if 0 <= label < 1 << 63),
        texts=tuple(_text(text) for text in texts if text),
        clip_id=next(map(_text, _all(found, keys, "id")), ""),
        source=next(map(_text, _all(found, keys, "source")), ""),
        fps=fps,
        times=times,
    )


class AdoptedSchema:
    """Records of others, which are read and never written; see `clipmill.records.Schema`.

    Args:
        name: `adopted`, and behind a colon the features of each role that have other names than `KNOWN`.
        multi_label: the data set's clips have lists of labels.
        declared: what stands behind the colon.
    """

    sequence = False
    placed = True
    numbered = False
    epoch = 1
    columns: Mapping[str, str] = {}
    frame_keys = FrameKeys("", "", "")

    def __init__(self, name: str, multi_label: bool, declared: str = "") -> None:
        self.name = name
        self.keys = _keys_in(declared)
        self._multi_label = multi_label

    def parse(self, record: bytes) -> tuple[ClipRecord, list[memoryview]]:
        """Return what a record says, and its encoded frames; a label without an index or a name has -1 or "".

        Raises:
            DataError: the bytes are no record that can be read.
        """
        clip = read_foreign(record, self.keys)
        several = self._multi_label
        said = ClipRecord(
            clip_id=clip.clip_id,
            source=clip.source,
            dataset="",
            label_index=clip.labels if several else next(iter(clip.labels), -1),
            label_text=clip.texts if several else next(iter(clip.texts), ""),
            start=None,
            end=None,
            fps=clip.fps,
            width=0,
            height=0,
            timestamps=clip.times.tolist(),
            frame_index=list(range(len(clip.frames))),
        )
        return said, clip.frames

    def head(self, clip: ClipRecord, sizes: Sequence[int]) -> bytes:
        """Raise UsageError: such records are not written."""
        raise UsageError(f"--schema {ADOPTED}: stands for records that others wrote; none are written")

    def prefix(self, size: int, number: int = 0) -> bytes:
        """Raise UsageError: such records are not written."""
        raise UsageError(f"--schema {ADOPTED}: stands for records that others wrote; none are written")

    def parse_head(self, head: bytes | memoryview) -> FrameFacts:
        """Raise DataError: times may stand behind the frames, so they are in a file beside the shard."""
        raise DataError("the head of an adopted record says nothing of its frames")

    def features(self, classes: int) -> dict[str, Any] | None:
        """Return None: what TFDS is to make of such records, whoever wrote them knows."""
        return None


def adopted_name(keys: Mapping[str, str]) -> str:
    """Return the name of the schema that reads records of others by these features."""
    given = ",".join(f"{role}={quote(key, safe='')}" for role, key in sorted(keys.items()))
    return f"{ADOPTED}:{given}" if given else ADOPTED


def _keys_in(given: str) -> dict[str, str]:
    pairs = (word.split("=", 1) for word in given.split(",")) if given else ()
    return {role: unquote(key) for role, key in pairs}


def _features(record: memoryview) -> dict[str, Values]:
    """Return all features of an Example, or of a SequenceExample's context and lists, by key."""
    found: dict[str, Values] = {}
    for context in protobuf.parts(record, 1):
        found |= protobuf.parse_features(context)
    for lists in protobuf.parts(record, 2):
        for key, features in protobuf.parse_feature_lists(lists).items():
            if len({type(feature[0]) for feature in features if feature}) > 1:
                raise DataError(f"its feature list {key[:60]} holds values of several types")
            found[key] = [value for feature in features for value in feature]  # type: ignore[assignment]
    if not found:
        raise DataError("it is no tf.train.Example or SequenceExample with features")
    return found


def _frames(found: Mapping[str, Values], key: str | None) -> list[memoryview]:
    """Return the values that are the frames, in order."""
    if key is not None:
        frames = _values_of(found, key) or dict(_numbered(found)).get(key.rstrip("/_-"), [])
        if not frames:
            raise DataError(f"it has no feature {key}")
        return _checked(key, frames)
    for known in KNOWN["frames"]:
        if frames := _values_of(found, known):
            return _checked(known, frames)
    jpegs = {name: frames for name, frames in [*_lists(found), *_numbered(found)] if _are_jpegs(frames)}
    if not jpegs:
        raise DataError("none of its features holds JPEGs: say which the frames are with --keys frames=KEY")
    if len(jpegs) > 1:
        raise DataError(
            f"{' and '.join(sorted(jpegs)[:2])} both hold JPEGs: say which the frames are with --keys frames=KEY"
        )
    return next(iter(jpegs.values()))


def _values_of(found: Mapping[str, Values], key: str) -> list[memoryview]:
    return [value for value in found.get(key, ()) if isinstance(value, memoryview)]


def _lists(found: Mapping[str, Values]) -> Iterator[tuple[str, list[memoryview]]]:
    """Iterate over the features of bytes whose key does not end in a number."""
    return ((key, _values_of(found, key)) for key in found if not _NUMBERED.fullmatch(key))


def _numbered(found: Mapping[str, Values]) -> list[tuple[str, list[memoryview]]]:
    """Return features that differ only in a number at their key's end, as one: its key without it, values in order."""
    groups: dict[str, dict[int, memoryview]] = {}
    for key in found:
        match = _NUMBERED.fullmatch(key)
        values = _values_of(found, key)
        if match and len(values) == 1:
            groups.setdefault(match[1], {})[int(match[2])] = values[0]
    return [(name, [group[number] for number in sorted(group)]) for name, group in groups.items()]


def _are_jpegs(frames: Sequence[memoryview]) -> bool:
    return bool(frames) and all(frame[:2] == _JPEG for frame in frames)


def _checked(key: str, frames: list[memoryview]) -> list[memoryview]:
    odd = next((number for number, frame in enumerate(frames) if frame[:2] != _JPEG), None)
    if odd is not None:
        kind = "a PNG" if bytes(frames[odd][:4]) == b"\x89PNG" else "no JPEG"
        raise DataError(f"frame {odd} in {key} is {kind}: only JPEGs can be adopted")
    return frames


def _all(found: Mapping[str, Values], keys: Mapping[str, str], role: str) -> list[Any]:
    names = (keys[role],) if role in keys else KNOWN[role]
    return next((list(found[name]) for name in names if found.get(name)), [])


def _text(value: Any) -> str:
    return str(value, "utf-8", "replace") if isinstance(value, memoryview) else str(value)


def _number(values: Sequence[Any]) -> float | None:
    good = values and not isinstance(values[0], memoryview) and _RATES[0] <= values[0] <= _RATES[1]
    return float(values[0]) if good else None


def _times(values: Sequence[Any], frames: int) -> npt.NDArray[np.int64] | None:
    """Return microseconds from the first frame, None where there is no such list for all frames."""
    if len(values) != frames or not all(isinstance(value, int) for value in values):
        return None
    if any(one >= other for one, other in pairwise(values)) or values[-1] - values[0] >= 1 << 63:
        return None
    times: npt.NDArray[np.int64] = np.array(values, np.int64) - values[0]
    return times


def _rate(times: npt.NDArray[np.int64] | None) -> float | None:
    return None if times is None or len(times) < 2 else float((len(times) - 1) * 1e6 / times[-1])


def _address(views: Sequence[memoryview]) -> npt.NDArray[np.int64]:
    return np.array([np.frombuffer(view, np.uint8).ctypes.data for view in views], np.int64)
