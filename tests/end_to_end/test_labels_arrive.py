"""Random listings, built for real: every label that is published is its row's."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from building import clips
from commanding import built, clipmill
from footage import write_film
from listed import write

import clipmill as reader
from clipmill.layout import read_manifest
from clipmill.records import get_schema
from clipmill.records.tfrecord import read_records
from clipmill.storage import open_storage

VIDEOS = 7
WORDS = ["door", "Open", "run fast", "2nd", "été"]
NOTHING = {"csv": ["", "-1", "nan"], "jsonl": ["", "-1", None], "list": ["-1"]}


class Row(NamedTuple):
    """What a row says: the video's number, label and the listing's number for it (None for none), and split."""

    video: int
    label: str | None
    number: int | None
    split: str


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number in range(VIDEOS):
        write_film(folder / f"{number}.avi", 4 + number, "mpeg4", size=(48, 32))
    return folder


def draw(kind: str, labels: str, chance: random.Random) -> list[Row]:
    """Draw rows: most videos have one, some have two alike, in any order."""
    numbers = {
        "words": [None] * 5,
        "numbered words": chance.sample(range(1, 6), 5),
        "numbers from 0": list(range(5)),
        "numbers with gaps": sorted(chance.sample(range(2, 40), 5)),
        "numbers from 1": list(range(1, 6)),
    }[labels]
    classes = [
        (word if "words" in labels else str(number), number) for word, number in zip(WORDS, numbers, strict=True)
    ]
    rows = []
    for video in range(VIDEOS):
        # The first videos have one class each, so that the numbers are what they are called here.
        label, number = classes[video] if video < 5 else chance.choice([*classes, (None, None)])
        rows.append(Row(video, label, number, chance.choice(["train", "val"]) if kind != "list" else "train"))
    rows += chance.sample(rows, 2)
    chance.shuffle(rows)
    return rows


def listing(folder: Path, kind: str, labels: str, rows: list[Row], chance: random.Random) -> Path:
    """Write the rows as a listing of this kind."""
    nothing: Any = chance.choice(NOTHING[kind])
    said = [row.label if row.label is not None else nothing for row in rows]
    numbered = labels == "numbered words"
    if kind == "list":
        text = "".join(f"{row.video}.avi {label}\n" for row, label in zip(rows, said, strict=True))
        return write(folder / f"{chance.random()}.txt", text)
    if kind == "csv":
        text = "path,label,split" + ",label_id" * numbered + "\n"
        for row, label in zip(rows, said, strict=True):
            text += f"{row.video}.avi,{label},{row.split}"
            text += f",{'' if row.number is None else row.number}\n" if numbered else "\n"
        return write(folder / f"{chance.random()}.csv", text)
    lines = []
    for row, label in zip(rows, said, strict=True):
        plain = (
            int(label) if label is not None and row.number is not None and not numbered and label.isdigit() else label
        )
        lines.append({"path": f"{row.video}.avi", "label": plain, "split": row.split})
        lines[-1] |= {"label_id": row.number} if numbered and row.number is not None else {}
    return write(folder / f"{chance.random()}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def index_of(row: Row, rows: list[Row], labels: list[str]) -> int:
    """The index that a row's class has by the rules of docs/labels.md."""
    if row.label is None:
        return -1
    if row.number is None:
        return labels.index(row.label)
    first = min(other.number for other in rows if other.number is not None)
    numbers = {other.number for other in rows if other.number is not None}
    return row.number - int(first == 1 and max(numbers) == len(numbers))


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("csv", "numbered words"),
        ("csv", "numbers with gaps"),
        ("jsonl", "words"),
        ("jsonl", "numbers from 1"),
        ("list", "numbers from 0"),
    ],
)
def test_every_label_is_its_rows(videos, tmp_path, kind, labels):
    chance = random.Random(f"{kind} {labels}")
    rows = draw(kind, labels, chance)
    out = tmp_path / "out"
    path = listing(videos, kind, labels, rows, chance)
    outcome = built(path, "--out", out, "--workers", 1)
    assert (outcome["clips"], outcome["failed"]) == (VIDEOS, {"duplicate": 2})
    said = {str(row.video): row for row in rows}
    names = (out / "latest/label.labels.txt").read_text().splitlines()
    wanted = {clip: index_of(row, rows, names) for clip, row in said.items()}

    for clip in clips(out):
        row = said[clip["clip_id"]]
        assert (clip["label_text"] or None, clip["label_source"]) == (row.label, row.number)
        assert clip["label_index"] == wanted[clip["clip_id"]]
        assert row.label is None or names[clip["label_index"]] == row.label
        assert clip["split"] == row.split and clip["frames"] == 4 + row.video

    manifest = read_manifest(open_storage(str(out)))
    found = {}
    for shard in manifest.shards:
        for _, record in read_records((out / f"shards/{shard}.tfrecord").read_bytes(), shard):
            clip, _ = get_schema(manifest.schema).parse(record)
            found[clip.clip_id] = clip.label_index, clip.label_text or None
    assert found == {clip: (wanted[clip], row.label) for clip, row in said.items()}

    batches = reader.open(str(out)).all.batches(batch_size=1)
    assert {batch["id"][0]: batch["label"][0] for batch in batches} == wanted
    assert clipmill("verify", out, "--deep").code == 0
