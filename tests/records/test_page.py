"""docs/records.md: its table names every key of every schema, and its code reads records."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from miniature import Miniature, publish_miniature
from places import ROOT

from clipmill.records import get_schema
from clipmill.records.base import Schema

PAGE = (ROOT / "docs" / "records.md").read_text()
CLIPS = PAGE.partition("## Further columns of the listing")[0]


def keys_of_page(column: str) -> list[str]:
    rows = [re.split(r"\s*\|\s*", line.strip().strip("|").strip()) for line in CLIPS.splitlines() if line[:2] == "| "]
    place = rows[0].index(f"`{column}`")
    return sorted(key for row in rows[1:] for key in re.findall(r"`([^`]+)`", [*row, "", ""][place]))


def keys_of(schema: Schema) -> list[str]:
    """Every string of a record that is the key of a feature, as the schema's own fields name them."""
    lists = [getattr(schema, name, ()) for name in ("fields", "_context", "_lists")]
    return sorted([schema.frame_keys.frames, *(field.key for fields in lists for field in fields)])


@pytest.mark.parametrize("name", ["tfds", "frames", "mediaseq"])
def test_the_table_has_every_key_of_a_schema(name: str) -> None:
    assert keys_of_page(name) == keys_of(get_schema(name))


@pytest.mark.tensorflow
def test_the_code_reads_a_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mini: Miniature = publish_miniature(tmp_path / "ucf", clips=3, lengths=[4], splits=["train"])
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code, names)
    row = next(row for row in mini.rows if row["label_text"] == names["clip"]["label_text"].numpy().decode())
    assert len(names["frames"]) == row["frames"] == 4
    import clipmill

    first = next(iter(clipmill.open(str(tmp_path / "ucf"))["train"].batches(batch_size=1, shuffle=False)))
    np.testing.assert_array_equal(np.stack([frame.numpy() for frame in names["frames"]]), first["frames"][0])
