"""Reading what is in a data set: splits, classes, lengths, sizes, or one clip."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from clipmill.dataset.clip_table import read_clips
from clipmill.dataset.ledger_file import NAME as LEDGER
from clipmill.dataset.shared_content import find_shared_content
from clipmill.errors import NoSuchDataset, UsageError
from clipmill.layout import (
    LABELS,
    named_shard,
    placeholder,
    read_manifest,
    run_path,
    shard_path,
    split_order,
    version_path,
)
from clipmill.shards.plan import hosts_served
from clipmill.storage import Storage
from clipmill.storage.concurrent import ahead

_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def summarize(storage: Storage) -> dict[str, Any]:
    """Count what the published version holds: splits, classes, lengths in frames, frame sizes.

    A split's `hosts` is the number of training hosts that its shards are enough for. `placeholders` counts the
    numbers that no class has; they are not in `classes`. `classes_by_split` has the classes that a split has, and clips
    without one as "". `shared` is a `SharedContent`. `oblong` counts the clips whose pixels are not square.
    """
    manifest = read_manifest(storage)
    columns = ["split", "label_text", "frames", "width", "height", "bytes", "pixel_aspect"]
    table = read_clips(storage, manifest.version, columns)
    splits, by_split = {}, {}
    for name, entry in sorted(manifest.splits.items(), key=lambda item: split_order(item[0])):
        rows = table.filter(pc.equal(table["split"], name))
        by_split[name] = _per_class(rows["label_text"])
        splits[name] = {
            "clips": entry.clips,
            "frames": entry.frames,
            "bytes": entry.bytes,
            "shards": len(entry.shards),
            "hosts": hosts_served(len(entry.shards)),
            "lengths": pc.quantile(rows["frames"], q=list(_QUANTILES), interpolation="nearest").to_pylist(),
        }
    sizes = table.group_by(["width", "height"]).aggregate([([], "count_all")])
    labels = storage.read(version_path(manifest.version, LABELS)).decode().splitlines()
    found = _per_class(table["label_text"])
    unused = {
        label for index, label in enumerate(labels) if label.rstrip("_") == placeholder(index) and label not in found
    }
    return {
        "dataset": manifest.dataset,
        "version": manifest.version,
        "schema": manifest.schema,
        "options": manifest.options,
        "splits": splits,
        "classes": {label: found.get(label, 0) for label in labels if label not in unused},
        "classes_by_split": by_split,
        "placeholders": len(unused),
        "unlabelled": found.get("", 0),
        "shared": find_shared_content(storage, manifest.version),
        "oblong": len(table) - table["pixel_aspect"].null_count if "pixel_aspect" in table.column_names else 0,
        **({"multi_label": True} if manifest.multi_label else {}),
        "sizes": {
            f"{row['width']}x{row['height']}": row["count_all"]
            for row in sorted(sizes.to_pylist(), key=lambda row: -row["count_all"])
        },
    }


def _per_class(labels: pa.ChunkedArray) -> dict[str, int]:
    """Return how many clips each class has, unlabelled ones under ""; a clip of several classes counts for each."""
    unlabelled = 0
    if pa.types.is_list(labels.type):
        unlabelled = pc.sum(pc.equal(pc.list_value_length(labels), 0)).as_py() or 0
        labels = pc.list_flatten(labels)
    counts = {count["values"]: count["counts"] for count in pc.value_counts(labels).to_pylist()}
    return counts | ({"": unlabelled} if unlabelled else {})


def find_clip(storage: Storage, clip_id: str) -> dict[str, Any]:
    """Return all that the clip table says of one clip.

    Raises:
        UsageError: there is no such clip; the message names similar ids, or any.
    """
    manifest = read_manifest(storage)
    table = read_clips(storage, manifest.version)
    rows = table.filter(pc.equal(table["clip_id"], clip_id)).to_pylist()
    if rows:
        return dict(rows[0])
    alike = table.filter(pc.match_substring(table["clip_id"], clip_id, ignore_case=True))["clip_id"].slice(0, 3)
    hint = f"there is {', '.join(alike.to_pylist())}" if len(alike) else f"ids look like {table['clip_id'][0]}"
    raise UsageError(f"--clip {clip_id}: no such clip in version {manifest.version}; {hint}")


def find_run(storage: Storage, run: str | None) -> str:
    """Return the id of a run that ended: the latest, or the one whose id begins with `run`.

    Raises:
        NoSuchDataset: no run has ended here.
        UsageError: none, or several, have such an id.
    """
    ended, _ = _runs(storage)
    if not ended:
        raise NoSuchDataset(f"{storage.root}: no build has ended here")
    found = [known for known in ended if known == run or (run and known.startswith(run))]
    if run is None:
        return ended[-1]
    if len(found) != 1:
        what = "several runs begin so" if found else "no such run has ended"
        raise UsageError(f"--run {run}: {what}; the latest is {ended[-1]}")
    return found[0]


def unfinished_run(storage: Storage) -> str | None:
    """Return the id of the latest run if it has not ended, else None."""
    ended, begun = _runs(storage)
    return begun[-1] if begun and begun[-1] not in ended else None


def _runs(storage: Storage) -> tuple[list[str], list[str]]:
    """Return the ids of the runs that left a ledger, and of all, each in order of time."""
    begun = storage.children("runs")[0]
    with_ledger = ahead(lambda run: storage.stat(run_path(run, LEDGER)) is not None, begun)
    return [run for run, there in zip(begun, with_ledger, strict=True) if there], list(begun)


def split_files(storage: Storage, split: str | None) -> list[str]:
    """Return the paths of the published version's named shards, of one split or of all.

    Raises:
        UsageError: there is no such split.
    """
    manifest = read_manifest(storage)
    if split is not None and split not in manifest.splits:
        raise UsageError(f"--split {split}: the data set has {', '.join(sorted(manifest.splits, key=split_order))}")
    paths = []
    for name, entry in sorted(manifest.splits.items(), key=lambda item: split_order(item[0])):
        if split in (None, name):
            count = len(entry.shards)
            for number, shard in enumerate(entry.shards):
                named = version_path(manifest.version, named_shard(manifest.dataset, name, number, count))
                paths.append(f"{storage.root}/{named if storage.local else shard_path(shard)}")
    return paths
