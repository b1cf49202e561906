"""Time ranges of a listing, from the rows to what is published and said."""

from __future__ import annotations

import pytest
from building import clips
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
