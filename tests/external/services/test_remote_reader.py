"""The reader on real object stores: the same batches as from a local folder, cached, in spawned processes."""

from __future__ import annotations

import multiprocessing
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from miniature import publish_miniature

import clipmill
from clipmill.errors import UsageError
from clipmill.reader import Batches, RandomWindow
from clipmill.reader.access.frame_ranges import FrameReader
from clipmill.storage import LocalStorage, Storage


@pytest.fixture
def copies(storage: Storage, tmp_path: Path) -> tuple[str, str]:
    """The same data set on the storage under test and on the local disk."""
    mini = publish_miniature(tmp_path / "mini", clips=40, lengths=[5, 9, 30, 17])
    local = LocalStorage(str(mini.path))
    for path, _ in local.list():
        storage.put(path, local.read(path))
    return storage.root, str(mini.path)


def make(root: str, **options: Any) -> Batches:
    cache = options.pop("cache", None)
    return clipmill.open(root, cache=cache)["train"].batches(RandomWindow(8), batch_size=6, seed=1, **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"shuffle": "shards", "path": "streaming"}])
@pytest.mark.parametrize("cached", [False, True])
def test_batches_are_those_of_a_local_copy(
    copies: tuple[str, str], options: dict[str, Any], cached: bool, tmp_path: Path
) -> None:
    remote, local = copies
    cache = str(tmp_path / "cache") if cached else None
    for epoch in range(2):
        for one, other in zip(
            make(remote, cache=cache, **options).run(epoch, 0), make(local, **options).run(epoch, 0), strict=True
        ):
            assert all(np.array_equal(one[field], other[field]) for field in other)


def test_two_requests_at_most_for_a_window(copies: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    batches = make(copies[0], shuffle=True)
    requests = []
    whole = FrameReader.read

    def counted(self: FrameReader, path: str, ranges: Any, **options: Any) -> Any:
        requests.append(path)
        return whole(self, path, ranges, **options)

    monkeypatch.setattr(FrameReader, "read", counted)
    list(batches)
    assert sum(path.endswith(".tfrecord") for path in requests) == len(batches.clips)
    assert len(requests) <= 2 * len(batches.clips)


def _ids(batches: Batches, answers: Queue[Any]) -> None:
    try:
        answers.put([batch["id"].tolist() for batch in batches])
    except UsageError as error:
        answers.put(str(error))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_spawned_processes_read_and_forked_ones_say_why_not(copies: tuple[str, str]) -> None:
    batches = make(copies[0], shuffle=True)
    expected = [batch["id"].tolist() for batch in make(copies[1], shuffle=True)]
    for method in ("spawn", "fork"):
        context: Any = multiprocessing.get_context(method)
        answers = context.Queue()
        process = context.Process(target=_ids, args=(batches, answers))
        process.start()
        found = answers.get(timeout=60)
        process.join(60)
        local = batches.clips.members[0].dataset.local
        assert found == expected if method == "spawn" or local else "a forked process cannot read remote data" in found
