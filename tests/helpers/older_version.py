"""Published versions as they were before clips.parquet had all of its columns."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pyarrow.parquet as pq


def drop_column(out: Path, column: str) -> None:
    """Take a column out of the clip table of the only version of a data set, as its manifest then says."""
    (folder,) = (out / "versions").iterdir()
    table = io.BytesIO()
    pq.write_table(pq.read_table(folder / "clips.parquet").drop_columns([column]), table)
    (folder / "clips.parquet").write_bytes(table.getvalue())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["clips_sha256"] = hashlib.sha256(table.getvalue()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
