"""A listing that is trained on while it is built: its first epoch is that of the published set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from commanding import built
from numbered import HEIGHT, WIDTH, number, write
from plain_build import published_bytes

import clipmill
from clipmill.errors import DataError, UsageError
from clipmill.estimate.census import take_census
from clipmill.pipeline.cli.arguments import build_options
from clipmill.pipeline.cli.main import parse
from clipmill.pipeline.first_epoch.dataset import ListedDataset
from clipmill.pipeline.first_epoch.listed import ListedClips
from clipmill.reader import AtFps, HorizontalFlip, RandomCrop, RandomWindow, WholeClip

LENGTHS = {"a": 12, "b": 30, "c": 7, "d": 21, "e": 16, "f": 9, "g": 40}
READER: dict[str, Any] = {"batch_size": 3, "shuffle": True, "on_error": "skip", "seed": 5}


def rows(batches: Any) -> Iterator[dict[str, np.ndarray]]:
    """Each clip's row of the batches of an epoch, without those of clips that could not be read."""
    for batch in batches:
        for at, length in enumerate(batch["length"]):
            if length:
                yield {field: array[at] for field, array in batch.items() if field != "step"}


def same(first: Any, second: Any) -> bool:
    """Whether two epochs give the same rows in the same order."""
    pairs = list(zip(rows(first), rows(second), strict=True))
    return bool(pairs) and all(np.array_equal(one[field], other[field]) for one, other in pairs for field in one)


@pytest.fixture(scope="module")
def listing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbered videos, one in a folder that the row does not name, one that is cut off, and one that is missing."""
    root = tmp_path_factory.mktemp("listing")
    (root / "further").mkdir()
    lines = ["path,label,split"]
    for at, (name, frames) in enumerate(LENGTHS.items()):
        write(root / ("further" if name == "d" else "") / f"{name}.mp4", frames)
        lines.append(f"{name}.mp4,class{at % 2},{'val' if name in 'fg' else 'train'}")
    (root / "broken.mp4").write_bytes((root / "g.mp4").read_bytes()[:600])
    lines += ["broken.mp4,class0,train", "missing.mp4,class1,train"]
    (root / "list.csv").write_text("\n".join(lines))
    return root / "list.csv"


@pytest.fixture(scope="module")
def published(listing: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a plain build makes of it."""
    out = tmp_path_factory.mktemp("published") / "out"
    built(listing, "--out", out, "--max-failures=3", "--max-missing=3")
    return out


Opens = Callable[..., ListedDataset]


@pytest.fixture
def opened(listing: Path, tmp_path: Path) -> Iterator[Opens]:
    """Opens the listing; nothing of it is published, unless the test asks for that."""
    sets: list[ListedDataset] = []

    def open_listing(publish: bool = False, **options: Any) -> ListedDataset:
        given = {"build": tmp_path / "out", "max_failures": 3, "max_missing": 3} | options
        data = clipmill.open(listing, **given)
        assert isinstance(data, ListedDataset)
        if not publish:
            data._maker.when_drained = lambda: None
        sets.append(data)
        return data

    yield open_listing
    for data in sets:
        data.close()


def test_the_first_epoch_and_what_is_published_are_those_of_a_build(
    opened: Opens, published: Path, tmp_path: Path
) -> None:
    data = opened(publish=True)
    augment = [RandomCrop(64), HorizontalFlip()]
    batches = data["train"].batches(RandomWindow(4), augment=augment, **READER)
    reference = clipmill.open(published)["train"].batches(RandomWindow(4), augment=augment, **READER)
    assert data.splits == ["train", "val"] and len(data["train"]) == 7
    assert same(batches, reference)
    assert sorted(clip for clip, _ in batches.skipped) == ["broken", "missing"]
    assert data.publish().version == clipmill.open(published).version
    assert published_bytes(tmp_path / "out") == published_bytes(published)
    assert not (tmp_path / "out" / "work" / "fragments").exists()
    assert same(batches, reference), "the second epoch is read from the published version"
    state = batches.state_dict()
    assert state["reader"]["clips"][0]["version"] == data.publish().version
    again = opened()["train"].batches(RandomWindow(4), augment=augment, **READER)
    again.load_state_dict(state)
    assert same(again, reference), "and so is a later one after a new start"


def test_a_run_goes_on_where_another_ended(opened: Opens, published: Path) -> None:
    reference = [row["id"] for row in rows(clipmill.open(published)["train"].batches(RandomWindow(4), **READER))]
    batches = opened()["train"].batches(RandomWindow(4), **READER)
    first = next(iter(batches))
    state = msgspec.json.decode(msgspec.json.encode(batches.state_dict()))
    again = opened()["train"].batches(RandomWindow(4), **READER)
    again.load_state_dict(state)
    seen = [clip for clip, length in zip(first["id"], first["length"], strict=True) if length]
    assert [*seen, *(row["id"] for row in rows(again))] == reference


