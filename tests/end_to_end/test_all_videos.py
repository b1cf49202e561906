"""One build over all real videos: each is a clip with the frames of facts.csv, or a ledger row with the reason."""

from __future__ import annotations

import csv

import pyarrow.parquet as pq
import pytest
from commanding import clipmill
from listed import write
from real_videos import LONG, MORE, REFUSED

from clipmill.layout import CLIPS, version_path

pytestmark = [pytest.mark.slow, pytest.mark.shared_data, pytest.mark.timeout(2400)]


def test_every_video_is_a_clip_or_a_ledger_row(shared_data, tmp_path):
    with open(shared_data / "facts.csv", newline="") as file:
        facts = {row["file"].removeprefix("videos/"): int(row["decoded_frames"] or 0) for row in csv.DictReader(file)}
    names = sorted(facts.keys() - {LONG})
    rows = "".join(f"{name}\n" for name in names)  # none has a comma or a quote in it
    listing = write(tmp_path / "all.csv", "path\n" + rows)
    out = tmp_path / "out"
    more = ("--short-side", 64, "--max-failures", "30%", "--json")
    ran = clipmill("build", listing, "--videos", shared_data / "videos", "--out", out, *more)
    assert ran.code == 0 and "Traceback" not in ran.err, ran
    assert ran.json["clips"] + sum(ran.json["failed"].values()) == len(names)

    clips = pq.read_table(out / version_path(ran.json["version"], CLIPS), columns=["source", "frames"]).to_pylist()
    expected = {name: count for name, count in (facts | MORE).items() if name not in REFUSED and name != LONG}
    assert {clip["source"]: clip["frames"] for clip in clips} == expected
    failures = clipmill("failures", out, "--json").json
    assert {failure["source"]: failure["reason"] for failure in failures["failures"]} == REFUSED
