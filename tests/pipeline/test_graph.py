"""The whole graph on Beam's local runner, with children that answer at once: every row is counted."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

import apache_beam as beam
import msgspec
import pyarrow.parquet as pq
import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.utils import interactive_utils
from stub_pool import StubPool

from clipmill.dataset import publish
from clipmill.dataset.account import Account
from clipmill.dataset.ledger_file import read_ledger
from clipmill.dataset.publish import Outcome
from clipmill.errors import Interrupted
from clipmill.layout import current_version, read_manifest
from clipmill.listings import resolve
from clipmill.options import Budget, BuildOptions, ListingOptions
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.graph import build_graph
from clipmill.pipeline.runners.local import Local
from clipmill.storage import open_storage
from clipmill.transforms import children, resolve_sources

ALL = Budget(share=1.0)


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch):
    """Put children that do no work in the place of ours; called with what `StubPool` takes."""

    def put(**kinds: int) -> None:
        pool = StubPool(**kinds)
        monkeypatch.setattr(children, "children", lambda options: pool)
        # The files are made up as well: nobody but the pool knows which are missing.
        monkeypatch.setattr(resolve_sources, "recall_source", lambda *_: None)

    return put


def write_listing(path: Path, rows: int) -> Path:
    with path.open("w") as file:
        file.write("path,label,split,group,take\n")
        for row in range(rows):
            split = ("train", "train", "train", "val")[row % 4]
            file.write(f"c{row % 11:02d}/v{row:06d}.avi,class {row % 11},{split},g{row % 97},{row % 3}\n")
    return path


def build(listing: Path, out: Path, **changes: object) -> Outcome:
    options = BuildOptions(
        resolve(ListingOptions((str(listing),), videos=str(listing.parent))), str(out), "run", **changes
    )
    base = current_version(open_storage(str(out)))
    Local().run(build_job(options, base), [], lambda counts: None)
    return msgspec.json.decode((out / "runs/run/outcome.json").read_bytes(), type=Outcome)


def test_every_row_is_a_clip_or_a_ledger_row(stub, tmp_path: Path) -> None:
    stub(missing=2, failing=3)
    outcome = build(write_listing(tmp_path / "all.csv", 5000), tmp_path / "out", max_missing=ALL, max_failures=ALL)

    assert (outcome.code, outcome.rows) == (0, 5000)
    assert outcome.clips + sum(outcome.failed.values()) == 5000
    assert set(outcome.failed) == {"missing", "corrupt"}
    assert outcome.clips == pytest.approx(5000 * 0.8 * 0.7, rel=0.1)
    table = pq.read_table(tmp_path / "out/latest/clips.parquet")
    ledger = read_ledger(open_storage(str(tmp_path / "out")), "run")
    assert len(table) == outcome.clips
    rows = table["clip_id"].to_pylist() + [failure.clip_id for failure in ledger]
    assert sorted(rows) == [f"c{row % 11:02d}/v{row:06d}" for row in sorted(range(5000), key=lambda r: (r % 11, r))]
    assert table.column_names[-1] == "take"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_300_000_rows_of_which_half_fail_are_all_counted(stub, tmp_path: Path) -> None:
    stub(failing=5)
    outcome = build(write_listing(tmp_path / "all.csv", 300_000), tmp_path / "out", max_failures=ALL)

    assert outcome.rows == 300_000
    assert outcome.clips + outcome.failed["corrupt"] == 300_000
    assert outcome.clips == pytest.approx(150_000, rel=0.02)
    assert outcome.splits["train"] == pytest.approx(112_500, rel=0.02)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_300_000_missing_videos_end_in_the_ledger_and_publish_nothing(stub, tmp_path: Path) -> None:
    stub(missing=10)
    outcome = build(write_listing(tmp_path / "all.csv", 300_000), tmp_path / "out")

    assert outcome.code == 1
    assert outcome.message.startswith("300,000 of 300,000 videos missing, over --max-missing 1% (3,000)")
    assert outcome.failed == {"missing": 300_000}
    assert len(pq.read_table(tmp_path / "out/runs/run/failures.parquet")) == 300_000
    assert current_version(open_storage(str(tmp_path / "out"))) is None
    assert not (tmp_path / "out/shards").exists()


def test_nothing_is_published_when_every_clip_fails(stub, tmp_path: Path) -> None:
    stub(failing=10)
    outcome = build(write_listing(tmp_path / "all.csv", 50), tmp_path / "out", max_failures=ALL)
    assert (outcome.code, outcome.failed) == (1, {"corrupt": 50})
    assert outcome.message.startswith("no clip was made: nothing is published. See why with: clipmill failures ")
    assert current_version(open_storage(str(tmp_path / "out"))) is None


def test_too_many_failures_write_no_shard(stub, tmp_path: Path) -> None:
    stub(failing=2)
    outcome = build(write_listing(tmp_path / "all.csv", 100), tmp_path / "out")
    failed = outcome.failed["corrupt"]
    assert outcome.code == 1
    assert outcome.message == (
        f"{failed} of 100 clips failed, over --max-failures 1% (3): nothing is published, and the work is kept. "
        f"See them with: clipmill failures {tmp_path / 'out'}. Publish without them with: --max-failures {failed}%"
    )
    assert not (tmp_path / "out/shards").exists()


@pytest.mark.parametrize("clips", [{"train": 5, "val": 4}, {"train": 6, "val": 3}, {"train": 4, "val": 5}])
def test_the_publisher_refuses_when_a_row_is_gone_or_doubled(clips: dict[str, int]) -> None:
    account = Account(rows={"train": 7, "val": 5}, segments={"train": 1})
    assert account.unaccounted({"train": 5, "val": 4}, {"train": 3, "val": 1}) == ""
    assert account.unaccounted(clips, {"train": 2, "val": 1}) != ""


def test_a_row_lost_on_the_way_is_noticed(stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub()
    from clipmill.decoding import assemble_clips

    real = assemble_clips.group_frames

    def lossy(jobs, spans, storage, options):
        jobs = list(jobs)
        return () if jobs[0].row.clip_id == "c03/v000003" else real(jobs, spans, storage, options)

    monkeypatch.setattr("clipmill.transforms.group_frames_per_clip.group_frames", lossy)
    outcome = build(write_listing(tmp_path / "all.csv", 20), tmp_path / "out")
    assert outcome.code == 1
    assert (
        "split val: 5 clips were asked for, but 4 were made and 0 failed. 1 rows were lost or doubled"
        in outcome.message
    )
    assert current_version(open_storage(str(tmp_path / "out"))) is None


def test_duplicates_and_ids_that_are_taken(stub, tmp_path: Path) -> None:
    stub()
    (tmp_path / "rows.csv").write_text(
        "path,label,id\na/1.avi,x,one\na/2.avi,x,two\na/1.avi,x,three\na/3.avi,y,two\na/2.avi,x,two\n"
    )
    outcome = build(tmp_path / "rows.csv", tmp_path / "out", max_missing=ALL)
    assert (outcome.clips, outcome.failed) == (2, {"bad_row": 1, "duplicate": 2})
    ledger = {f.row: f for f in read_ledger(open_storage(str(tmp_path / "out")), "run")}
    assert ledger[4].message == "the same video and time range as one (" + str(tmp_path / "rows.csv") + ":2)"
    assert "the id two is taken by a/2.avi" in ledger[5].message
    assert ledger[6].reason == "duplicate"


def test_rows_that_contradict_each_other_are_all_left_out(stub, tmp_path: Path) -> None:
    stub()
    rows = [
        "a/1.avi,run,train,,",
        "a/1.avi,jump,train,,",
        "a/2.avi,run,test,,",
        "a/2.avi,run,train,,",
        "a/3.avi,run,train,0,three",
        "a/3.avi,run,train,1,tres",
        "a/3.avi,run,train,0,drei",
        "a/4.avi,run,train,,",
        "a/4.avi,run,train,,",
    ]
    found = []
    for turned in (rows, rows[::-1]):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        (folder / "rows.csv").write_text("path,label,split,label_id,id\n" + "\n".join(turned) + "\n")
        outcome = build(folder / "rows.csv", folder / "out", max_missing=ALL)
        assert (outcome.clips, outcome.failed) == (2, {"bad_row": 5, "duplicate": 2})
        ledger = read_ledger(open_storage(str(folder / "out")), "run")
        found.append((outcome.version, {f.row: f.message for f in ledger}))
    (version, first), (again, _) = found
    where = tmp_path / "0/rows.csv"
    assert version == again
    assert [first[row] for row in (2, 3, 4, 7, 10)] == [
        f"the same clip as {where}:3, but its label is run, not jump: remove the wrong one",
        f"the same clip as {where}:2, but its label is jump, not run: remove the wrong one",
        f"the same clip as {where}:5, but its split is test, not train: remove the wrong one",
        "run has the number 1 here and 0 in 2 other rows (rows.csv:6)",
        f"the same clip as {where}:9",
    ]


def test_the_order_of_the_listing_does_not_matter(stub, tmp_path: Path) -> None:
    stub()
    listing = write_listing(tmp_path / "all.csv", 400)
    first = build(listing, tmp_path / "one", shard_bytes=20 << 20)
    header, *rows = listing.read_text().splitlines()
    (tmp_path / "turned").mkdir()
    turned = tmp_path / "turned/all.csv"
    turned.write_text("\n".join([header, *reversed(rows)]) + "\n")
    second = build(turned, tmp_path / "two", shard_bytes=20 << 20)
    assert first.version == second.version
    manifest = read_manifest(open_storage(str(tmp_path / "one")))
    assert len(manifest.splits["train"].shards) > 10
    for name in ("clips.parquet", "manifest.json", "label.labels.txt", "dataset_info.json"):
        assert (tmp_path / "one/latest" / name).read_bytes() == (tmp_path / "two/latest" / name).read_bytes()


def test_labels_that_would_move_stop_the_build(stub, tmp_path: Path) -> None:
    stub()
    listing = tmp_path / "rows.csv"
    listing.write_text("path,label\na/1.avi,b\na/2.avi,c\n")
    assert build(listing, tmp_path / "out").code == 0
    before = current_version(open_storage(str(tmp_path / "out")))
    listing.write_text("path,label\na/1.avi,b\na/2.avi,c\na/3.avi,a\n")
    outcome = build(listing, tmp_path / "out")
    assert outcome.code == 1
    assert outcome.message.startswith("2 of 2 labels would mean another class (0: b -> a): nothing is published.")
    assert current_version(open_storage(str(tmp_path / "out"))) == before
    assert build(listing, tmp_path / "out", renumber=True).code == 0


def test_limit_spreads_clips_over_classes_and_splits(stub, tmp_path: Path) -> None:
    stub()
    listing = write_listing(tmp_path / "all.csv", 2000)
    options = BuildOptions(
        resolve(ListingOptions((str(listing),), videos=str(tmp_path), limit=44)), str(tmp_path / "out"), "run"
    )
    Local().run(build_job(options, None), [], lambda counts: None)
    table = pq.read_table(tmp_path / "out/latest/clips.parquet")
    counts = table.group_by(["label_text", "split"]).aggregate([([], "count_all")])["count_all"].to_pylist()
    assert counts == [2] * 22


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_while_it_publishes_ends_as_any_other(
    stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: int
) -> None:
    stub()
    real = publish.move_pointer

    def move(*arguments) -> str | None:
        os.kill(os.getpid(), sent)
        time.sleep(2)  # longer than a run that was stopped is waited for
        return real(*arguments)

    monkeypatch.setattr(publish, "move_pointer", move)
    outcome = build(write_listing(tmp_path / "all.csv", 50), tmp_path / "out")
    assert (outcome.code, outcome.changed) == (0, True)
    assert current_version(open_storage(str(tmp_path / "out"))) == outcome.version


def test_a_run_that_is_stopped_before_it_publishes_does_not(
    stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub()
    real = publish._missing_shard

    def look(*arguments) -> str | None:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(2)
        return real(*arguments)

    monkeypatch.setattr(publish, "_missing_shard", look)
    with pytest.raises(Interrupted, match="nothing was published"):
        build(write_listing(tmp_path / "all.csv", 50), tmp_path / "out")
    for thread in threading.enumerate():
        if thread.name == "clipmill-beam":
            thread.join()
    assert current_version(open_storage(str(tmp_path / "out"))) is None


def refused_by_fuser(pipeline: beam.Pipeline) -> list[str]:
    """What produces a collection that is flattened, and whose other uses make Beam's fuser in Java refuse the graph."""
    grouped = {"beam:transform:group_by_key:v1", "beam:transform:reshuffle:v1"}
    steps = pipeline.to_runner_api().components.transforms.values()
    steps = [step for step in steps if step.spec.urn and (not step.subtransforms or step.spec.urn in grouped)]
    flattened: dict[str, int] = defaultdict(int)
    otherwise = set()
    for step in steps:
        do = beam_runner_api_pb2.ParDoPayload()
        if step.spec.urn == "beam:transform:pardo:v1":
            do.ParseFromString(step.spec.payload)
        for used in step.inputs.values():
            if step.spec.urn == "beam:transform:flatten:v1":
                flattened[used] += 1
            elif do.side_inputs or step.spec.urn in grouped:
                otherwise.add(used)
    refused = {used for used, times in flattened.items() if times > 1 or used in otherwise}
    return [step.unique_name for step in steps if refused & set(step.outputs.values())]


