"""What a scheduler and a monitor read: the summary of a run, and its log as JSON."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest
from commanding import clipmill
from plain_build import write_videos

from clipmill.dataset.run_lock import live_run
from clipmill.pipeline.report import logs
from clipmill.storage import open_storage


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    write_videos(tmp_path / "videos", {"a/v0": 3, "a/v1": 4, "b/v2": 5})
    return tmp_path / "videos"


@pytest.fixture(autouse=True)
def text_again():
    yield
    logs.setup("text")


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_build_in_json_lines(videos: Path, tmp_path: Path) -> None:
    ran = clipmill("build", videos, "--out", tmp_path / "out", "--log-format", "json")
    assert (ran.code, ran.out) == (0, "")
    said = lines(ran.err)
    events = [line["event"] for line in said]
    assert events[:3] == ["listing", "estimate", "progress"] and events[-1] == "outcome"
    assert len({line["run"] for line in said}) == 1
    assert all(line["time"].endswith("Z") and line["level"] == "info" and line["message"] for line in said)
    assert said[0]["clips"] == 3
    assert said[-1]["changed"] and said[-1]["frames"] == 12
    assert "3 clips" in said[-1]["message"]


def test_an_error_in_json_lines(tmp_path: Path) -> None:
    ran = clipmill("build", tmp_path / "nothing", "--out", tmp_path / "out", "--log-format", "json")
    (line,) = lines(ran.err)
    assert (line["event"], line["level"], line["code"]) == ("error", "error", 2)
    assert "nothing" in line["message"]


def test_errors_of_libraries_are_json_lines_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup("json")
    logging.getLogger("some.library").error("look %s", "out")
    try:
        raise ValueError("inside")
    except ValueError:
        logging.getLogger("some.library").exception("failed")
    first, second = lines(capsys.readouterr().err)
    assert (first["event"], first["level"], first["message"]) == ("some.library", "error", "look out")
    assert "ValueError: inside" in second["traceback"]


def test_a_summary_of_a_build(videos: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.json"
    for changed, spans in ((True, 3), (False, 0)):
        assert clipmill("build", videos, "--out", tmp_path / "out", "--summary-json", summary).code == 0
        found = json.loads(summary.read_bytes())
        assert (found["code"], found["changed"], found["clips"], found["splits"]) == (0, changed, 3, {"train": 3})
        assert found["counts"].get("spans", 0) == spans
        assert (tmp_path / "out" / "runs" / found["run"] / "outcome.json").exists()
        assert found["out"] == str(tmp_path / "out") and found["seconds"] > 0


def test_a_summary_of_a_build_that_ends_badly(videos: Path, tmp_path: Path) -> None:
    summary, out = tmp_path / "summary.json", tmp_path / "out"
    (videos / "a/v1.avi").write_bytes(b"no video")
    words = ("build", videos, "--out", out, "--max-failures", 0, "--summary-json", summary)
    assert clipmill(*words).code == 1
    found = json.loads(summary.read_bytes())
    assert (found["code"], found["version"], found["failed"]) == (1, None, {"not_a_video": 1})
    assert "over --max-failures" in found["message"]
    assert clipmill("build", tmp_path / "nothing", "--out", out, "--summary-json", summary).code == 2
    assert json.loads(summary.read_bytes())["code"] == 2


def test_a_killed_build_leaves_no_summary_of_an_earlier_one(videos: Path, tmp_path: Path, monkeypatch) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text("{}")

    def killed(*_: object) -> None:
        assert not summary.exists()
        raise KeyboardInterrupt

    monkeypatch.setattr("clipmill.pipeline.build.take_census", killed)
    monkeypatch.setattr("os._exit", sys.exit)  # it ends at once, whatever threads there are
    with pytest.raises(SystemExit) as ended:
        clipmill("build", videos, "--out", tmp_path / "out", "--summary-json", summary)
    assert ended.value.code == 130
    assert json.loads(summary.read_bytes())["code"] == 130


def test_a_build_waits_for_nobody_but_gc(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with live_run(open_storage(str(out)), "another"):
        assert clipmill("build", videos, "--out", out).code == 0
        # Its fragments stay, since the other run may count on them.
        assert list((out / "work" / "fragments").rglob("*-0-1"))
        ran = clipmill("gc", out)
        assert ran.code == 3 and "another is at work here" in ran.err
