"""Two publishers of one version: who comes first at each step is chosen here, not left to chance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import plain_build
import pytest

from clipmill.dataset import publish as module
from clipmill.dataset.publish import OUTCOME, Outcome, publish
from clipmill.dataset.run_lock import live_run
from clipmill.dataset.verify import verify
from clipmill.layout import current_version, run_path

STEPS = ["_is_whole", "_write_version", "join", "tables", "find_shared_content", "move_pointer", "link_latest"]


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / "videos" / name).mkdir(parents=True)
    plain_build.write_videos(tmp_path / "videos", {"a/1": 5, "a/2": 7, "b/1": 6, "b/2": 9})
    return tmp_path / "videos"


def about_to_publish(videos: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, ...]:
    """What a build hands to `publish` when all shards are written."""
    calls: list[tuple[Any, ...]] = []

    def take(*arguments: Any) -> Outcome:
        calls.append(arguments)
        return Outcome(code=3)

    with monkeypatch.context() as patched:
        patched.setattr(plain_build, "publish", take)
        plain_build.plain_build(videos, out)
    (arguments,) = calls
    return arguments


def overtaken(step: str, arguments: tuple[Any, ...], other: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch):
    """Publish, and just before this step publish the other one from beginning to end."""
    real = getattr(module, step)
    first: list[Outcome] = []

    def late(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(module, step, real)
        first.append(publish(*other))
        return real(*args, **more)

    monkeypatch.setattr(module, step, late)
    second = publish(*arguments)
    assert len(first) == 1, "the step was taken"
    return first[0], second


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("doubled", [True, False], ids=["one run twice", "two runs"])
def test_both_publish_the_same_version(videos, tmp_path, monkeypatch, step, doubled):
    assert plain_build.plain_build(videos, tmp_path / "alone").code == 0
    out = tmp_path / "out"
    other = about_to_publish(videos, out, monkeypatch)
    arguments = other if doubled else about_to_publish(videos, out, monkeypatch)
    storage, options = arguments[:2]
    assert (options.run == other[1].run) is doubled
    with live_run(storage, options.run):
        first, second = overtaken(step, arguments, other, monkeypatch)
    assert (first.code, second.code) == (0, 0), (first, second)
    assert first.version == second.version == current_version(storage)
    assert plain_build.published_bytes(out) == plain_build.published_bytes(tmp_path / "alone")
    assert not verify(storage, deep=True).problems
    written = storage.read(run_path(options.run, OUTCOME))
    assert msgspec.json.decode(written, type=Outcome).code == 0


@pytest.mark.parametrize("step", STEPS)
def test_of_two_versions_the_first_stays_and_the_other_is_told(videos, tmp_path, monkeypatch, step):
    out = tmp_path / "out"
    arguments = about_to_publish(videos, out, monkeypatch)
    plain_build.write_videos(videos, {"b/3": 8})
    other = about_to_publish(videos, out, monkeypatch)
    with live_run(arguments[0], arguments[1].run):
        first, second = overtaken(step, arguments, other, monkeypatch)
    # Before the last step the pointer had moved already.
    won, lost = (second, first) if step == "link_latest" else (first, second)
    assert won.code == 0 and won.version == current_version(arguments[0])
    assert lost.code == 3 and lost.message == f"another run published {won.version} meanwhile; run the build again"
    assert lost.version != won.version
    assert not verify(arguments[0], deep=True).problems


def test_parts_that_are_gone_without_a_version_are_worth_another_try(videos, tmp_path, monkeypatch):
    arguments = about_to_publish(videos, tmp_path / "out", monkeypatch)
    storage, options, *_, written, _ = arguments
    storage.delete(written[0].part)
    with live_run(storage, options.run):
        outcome = publish(*arguments)
    assert outcome.code == 3 and outcome.message.endswith("run the build again")
    assert current_version(storage) is None
    assert plain_build.plain_build(videos, tmp_path / "out").code == 0
