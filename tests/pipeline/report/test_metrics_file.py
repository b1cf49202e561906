"""--metrics, read back by Prometheus' own parser."""

from __future__ import annotations

from commanding import clipmill
from plain_build import write_videos
from prometheus_client.parser import text_string_to_metric_families


def test_metrics_say_how_a_build_ended(tmp_path):
    videos, out, file = tmp_path / "videos", tmp_path / "out", tmp_path / "clipmill.prom"
    write_videos(videos, {"a/1": 9, "b/2": 11})
    (videos / "b/broken.avi").write_bytes(b"no video")
    words = ("build", videos, "--out", out, "--workers", 1, "--metrics", file)
    assert clipmill(*words, "--max-failures", 1).code == 0
    found = read(file)
    assert (
        found["clips", ""] == 2 and found["frames", ""] == 20 and found["code", ""] == 0 and found["changed", ""] == 1
    )
    assert found["failed", "not_a_video"] == 1 and found["split_clips", "train"] == 2
    assert clipmill(*words, "--max-failures", 0, "--rehash").code == 1
    assert read(file)["code", ""] == 1


def read(file):
    samples = [sample for family in text_string_to_metric_families(file.read_text()) for sample in family.samples]
    assert {sample.labels["out"] for sample in samples} == {str(file.parent / "out")}
    return {
        (
            sample.name.removeprefix("clipmill_build_"),
            "".join(value for name, value in sample.labels.items() if name != "out"),
        ): sample.value
        for sample in samples
    }