@pytest.mark.parametrize(
    ("sampler", "options"),
    [
        (RandomWindow(4), {"shuffle": False}),
        (RandomWindow(4), {"shuffle": True, "by_length": True}),
        (WholeClip(), {"shuffle": True}),
        (RandomWindow(10, short="drop"), {"shuffle": True}),
        (AtFps(12.5, 5), {"shuffle": True}),
        (RandomWindow(4), {"shuffle": True, "weights": "balanced"}),
    ],
)
def test_what_needs_lengths_waits_for_them(
    sampler: Any, options: dict[str, Any], opened: Opens, published: Path
) -> None:
    batches = opened().all.batches(sampler, **READER | options)
    reference = clipmill.open(published).all.batches(sampler, **READER | options)
    if "weights" in options:  # a clip that fails is drawn, too
        assert {row["id"] for row in rows(batches)} <= set(reference.clips.ids.to_pylist())
    else:
        assert same(batches, reference)


def test_batches_are_read_in_processes(opened: Opens, published: Path) -> None:
    batches = opened()["train"].batches(RandomWindow(4), workers=1, **READER)
    assert same(batches, clipmill.open(published)["train"].batches(RandomWindow(4), **READER))


def test_a_budget_that_is_passed_ends_the_publishing_and_not_the_training(opened: Opens) -> None:
    data = opened(publish=True, max_failures=0)
    batches = data["train"].batches(RandomWindow(4), **READER)
    assert len(list(rows(batches))) == 5
    with pytest.raises(DataError, match="max-"):
        data.publish()
    assert len(list(rows(batches))) == 5


def test_single_clips_can_be_looked_at(opened: Opens) -> None:
    data = opened()
    clip = data["train"][0]
    assert [number(frame) for frame in clip.frames] == list(range(LENGTHS["a"]))
    assert clip.length == LENGTHS["a"] and (clip.width, clip.height) == (WIDTH, HEIGHT)
    assert "1 of 9 clips" in repr(data)
    assert data["train"].select(ids=["b", "c"]).clips["label_text"].to_pylist() == ["class1", "class0"]


def test_a_window_is_read_from_the_spans_of_a_long_clip(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    video = write(tmp_path / "videos" / "long.mp4", 200, options={"g": "10", "bf": "2", "preset": "ultrafast"})
    options = build_options(parse(["build", str(video.parent), "--out", str(tmp_path / "out"), "--workers=1"]))
    options = msgspec.structs.replace(options, span_frames=20)
    (tmp_path / "out").mkdir()
    data = ListedDataset(options, [], ListedClips(options, take_census(options, 1)))
    for epoch in range(3):
        batch = data.all.batches(RandomWindow(30), batch_size=1).at(epoch, 0)
        numbers = [number(frame) for frame in batch["frames"][0]]
        assert numbers == list(range(numbers[0], numbers[0] + 30)) == batch["frame_index"][0].tolist()
        assert batch["timestamp"][0].tolist() == [40_000 * n for n in numbers]
    assert data.all[0].length == 200
    data.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [({"shuffle": "shards"}, "shards, which are not there"), ({"path": "streaming"}, "shards, which are not there")],
)
def test_readers_of_shards_are_refused(options: dict[str, Any], message: str, opened: Opens) -> None:
    with pytest.raises(UsageError, match=message):
        opened().all.batches(RandomWindow(4), batch_size=2, **options)


def test_options_that_do_not_go_with_it_are_refused(opened: Opens, listing: Path) -> None:
    with pytest.raises(UsageError, match="segment_seconds"):
        opened(segment_seconds=1)
    with pytest.raises(UsageError, match="similar"):
        opened(split={"train": 0.5, "val": 0.5}, split_by="similar")
    with pytest.raises(UsageError, match="build="):
        clipmill.open(listing, short_side=64)
    with pytest.raises(UsageError, match="publish"):
        clipmill.mix({"one": (opened()["train"], 1)})
    with pytest.raises(UsageError, match="--no-such"):
        opened(no_such=1)


def test_bad_rows_are_told(listing: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rows = listing.parent / "rows.csv"
    rows.write_text("path,label,start,end\na.mp4,a,3,1\n")
    with pytest.raises(DataError, match=r"1 of 1 rows are bad, as .*rows\.csv:2: "):
        clipmill.open(rows, build=tmp_path / "out")
    rows.write_text("path,label,start,end\nb.mp4,a,0,1\na.mp4,a,3,1\n")
    data = clipmill.open(rows, build=tmp_path / "out")
    assert len(data.all) == 1 and "1 of 2 rows are bad" in caplog.text
