"""The simulation of benchmarks/scale.py, small: the same stages on twenty thousand rows."""

from __future__ import annotations

from benchmarks.scale import run
from clipmill.shards import plan


def test_the_simulation_ends_with_every_clip_in_a_reader(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(plan, "BAND", 2048)
    monkeypatch.setattr(plan, "LANDMARK", 16)
    run(20_000, tmp_path)
    printed = capsys.readouterr().out
    stages = dict(line.split("  ", 1) for line in printed.splitlines()[2:] if "  " in line)
    # One row in a hundred has failed, one in ten is of test and one in twenty of val.
    train = sum(1 for row in range(20_000) if row % 100 and row % 10 != 1 and row % 20 != 2)
    assert f"{train:,} clips" in stages["a reader opens it"]
    assert f"{train // 32:,} batches" in stages["and plans an epoch"]
    assert "200 rows in the ledger" in stages["publish"]
    assert "20,000 rows" in stages["a ledger of every row"]
    assert "19,800 clips" in stages["the next build reads what there is"]
    bands = int(stages["sum the splits"].partition("train: ")[2].partition(" ")[0])
    assert bands > 4