@pytest.mark.parametrize("choice", [{}, {"limit": 2}, {"splits": {"train": 0.5, "val": 0.5}}, {"limit": 2, "fold": 2}])
def test_the_graph_passes_the_fuser_of_runners_that_take_it_as_it_is(tmp_path: Path, choice: dict) -> None:
    options = BuildOptions(ListingOptions((str(tmp_path),), **choice), str(tmp_path / "out"), "run", max_missing=ALL)
    pipeline = beam.Pipeline()
    build_graph(pipeline, options, None)
    assert refused_by_fuser(pipeline) == []
    # What is looked for is found where it is.
    one = pipeline | "One" >> beam.Create([1])
    _ = (one, one | "Two" >> beam.Map(str)) | "Both" >> beam.Flatten(), one | "Grouped" >> beam.Reshuffle()
    assert len(refused_by_fuser(pipeline)) == 1


def test_a_notebook_needs_nothing_more_of_beam(stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub()
    inside = lambda: True  # noqa: E731
    monkeypatch.setattr(interactive_utils, "is_in_ipython", inside)
    monkeypatch.setitem(sys.modules, "apache_beam.runners.interactive", None)
    options = BuildOptions(
        resolve(ListingOptions((str(write_listing(tmp_path / "all.csv", 9)),), videos=str(tmp_path))), "out", "run"
    )
    build_graph(beam.Pipeline(), options, None)
    assert interactive_utils.is_in_ipython is inside, "other pipelines of the notebook are as they were"
    with pytest.raises(ImportError):
        beam.Pipeline() | beam.Create([1])
