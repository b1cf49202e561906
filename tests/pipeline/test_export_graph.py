"""The graph of an export writes the bytes of the plain run, in every format, and goes on where one stopped."""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from commanding import refused
from miniature import Miniature, publish_miniature

from clipmill.errors import DataError, StorageError
from clipmill.export import FORMATS
from clipmill.export.base import ExportOptions, ExportPlan
from clipmill.export.run import ExportTask, claim, export, finish, is_done, plan_export
from clipmill.layout import LABELS
from clipmill.pipeline.export_job import export_job
from clipmill.pipeline.runners.local import Local
from clipmill.storage import open_storage
from clipmill.transforms import coders
from clipmill.transforms.export_files import ExportFiles


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """Twelve clips, one of them unlabelled, in two splits."""
    return publish_miniature(tmp_path_factory.mktemp("mini") / "out", unlabelled=(3,))


def begin(mini: Miniature, to: str, dest: Path) -> tuple[ExportTask, ExportPlan]:
    small = {"sequence_length": 2, "batch_size": 2, "size": (32, 24)} if to == "windows" else {}
    task, plan = plan_export(str(mini.path), str(dest), ExportOptions(to, shard_bytes=20_000, **small))
    assert len(plan.files) > 3
    claim(task)
    return task, plan


def by_graph(mini: Miniature, to: str, dest: Path) -> dict[str, int]:
    """Export on Beam's local runner; returns what it counted."""
    task, plan = begin(mini, to, dest)
    job = export_job(task, 20_000)
    assert not job.ended() or (dest / LABELS).exists()
    counts: dict[str, int] = {}
    Local().run(job, [], counts.update)
    assert job.ended() and counts["bytes"] == sum(file.nbytes for file in plan.files)
    return counts


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_graph_writes_the_bytes_of_the_plain_run_in_every_format(mini: Miniature, tmp_path: Path) -> None:
    """All in one pipeline, since Beam takes seconds for each."""
    coders.register()
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        for to in FORMATS:
            export(*begin(mini, to, tmp_path / "plain" / to), workers=1, tell=lambda done: None)
            task, _ = begin(mini, to, tmp_path / "graph" / to)
            _ = pipeline | to >> ExportFiles(task)
    assert len(content(tmp_path / "plain")) > 100
    assert content(tmp_path / "graph") == content(tmp_path / "plain")


def test_it_goes_on_where_one_stopped(mini: Miniature, tmp_path: Path) -> None:
    assert "kept" not in by_graph(mini, "tfds", tmp_path / "x")
    whole = content(tmp_path / "x")
    records = sorted(tmp_path.glob("x/*.tfrecord-*"))
    records[1].unlink()
    assert by_graph(mini, "tfds", tmp_path / "x")["kept"] == len(records) - 1
    assert content(tmp_path / "x") == whole


def test_an_export_of_which_a_file_got_lost_is_not_done(mini: Miniature, tmp_path: Path) -> None:
    task, plan = begin(mini, "tfds", tmp_path / "x")
    with pytest.raises(StorageError, match=r"x: \d+ of \d+ files were written; export again$"):
        finish(task, plan, len(plan.files) - 1)
    assert not is_done(open_storage(task.dest))


def test_a_damaged_record_ends_it_as_it_ends_the_plain_run(tmp_path: Path) -> None:
    copy = publish_miniature(tmp_path / "out")
    for shard in (copy.path / "shards").glob("*.tfrecord"):
        shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    with pytest.raises(DataError, match="checksum"):
        by_graph(copy, "webdataset", tmp_path / "x")
    assert not is_done(open_storage(str(tmp_path / "x")))


def test_words_that_do_not_go_together(mini: Miniature, tmp_path: Path) -> None:
    words = ("export", mini.path, "--to", "tfds", "--dest", tmp_path / "x")
    said = {
        ("--", "--streaming"): "--streaming: Beam options after -- want --runner flink or dataflow",
        ("--runner", "flink"): "--flink-master is missing: name the cluster, as --flink-master HOST:8081",
        ("--runner", "flink", "--workers", 2): "--workers: on a cluster each slot or core writes one file at a time",
        ("--runner", "dataflow"): f"{mini.path}: is on this machine, where Dataflow's workers cannot read it",
    }
    for more, message in said.items():
        assert refused(*words, *more).startswith(message)
    assert not (tmp_path / "x").exists()
