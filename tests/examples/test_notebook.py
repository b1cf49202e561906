"""The notebook of the examples runs from its first cell to its last, and draws what it says."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from places import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.tensorflow, pytest.mark.timeout(900)]


def outputs(cell: nbformat.NotebookNode) -> dict[str, str]:
    """What a cell's last line gave, by media type."""
    return next((output.data for output in cell.outputs if output.output_type == "execute_result"), {})


def printed(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_the_notebook_opens_shows_builds_and_trains(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "examples" / "first_look.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "it is kept without what it gave"
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    cells = {cell.source.splitlines()[-1]: cell for cell in notebook.cells if cell.cell_type == "code"}
    built = next(cell for source, cell in cells.items() if source.startswith("data = clipmill.build"))
    assert re.search(r"48 clips in \d+ shards?, ", printed(built))
    for source in ("data", "clip", "train"):
        html = outputs(cells[source])["text/html"]
        pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
        assert pictures and "://" not in html
        for picture in pictures:
            assert cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR) is not None
    shown = next(cell for source, cell in cells.items() if source.startswith("clip.show"))
    assert base64.b64decode(outputs(shown)["image/png"]).startswith(b"\x89PNG")
    trained = printed(next(cell for source, cell in cells.items() if source.startswith("history = model.fit")))
    assert "Epoch 2/2" in trained and "val_accuracy" in trained
