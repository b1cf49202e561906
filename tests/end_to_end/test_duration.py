"""How long a clip is shown: in the clip table, for samplers, and in versions of before that column."""

from __future__ import annotations

import numbered
import pytest
from building import clips
from commanding import clipmill
from older_version import drop_column

import clipmill as library
from clipmill.reader.sampling.samplers import AtFps

#: 30 frames at 33 ms, then 60 at 100 ms: 6.99 s, of which the header says 90 frames of a nominal 30 a second.
TIMES = [33 * n for n in range(30)] + [990 + 100 * n for n in range(60)]


@pytest.fixture
def out(tmp_path):
    (tmp_path / "videos").mkdir()
    numbered.write(tmp_path / "videos" / "uneven.mkv", rate=30, times=TIMES)
    numbered.write(tmp_path / "videos" / "even.mkv", 50)
    assert clipmill("build", tmp_path / "videos", "--out", tmp_path / "out").code == 0
    return tmp_path / "out"


def ticks(out):
    batches = library.open(str(out)).all.batches(AtFps(10), batch_size=1, shuffle=False)
    return {batch["id"][0]: [numbered.number(frame) for frame in batch["frames"][0]] for batch in batches}


def test_the_table_and_the_samplers_go_by_the_clock(out):
    found = {row["clip_id"]: (row["frames"], row["duration"], row["fps"]) for row in clips(out)}
    assert found["even"] == (50, 2.0, 25.0)
    assert found["uneven"] == (90, pytest.approx(6.99), pytest.approx(90 / 6.99))
    shown = ticks(out)["uneven"]
    assert shown == [max(n for n in range(90) if TIMES[n] <= 100 * tick) for tick in range(70)]
    assert len(ticks(out)["even"]) == 20


def test_a_version_without_the_column_opens_and_verifies(out):
    shown = ticks(out)
    drop_column(out, "duration")
    verified = clipmill("verify", out, "--deep")
    assert verified.code == 0, verified
    assert ticks(out)["even"] == shown["even"]
