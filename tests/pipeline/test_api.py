"""Building from Python: the functions that `clipmill` offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from footage import write_film, x264

import clipmill
from clipmill.errors import DataError, NoSuchDataset, UsageError


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name in ("run/a.mp4", "run/b.mp4", "walk/c.mp4", "walk/d.mp4"):
        (folder / name).parent.mkdir(exist_ok=True)
        write_film(folder / name, 6, options=x264())
    (folder / "walk/e.mp4").write_bytes(b"no video")
    return folder


def test_a_build_from_python(videos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    options = {"short_side": 32, "split": {"train": 0.5, "val": 0.5}, "max_failures": 1, "workers": 1, "fps": None}
    foreseen = clipmill.plan(videos, out=out, **options)
    assert foreseen["clips"] == 5 and not out.exists()
    assert capsys.readouterr().out == ""
    data = clipmill.build(videos, out=out, **options)
    said = capsys.readouterr().out
    assert said.startswith(f"{videos.name} (tree): 5 clips, 2 classes, labels 0..1, splits train 3, val 2\n")
    assert len(data["train"]) + len(data["val"]) == 4 and data.labels == ["run", "walk"]
    assert next(iter(data["train"].batches(batch_size=1)))["frames"].shape == (1, 6, 32, 48, 3)

    report = clipmill.verify(out, deep=True)
    assert (report["clips"], report["problems"]) == (4, [])
    versions, failures = clipmill.versions(out), clipmill.failures(out)
    assert isinstance(versions, pa.Table) and versions["name"].to_pylist() == [data.version]
    assert failures["source"].to_pylist() == ["walk/e.mp4"]
    assert clipmill.failures(out, reason="missing").num_rows == 0

    # A size as it is in Python, a switch, and a refusal.
    with pytest.raises(DataError, match="1 of 5 clips failed"):
        clipmill.build(videos, out=tmp_path / "other", size=(32, 24), renumber=True, max_failures=0, workers=1)


def test_what_is_wrong_is_told_as_on_the_command_line(videos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^build\(\): there is no option --short-sides$"):
        clipmill.build(videos, out=tmp_path / "out", short_sides=256)
    with pytest.raises(UsageError, match="--every: x is not a whole number"):
        clipmill.plan(videos, out=tmp_path / "out", every="x")
    with pytest.raises(UsageError, match="LISTING is missing"):
        clipmill.build(out=tmp_path / "out")
    with pytest.raises(NoSuchDataset):
        clipmill.verify(tmp_path)
    assert clipmill.versions(tmp_path).num_rows == 0


def test_the_package_offers_what_it_has_and_nothing_else() -> None:
    assert dir(clipmill) == sorted(clipmill.__all__)
    assert set(clipmill.__all__) == {
        *("__version__", "open", "mix"),
        *("build", "plan", "verify", "versions", "failures"),
    }
    program = "import sys, clipmill; dir(clipmill); print(len([m for m in sys.modules if m.startswith('clipmill')]))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "1"
