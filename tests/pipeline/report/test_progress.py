"""The progress bar, and numbers as people read them."""

from __future__ import annotations

import io
import os

import pytest

from clipmill.pipeline.report import progress, words
from clipmill.pipeline.report.progress import Line, Progress, bar


@pytest.fixture
def clock(monkeypatch):
    """Time that goes on when told."""

    class Clock:
        now = 1000.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


class Shown:
    """Takes the place of a line."""

    text = ""

    def show(self, text: str) -> None:
        self.text = text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_stages_of_a_build(clock):
    line = Shown()
    shown = Progress(500, line)
    for seconds, counts, text in [
        (0, {}, "reading the listing: 0 clips"),
        (1, {"rows": 500}, "reading the listing: 500 clips"),
        (1, {"rows": 500, "sources": 40, "failed": 2}, "looking at the videos: 40  2 failed"),
        (1, {"sources": 500, "failed": 2, "tasks": 498}, "looking at the videos: 500  2 failed"),
        (1, {"tasks": 498, "spans": 83, "frames": 1000, "failed": 2}, "83/500  #...........  1,000 frames/s  2 failed"),
        (3, {"tasks": 498, "spans": 166, "frames": 8000}, "166/500  ###.........  2,000 frames/s  8s left"),
        (4, {"tasks": 498, "spans": 498, "frames": 16000}, "500/500  ############  2,000 frames/s"),
        # What comes after decoding does not slow it down.
        (9, {"tasks": 498, "spans": 498, "frames": 16000}, "500/500  ############  2,000 frames/s"),
        (1, {"tasks": 9, "spans": 9, "frames": 16000, "shards": 1}, "500/500  ############  2,000 frames/s  1 shard"),
    ]:  # fmt: skip
        clock.now += seconds
        shown.paint(counts)
        assert line.text == text


def test_clips_that_are_there_already_and_spans_of_long_ones(clock):
    line = Shown()
    shown = Progress(100, line)
    shown.paint({"sources": 100, "tasks": 100, "reused": 80})
    assert line.text == "80/100  #########..."
    clock.now += 10
    shown.paint({"tasks": 100, "reused": 80, "spans": 5, "frames": 500})
    assert line.text == "85/100  ##########..  50 frames/s  30s left"
    # One clip in seven spans is not done after the first of them.
    shown = Progress(1, line)
    shown.paint({"tasks": 7, "spans": 6, "frames": 10})
    assert line.text.startswith("0/1  ............")
    shown.paint({"tasks": 7, "spans": 7, "frames": 10})
    assert line.text.startswith("1/1  ############")


def test_the_bar_is_full_only_when_all_is_done():
    assert bar(0, 0) == "0/0  ............"
    assert bar(999_999, 1_000_000) == "999,999/1,000,000  ###########."
    assert bar(5, 5) == "5/5  ############"


def test_a_line_of_a_terminal(monkeypatch):
    columns = 20
    monkeypatch.setattr(os, "get_terminal_size", lambda descriptor: os.terminal_size((columns, 24)))
    stream = Terminal()
    stream.fileno = lambda: 1  # type: ignore[method-assign]
    line = Line(stream)
    line.close()
    assert stream.getvalue() == ""  # nothing was shown, so there is no line to end
    line.show("one")
    line.show("one")
    line.show("longer than the terminal")
    columns = 8
    line.show("longer than the terminal")
    line.close()
    assert stream.getvalue() == "\rone\x1b[K\rlonger than the ter\x1b[K\rlonger \x1b[K\n"


def test_a_line_elsewhere_is_said_every_half_minute(clock):
    stream = io.StringIO()
    line = Line(stream)
    for second in range(100):
        line.show(f"second {second}")
        clock.now += 1
    line.close()
    assert stream.getvalue() == "second 30\nsecond 60\nsecond 90\n"


def test_numbers():
    assert [words.percent(share) for share in (0, 1e-6, 0.004, 0.099, 0.17, 0.994, 0.99999, 1)] == [
        "0 %", "0.1 %", "0.4 %", "9.9 %", "17 %", "99.4 %", "99.9 %", "100 %",
    ]  # fmt: skip
    assert [words.clock(seconds) for seconds in (0.2, 59.4, 59.6, 185, 3600, 7642)] == [
        "0s", "59s", "1m00s", "3m05s", "1h00m", "2h07m",
    ]  # fmt: skip
    assert [words.size(number) for number in (0, 999, 1000, 1.9e9, 211.6e9, 999.6e9)] == [
        "0 B", "999 B", "1 kB", "1.9 GB", "212 GB", "1 TB",
    ]  # fmt: skip
    assert [words.about(number) for number in (3, 99, 123, 93_210)] == ["3", "99", "120", "93,000"]
    assert words.plural(1, "class") == "1 class" and words.plural(1200, "class") == "1,200 classes"
    assert words.classes({"run": 10, "walk": 10}) == "2 classes of 10 clips each"
    assert words.classes({"run": 1}) == "1 class of 1 clip"
    assert words.classes({"run": 10, "walk": 12, "sit": 9}) == "3 classes, from 9 (sit) to 12 clips (walk)"


def test_text_that_could_break_a_line():
    assert words.one_line("a\n\x1b[2J\tß ふたり\u202e") == "a\\n\\x1b[2J\\tß ふたり\\u202e"


def test_places_are_said_as_they_would_be_typed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert words.place(str(tmp_path / "a/b")) == "a/b"
    assert words.place(str(tmp_path.parent)) == str(tmp_path.parent)
    assert words.place("s3://bucket/a") == "s3://bucket/a"


def test_a_notebook_gets_a_line_that_changes():
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    line = Line(stream)
    line.show("12/500")
    line.show("12/500")
    line.show("3/5")
    line.close()
    assert stream.getvalue() == "\r12/500\r3/5   \n"
