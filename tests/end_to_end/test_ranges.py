"""Time ranges of a listing, from the rows to what is published and said."""

from __future__ import annotations

import numbered
import pytest
from building import clips, frames_of
from commanding import clipmill
from footage import write_film, x264


@pytest.mark.slow
def test_a_row_is_cut_or_not_whatever_other_rows_say(tmp_path):
    """And the answer stands in the clip table and in the closing lines."""
    folder = tmp_path / "videos"
    folder.mkdir()
    write_film(folder / "film.mp4", 400, options=x264())
    write_film(folder / "cut.mp4", 100, options=x264())
    rows = ["film.mp4,5,31", "cut.mp4,33,37", "cut.mp4,,"]
    more = "film.mp4,1,2"
    found = {}
    for out, lines in (("one", rows), ("two", [more, *rows])):
        listing = folder / f"{out}.csv"
        listing.write_text("path,start,end\n" + "\n".join(lines) + "\n")
        ran = clipmill("build", listing, "--out", tmp_path / out, "--json")
        assert (ran.code, ran.json["trimmed"], ran.json["ranged"]) == (0, 1, len(lines) - 2), ran
        found[out] = {row["clip_id"]: (row["frames"], row["trimmed"]) for row in clips(tmp_path / out)}
    assert found["one"] == {"film_5000_31000": (275, False), "cut_33000_37000": (100, True), "cut": (100, None)}
    assert found["two"] == found["one"] | {"film_1000_2000": (25, False)}
    said = clipmill("build", folder / "one.csv", "--out", tmp_path / "three").out
    assert "1 file taken as cut already, 1 range taken out of longer files (--trimmed auto)" in said


def test_all_rows_and_segments_of_a_broken_video_are_one_failure(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    good = [numbered.write(folder / f"{name}.mkv", 50) for name in "abcd"]
    broken = numbered.write(folder / "broken.mkv", 250)
    broken.write_bytes(bytes(data := bytearray(broken.read_bytes()))[: len(data) // 2] + bytes(len(data) // 2))
    rows = [f"{path.name},0,2" for path in good] + [f"broken.mkv,{n / 2:g},{n / 2 + 0.5:g}" for n in range(20)]
    listing = folder / "rows.csv"
    listing.write_text("path,start,end\n" + "\n".join(rows) + "\n")
    words = ("--trimmed", "no")
    refused = clipmill("build", listing, "--out", tmp_path / "none", "--max-failures", 0, *words)
    assert refused.code == 1 and " of 24 clips failed, as much as 0." in refused.err and "of 5 videos" in refused.err
    ran = clipmill("build", listing, "--out", tmp_path / "out", "--max-failures", 1, *words, "--json")
    assert ran.code == 0 and sum(ran.json["failed"].values()) >= 8, ran
    assert set(frames_of(tmp_path / "out")) == {*(path.name for path in good), "broken.mkv"}
    # Segments of what is left of it, as well.
    ran = clipmill("build", folder, "--out", tmp_path / "cut", "--segment-seconds", 0.5, "--json", "--max-failures", 1)
    assert ran.code == 0 and ran.json["splits"]["train"] >= 16, ran
