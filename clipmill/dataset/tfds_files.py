"""The small files by which other readers open a version: TFDS's JSON and the labels."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from clipmill.errors import UsageError
from clipmill.layout import LABELS, Manifest, is_label, split_order
from clipmill.records.base import Schema

#: TFDS reads only major.minor.patch; our versions are hashes, so this is always the same.
_TFDS_VERSION = "1.0.0"
FEATURES = "features.json"
DATASET_INFO = "dataset_info.json"


def tables(manifest: Manifest, labels: list[str], schema: Schema, container: str = "tfrecord") -> dict[str, bytes]:
    """Return names and bytes of a version's label file and, for Examples, of TFDS's own files.

    `tfds.builder_from_directory` opens a folder that holds these and the named shards.
    The form of the JSON is that of tensorflow_datasets/core/proto/{dataset_info,feature}.proto.

    Args:
        manifest: of the version.
        labels: the classes' names in the order of their indices.
        schema: of the records.
        container: kind of the shards' files: "tfrecord" or "array_record".

    Raises:
        UsageError: the data set, a split or a label has a name that a table cannot hold.
    """
    _check_names(manifest, labels)
    text = "".join(f"{label}\n" for label in labels).encode()
    files = {LABELS: text}
    features = schema.features(len(labels))
    if features is not None:
        kinds = features["featuresDict"]["features"]
        files |= {f"{key.replace('/', '-')}.labels.txt": text for key, kind in kinds.items() if _is_label(kind)}
        files[FEATURES] = _json(features)
        files[DATASET_INFO] = _json(_dataset_info(manifest, kinds, container))
    return files


def _dataset_info(manifest: Manifest, kinds: dict[str, Any], container: str) -> dict[str, Any]:
    (video,) = (key for key, kind in kinds.items() if "video" in kind)
    (label,) = (key for key, kind in kinds.items() if _is_label(kind))
    splits = [
        {
            "name": name,
            "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            "shardLengths": [str(manifest.shards[shard].records) for shard in split.shards],
            "numBytes": str(split.bytes),
        }
        for name, split in sorted(manifest.splits.items(), key=lambda item: split_order(item[0]))
    ]
    return {
        "name": manifest.dataset,
        "version": _TFDS_VERSION,
        "fileFormat": container,
        "splits": splits,
        "supervisedKeys": {"tuple": {"items": [{"featureKey": video}, {"featureKey": label}]}},
    }


def _is_label(kind: dict[str, Any]) -> bool:
    """Return whether a feature is a class, or a list of classes."""
    return "classLabel" in kind.get("sequence", {}).get("feature", kind)


def _check_names(manifest: Manifest, labels: list[str]) -> None:
    if not re.fullmatch(r"[a-zA-Z]\w*", manifest.dataset):
        raise UsageError(f"--name {manifest.dataset}: a data set's name is a letter, then letters, digits and _")
    for split in manifest.splits:
        if not re.fullmatch(r"\w[\w-]*", split) or split == "all":
            raise UsageError(f"split {split!r}: a split's name is letters, digits, _ and -, and not 'all'")
    for label, times in Counter(labels).items():
        if times > 1:
            raise UsageError(f"label {label!r}: {times} classes have this name")
        if not is_label(label):
            raise UsageError(f"label {label!r}: a label is one line of text without blanks around it")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode() + b"\n"
