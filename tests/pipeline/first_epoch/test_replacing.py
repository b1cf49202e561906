"""Going over from clips that are made to those of the published version: nothing is made any more, nothing waits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psutil
from plain_build import write_videos

import clipmill
from clipmill.dataset.run_lock import others
from clipmill.pipeline.first_epoch.dataset import ListedDataset
from clipmill.storage import open_storage


def test_once_clips_are_published_the_children_end_and_the_run_is_over(tmp_path: Path) -> None:
    write_videos(tmp_path / "videos", {"c0/a": 5, "c1/b": 7})
    before = set(psutil.Process().children())
    data: Any = clipmill.open(tmp_path / "videos", build=tmp_path / "out", workers=1)
    assert isinstance(data, ListedDataset)
    maker = data._maker
    maker.when_drained = lambda: None
    assert [maker.clip(row, whole=True).frames for row in (0, 1)] == [5, 7]
    children = list(set(psutil.Process().children()) - before)
    fragments = tmp_path / "out" / "work" / "fragments"
    assert children and len(list(fragments.glob("*/*"))) == 2
    published = object()
    maker.replace(lambda row: published)
    assert maker.clip(0, whole=False) is published
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert not list(fragments.glob("*/*"))
    assert not others(open_storage(str(tmp_path / "out")), "another")
    maker.follow([0], (0, 1))  # as an epoch that began before


def test_who_waits_for_a_clip_gets_the_published_one(tmp_path: Path) -> None:
    write_videos(tmp_path / "videos", {"c0/a": 5})
    data: Any = clipmill.open(tmp_path / "videos", build=tmp_path / "out", workers=1)
    maker = data._maker
    maker._start = lambda: None  # so that nothing is made
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(maker.clip(0, whole=True)))
    waiting.start()
    published = object()
    maker.replace(lambda row: published)
    waiting.join(timeout=60)
    assert got == [published]
