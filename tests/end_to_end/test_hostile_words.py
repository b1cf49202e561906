"""Words of listings that would steer a terminal are shown escaped by every command."""

from __future__ import annotations

import pytest
from commanding import clipmill
from footage import write_film
from listed import write

#: Sets a terminal's title, clears its screen, writes from right to left.
STEERING = "\x1b]0;owned\x07\x1b[2J\u202e"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What each command printed, by its words."""
    folder = tmp_path_factory.mktemp("hostile")
    for number in range(3):
        write_film(folder / f"{number}{STEERING}.avi", 6, codec="mpeg4")
    rows = [f"{number}{STEERING}.avi,{STEERING}run,x" for number in range(3)]
    rows += [f"gone{STEERING}.avi,{STEERING}walk,x", f"../{STEERING}.avi,run,x"]
    listing = write(folder / "l.csv", f"path,label,odd{STEERING}\n" + "\n".join(rows) + "\n")
    bad = write(folder / "bad.csv", f"when{STEERING},label\n{STEERING},x\n")
    out = folder / "out"
    more = ("--out", out, "--workers", 1, "--max-missing", 2, "--max-failures", 1)
    commands = [
        ("plan", listing, *more),
        ("build", listing, *more),
        ("inspect", out),
        ("inspect", out, "--clip", f"1{STEERING}"),
        ("failures", out),
        ("verify", out),
        ("build", bad, "--out", folder / "none"),
    ]
    return {" ".join(map(str, words)): clipmill(*words) for words in commands}


def test_the_commands_did_their_work(ran):
    assert [each.code for each in ran.values()] == [0, 0, 0, 0, 0, 0, 2], ran
    assert sum("\\x1b" in each.out + each.err for each in ran.values()) >= 5


def test_no_terminal_is_steered(ran):
    for words, each in ran.items():
        assert not {"\x1b", "\x07", "\u202e"} & set(each.out + each.err), words
