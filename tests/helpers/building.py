"""What a build published, read back in several ways."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from clipmill.layout import current_version, read_manifest, shard_path, split_order
from clipmill.records.tfrecord import read_records
from clipmill.storage import open_storage


def clips(out: Path) -> list[dict[str, Any]]:
    """The clip table, in its order."""
    return pq.read_table(io.BytesIO((out / "latest/clips.parquet").read_bytes())).to_pylist()


def frames_of(out: Path) -> dict[str, int]:
    """How many frames each clip has, by source."""
    return {row["source"]: row["frames"] for row in clips(out)}


def published(out: Path) -> dict[str, str]:
    """A hash of every file that is published, by its path."""
    version = current_version(open_storage(str(out)))
    paths = [*(out / "shards").iterdir(), *(out / f"versions/{version}").iterdir()]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


def records(out: Path, split: str) -> list[tuple[int, bytes]]:
    """(shard's place in the split, record) for every record, in order of their files and of the records in them."""
    shards = read_manifest(open_storage(str(out))).splits[split].shards
    return [
        (number, record)
        for number, shard in enumerate(shards)
        for _, record in read_records((out / shard_path(shard)).read_bytes(), shard)
    ]


def splits(out: Path) -> list[str]:
    """Names of the splits."""
    return sorted(read_manifest(open_storage(str(out))).splits, key=split_order)


def pixels(out: Path, clip_id: str) -> tuple[np.ndarray, list[int]]:
    """A clip's frames (frames, height, width, 3) and the numbers of the source frames that they were."""
    import clipmill

    found = [clipset.select(ids=[clip_id]) for clipset in (clipmill.open(str(out))[split] for split in splits(out))]
    chosen = next(clipset for clipset in found if len(clipset.clips))
    batch = next(iter(chosen.batches(batch_size=1, shuffle=False)))
    return batch["frames"][0], batch["frame_index"][0].tolist()


def link_tree(folder: Path, videos: Path, names: Iterable[str]) -> Path:
    """A folder with links to some videos, under the names that they have."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(videos / name, path)
    return folder


def ledger(ran_json: dict[str, Any]) -> dict[str, str]:
    """Reasons by source, from `clipmill failures --json`."""
    return {failure["source"]: failure["reason"] for failure in ran_json["failures"]}


def run_json(out: Path) -> dict[str, Any]:
    """What the only run of an output wrote down of itself."""
    (path,) = (out / "runs").glob("*/run.json")
    return json.loads(path.read_text())
