"""docs/reading.md: its blocks for PyTorch and fastai run behind the first one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from miniature import publish_miniature
from pages import block, run

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
PAGE = "docs/reading.md"
CHANGES = {"224": "24", "batch_size=32": "batch_size=4", "bs=16": "bs=4", "image_size=112": "image_size=24"}


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the page's first block defines, of a small data set."""
    monkeypatch.chdir(tmp_path)
    publish_miniature(tmp_path / "ucf", clips=30, lengths=[40, 44], splits=("train", "train", "val"))
    names: dict[str, Any] = {}
    run(block(PAGE, "import clipmill\n"), names, CHANGES)
    return names


def test_the_block_for_pytorch_runs(names: dict[str, Any]) -> None:
    run(block(PAGE, "from torch"), names, CHANGES | {"num_workers=4": "num_workers=0"})
    assert tuple(names["frames"].shape) == (4, 3, 16, 24, 24)
    assert next(iter(names["loader"]))["frames"].shape[1:3] == (3, 16)


def test_the_block_for_fastai_runs(names: dict[str, Any]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    pytest.importorskip("fastai")
    from fastai.learner import Learner

    class Mean(torch.nn.Module):
        """A class from the mean of all frames."""

        def __init__(self) -> None:
            super().__init__()
            self.last = torch.nn.Linear(3, 8)

        def forward(self, *frames: Any) -> Any:
            return self.last(torch.stack(frames).mean((0, -2, -1)))

    names |= {"Learner": Learner, "model": Mean()}
    run(block(PAGE, "from clipmill.fastai"), names, CHANGES)
    assert names["dls"].one_batch()[0][0].shape[-2:] == (24, 24)
    assert isinstance(names["learner"], Learner)
