"""Ray Data: clips by number (`ray.data.range`) through our own reader, and `export --to parquet`."""

from __future__ import annotations

import numpy as np
import pytest
from pages import block, run

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]
ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def here():
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100_000_000)
    yield
    ray.shutdown()


def test_the_block_of_the_page_gives_every_frame_and_label(built):
    from clipmill.reader import WholeClip

    names = {"data": built.data, "WholeClip": WholeClip}
    run(block("docs/reading.md", "import ray"), names)
    found = {str(row["id"]): row for row in names["dataset"].take_all()}
    assert found.keys() == built.splits["train"].keys()
    for name, clip in built.splits["train"].items():
        assert np.array_equal(found[name]["frames"], clip.frames) and found[name]["label"] == clip.label


def test_every_frame_and_label_of_parquet(built, exported):
    for split, clips in built.splits.items():
        files = sorted(map(str, exported("parquet").rglob(f"*{split}*.parquet")))
        found = {row["id"]: row for row in ray.data.read_parquet(files).take_all()}
        assert found.keys() == clips.keys()
        for name, clip in clips.items():
            assert found[name]["label"] == clip.label
            assert [frame["bytes"] for frame in found[name]["frames"]] == clip.jpegs
