"""A small valid data set, published straight from synthetic frames: no video is decoded.

Every frame shows which clip and which frame it is, in blocks that survive JPEG and
resizing, so that a test can tell from pixels what it was given (`read_code`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import simplejpeg

from clipmill.dataset.clip_table import clip_schema
from clipmill.dataset.tfds_files import tables
from clipmill.layout import (
    CLIPS,
    CURRENT,
    LAYOUT,
    MANIFEST,
    MULTI_LABEL,
    Manifest,
    ShardEntry,
    SplitEntry,
    named_shard,
    shard_path,
    split_order,
    version_path,
)
from clipmill.records import get_schema
from clipmill.records.base import ClipRecord
from clipmill.shards.shard_file import ShardClip, write_shard
from clipmill.storage import Storage, open_storage

#: The code is a grid of dark and bright cells over the upper two thirds of the frame.
COLUMNS, ROWS, GRID_ROWS = 8, 4, 6


class Miniature(NamedTuple):
    """What was published.

    Attributes:
        path: of the data set.
        version: its name.
        rows: the clip table, in its order, as dicts.
        frames: the encoded frames of each clip, by clip id.
        numbers: the clip number in each clip's pixels, by clip id.
        records: what each clip's record says, by clip id.
    """

    path: Path
    version: str
    rows: list[dict[str, Any]]
    frames: dict[str, list[bytes]]
    numbers: dict[str, int]
    records: dict[str, ClipRecord]


def draw_frame(clip: int, frame: int, width: int = 64, height: int = 48, label: int = 0) -> np.ndarray:
    """(height, width, 3) uint8: a textured, moving picture with the code of (clip, frame) in it."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng((clip, frame)).normal(0, 4, (height, width))
    wave = 14 * np.sin(columns / 5 + frame / 3 + label) + 10 * np.cos(rows / 7 - clip)
    bits = [(clip << 16 | frame) >> bit & 1 for bit in range(COLUMNS * ROWS)]
    levels = np.full((GRID_ROWS, COLUMNS), 128.0)
    levels[:ROWS] = np.reshape([190.0 if bit else 65.0 for bit in bits], (ROWS, COLUMNS))
    luma = levels[rows * GRID_ROWS // height, columns * COLUMNS // width] + wave + noise
    tint = 12 * np.sin(np.array([0, 2, 4]) + label)
    return np.clip(luma[..., None] + tint, 0, 255).astype(np.uint8)


def read_code(image: np.ndarray) -> tuple[int, int]:
    """Clip number and frame number of a decoded frame: whole, of any size and any dtype of 0..255."""
    height, width = image.shape[:2]
    luma = image.astype(np.float64).mean(axis=-1)
    value = 0
    for bit in range(COLUMNS * ROWS):
        row, column = divmod(bit, COLUMNS)
        top, left = row * height / GRID_ROWS, column * width / COLUMNS
        tall, wide = height / GRID_ROWS, width / COLUMNS
        cell = luma[
            round(top + tall / 4) : max(round(top + tall * 3 / 4), round(top + tall / 4) + 1),
            round(left + wide / 4) : max(round(left + wide * 3 / 4), round(left + wide / 4) + 1),
        ]
        value |= int(cell.mean() > 128) << bit
    return value >> 16, value & 0xFFFF


def encode(image: np.ndarray, quality: int = 90) -> bytes:
    """An RGB image as JPEG, 4:2:0."""
    return simplejpeg.encode_jpeg(image, quality=quality, colorspace="RGB", colorsubsampling="420")


def publish_miniature(
    path: Path | str,
    *,
    clips: int = 12,
    lengths: Sequence[int] | None = None,
    sizes: Sequence[tuple[int, int]] = ((64, 48),),
    splits: Sequence[str] = ("train", "train", "val"),
    labels: Sequence[str] = ("boxing", "diving", "juggling"),
    unlabelled: Sequence[int] = (),
    groups: int | None = None,
    folds: int = 0,
    clips_per_shard: int = 3,
    schema: str = "tfds",
    dataset: str = "miniature",
    options: dict[str, Any] | None = None,
    fps: float = 25.0,
    multi_label: bool = False,
    draw: Callable[[int, int, int, int, int], np.ndarray] = draw_frame,
) -> Miniature:
    """Publish a data set of `clips` synthetic clips at `path`, over whatever was there.

    Args:
        path: the output folder.
        clips: how many.
        lengths: frames of clip i, taken cyclically; by default 5 to 17, mixed.
        sizes: (width, height) of clip i, taken cyclically.
        splits: split of clip i, taken cyclically.
        labels: names of the classes; clip i has class i % len(labels).
        unlabelled: numbers of the clips that have no label.
        groups: clip i is in group i % groups; None for no groups.
        folds: so many official folds; clip i is in "test" of fold 1 + i % folds, else in "train".
        clips_per_shard: where shards are cut.
        schema: of the records.
        dataset: the data set's name.
        options: further options of the manifest.
        fps: of every clip.
        multi_label: clips have lists of labels; clip i also has class i // len(labels) % len(labels).
        draw: gives frames, as `draw_frame` does.
    """
    schema += MULTI_LABEL if multi_label else ""
    storage = open_storage(str(path))
    lengths = lengths or [5 + 7 * i % 13 for i in range(clips)]
    rows: list[dict[str, Any]] = []
    records: dict[str, ClipRecord] = {}
    frames: dict[str, list[bytes]] = {}
    for number in range(clips):
        label = -1 if number in unlabelled or not labels else number % len(labels)
        count = lengths[number % len(lengths)]
        width, height = sizes[number % len(sizes)]
        clip_id = f"clip_{number:04d}"
        encoded = [encode(draw(number, frame, width, height, label)) for frame in range(count)]
        frames[clip_id] = encoded
        record = ClipRecord(
            clip_id=clip_id,
            source=f"videos/{clip_id}.avi",
            dataset=dataset,
            label_index=label,
            label_text=labels[label] if label >= 0 else "",
            start=1.5 if number % 4 == 3 else None,
            end=1.5 + count / fps if number % 4 == 3 else None,
            fps=fps,
            width=width,
            height=height,
            timestamps=[round(i * 1e6 / fps) for i in range(count)],
            frame_index=list(range(count)),
        )
        source: Any = label + 1 if label >= 0 else None
        if multi_label:
            many = () if label < 0 else tuple(sorted({label, number // len(labels) % len(labels)}))
            record = msgspec.structs.replace(record, label_index=many, label_text=tuple(labels[one] for one in many))
            source = [one + 1 for one in many]
        records[clip_id] = record
        rows.append(
            {
                "clip_id": clip_id,
                "split": splits[number % len(splits)],
                "folds": ["test" if number % folds == fold else "train" for fold in range(folds)],
                "label_index": record.label_index,
                "label_text": record.label_text,
                "label_source": source,
                "group": None if groups is None else f"g{number % groups:02d}",
                "source": record.source,
                "start": record.start,
                "end": record.end,
                "fingerprint": hashlib.sha256(clip_id.encode()).hexdigest(),
                "clip_key": hashlib.sha256(f"key {clip_id} {digest(encoded)}".encode()).hexdigest(),
                "digest": digest(encoded),
                "frames": count,
                "bytes": sum(map(len, encoded)),
                "width": width,
                "height": height,
                "fps": fps,
                "bad_packets": 0,
            }
        )
    rows.sort(key=lambda row: (split_order(row["split"]), row["frames"], row["clip_id"]))
    split_entries, shard_entries = _write_shards(storage, rows, records, frames, schema, clips_per_shard)
    options = {"sort": "length", **(options or {})}
    version = _publish(storage, rows, list(labels), split_entries, shard_entries, schema, dataset, options)
    numbers = {clip_id: number for number, clip_id in enumerate(records)}
    return Miniature(Path(path), version, rows, frames, numbers, records)


def digest(frames: Sequence[bytes]) -> str:
    """The clip table's digest of encoded frames."""
    return hashlib.sha256(b"".join(hashlib.sha256(frame).digest() for frame in frames)).hexdigest()


def _write_shards(
    storage: Storage,
    rows: list[dict[str, Any]],
    records: dict[str, ClipRecord],
    frames: dict[str, list[bytes]],
    schema: str,
    clips_per_shard: int,
) -> tuple[dict[str, SplitEntry], dict[str, ShardEntry]]:
    splits: dict[str, SplitEntry] = {}
    shards: dict[str, ShardEntry] = {}
    for split in sorted({row["split"] for row in rows}, key=split_order):
        members = [row for row in rows if row["split"] == split]
        names = []
        for first in range(0, len(members), clips_per_shard):
            part = members[first : first + clips_per_shard]
            plan = [schema, *(str(records[row["clip_id"]]) + row["digest"] for row in part)]
            name = hashlib.sha256("\n".join(plan).encode()).hexdigest()[:32]
            written = [
                ShardClip(records[row["clip_id"]], [len(f) for f in frames[row["clip_id"]]], frames[row["clip_id"]])
                for row in part
            ]
            shards[name], places = write_shard(storage, name, get_schema(schema), written)
            for row, place in zip(part, places, strict=True):
                row |= {"shard": name, **place._asdict()}
            names.append(name)
        splits[split] = SplitEntry(
            clips=len(members),
            frames=sum(shards[name].frames for name in names),
            bytes=sum(shards[name].bytes for name in names),
            shards=names,
        )
    return splits, shards


def _publish(
    storage: Storage,
    rows: list[dict[str, Any]],
    labels: list[str],
    splits: dict[str, SplitEntry],
    shards: dict[str, ShardEntry],
    schema: str,
    dataset: str,
    options: dict[str, Any],
) -> str:
    version = hashlib.sha256("\n".join([*shards, str(rows), str(labels)]).encode()).hexdigest()[:8]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, clip_schema(multi_label=schema.endswith(MULTI_LABEL))), sink)
    clips = sink.getvalue().to_pybytes()
    manifest = Manifest(
        layout=LAYOUT,
        version=version,
        dataset=dataset,
        schema=schema,
        schema_epoch=get_schema(schema).epoch,
        encoding="jpeg",
        options=options,
        clips_sha256=hashlib.sha256(clips).hexdigest(),
        splits=splits,
        shards=shards,
    )
    storage.put(version_path(version, CLIPS), clips)
    for name, data in tables(manifest, labels, get_schema(schema)).items():
        storage.put(version_path(version, name), data)
    for split, entry in splits.items():
        for index, shard in enumerate(entry.shards):
            named = named_shard(dataset, split, index, len(entry.shards))
            storage.copy(shard_path(shard), version_path(version, named))
    storage.put(version_path(version, MANIFEST), msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    storage.put(CURRENT, f"{version}\n".encode())
    if storage.local:
        latest = Path(storage.root, "latest")
        latest.unlink(missing_ok=True)
        os.symlink(version_path(version), latest)
    return version
