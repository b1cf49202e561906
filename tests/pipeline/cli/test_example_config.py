"""clipmill init: every line of the example is an option of a build."""

from __future__ import annotations

import re

import pytest
from commanding import clipmill, refused

from clipmill.pipeline.cli.arguments import build_options
from clipmill.pipeline.cli.example_config import EXAMPLE
from clipmill.pipeline.cli.main import parse

LINES = [line for line in EXAMPLE.splitlines() if re.match(r"# \w+ = ", line)]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "videos" / "run").mkdir(parents=True)
    (tmp_path / "videos" / "run" / "a.mp4").write_bytes(b"")


def test_the_example_is_a_build_of_a_folder(tmp_path):
    ran = clipmill("init")
    assert ran.code == 0 and ran.out == "-> clipmill.toml: clipmill build --config clipmill.toml\n"
    options = build_options(parse(["build", "--config", "clipmill.toml"]))
    assert options.listing.listings == (f"{tmp_path}/videos",) and options.out == f"{tmp_path}/clips"
    assert refused("init") == "clipmill.toml: is there already; remove it, or name another file"
    assert "--config other.toml" in clipmill("init", "other.toml").out


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.split()[1])
def test_every_line_that_is_off_can_be_turned_on(line, tmp_path):
    (tmp_path / "on.toml").write_text(EXAMPLE.replace(line, line.removeprefix("# ")))
    plain, turned_on = (parse(["build", "videos", "--out", "x", *more]) for more in ([], ["--config", "on.toml"]))
    name = line.split()[1]
    assert getattr(turned_on, name) not in (None, False), name
    # Those that repeat a default are there to be changed.
    assert name in ("schema", "shard_mb", "name", "fold") or getattr(turned_on, name) != getattr(plain, name)
