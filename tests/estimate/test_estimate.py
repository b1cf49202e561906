"""How many videos are opened for an estimate, and what it then says; nothing is decoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from clipmill.estimate.census import Census, take_census
from clipmill.estimate.estimate import Estimate, estimate
from clipmill.estimate.forecast import Foreseen, Population
from clipmill.listings import resolve
from clipmill.messages import ClipSample
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline import build
from clipmill.workers.jobs import SampleJob

CLIPS = 200
HELD = 50


class Opened:
    """Children that find a clip of 100 frames in every video, and count the videos that they open."""

    def __init__(self) -> None:
        self.videos: set[str] = set()

    def window(self, work: Iterable[tuple[int, SampleJob]]) -> Iterator[tuple[int, Any]]:
        for number, job in work:
            self.videos.add(job.task.paths[0])
            encoded = {"bytes_per_frame": 9_989.0, "seconds_per_frame": 1e-3} if job.frames else {}
            yield number, ClipSample(frames=100.0, pixels=320 * 240, **encoded)


@pytest.fixture(scope="module")
def options(tmp_path_factory) -> BuildOptions:
    folder = tmp_path_factory.mktemp("listing")
    rows = [f"c{number}.mp4,a" for number in range(CLIPS)]
    (folder / "all.csv").write_text("path,label\n" + "\n".join(rows) + "\n")
    for number in range(CLIPS):
        (folder / f"c{number}.mp4").write_bytes(b"\0")
    return BuildOptions(
        resolve(ListingOptions((str(folder / "all.csv"),), videos=str(folder))), str(folder / "out"), "run"
    )


def estimated(census: Census, options: BuildOptions, opened: int | None) -> Estimate:
    """Of a listing of which the published version has `HELD` clips, of 100 frames too."""
    held = Foreseen(held=True, stays=True, frames=100, nbytes=1_000_000)
    sample = [(row, held if number < HELD else Foreseen()) for number, row in enumerate(census.sample)]
    population = Population(CLIPS, CLIPS, 0, 0, HELD, HELD, sample)
    return estimate(census, options, Opened(), population, 1.0, encode=8, opened=opened)  # type: ignore[arg-type]


def test_few_videos_stand_for_all_that_are_new(options):
    census = take_census(options, CLIPS)
    few, all_of_them = (estimated(census, options, opened) for opened in (10, None))
    assert few.frames.value == pytest.approx(100 * CLIPS) == pytest.approx(all_of_them.frames.value)
    assert few.bytes.value == pytest.approx(all_of_them.bytes.value)
    assert few.peak_bytes == pytest.approx(all_of_them.peak_bytes, rel=0.01)
    assert few.held == all_of_them.held == HELD / CLIPS
    assert (few.sampled, all_of_them.sampled) == (HELD + 10, CLIPS)


@pytest.mark.parametrize(("free", "opened"), [(100 << 30, 40), (1 << 30, CLIPS)])
def test_a_build_opens_few_videos_where_the_disk_is_large(free, opened, options, monkeypatch):
    pool = Opened()
    monkeypatch.setattr(build, "children", lambda options: pool)
    monkeypatch.setattr("clipmill.storage.LocalStorage.free", lambda self: free)
    storage = build.open_storage(options.out)
    expected, _ = build._glance(storage, options, take_census(options, 200), {})
    assert len(pool.videos) == opened
    assert expected.frames.value == pytest.approx(100 * CLIPS)
