"""The job that Dataflow would get, built without a network: its size, image, hints, coders, and what it leaves out."""

from __future__ import annotations

import json
from pathlib import Path
from unittest import mock

import pytest

pytest.importorskip("google.cloud.dataflow_v1beta3", reason="needs clipmill[gcp]: make test-gcp")

from apache_beam.coders.coders import deserialize_coder
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.internal import apiclient

from clipmill.errors import LostRace, TryAgain
from clipmill.export.base import ExportFile, ExportOptions
from clipmill.export.run import ExportTask
from clipmill.ledger import Failure
from clipmill.listings import resolve
from clipmill.messages import Clip, ShardPlan
from clipmill.options import BuildOptions, ListingOptions
from clipmill.pipeline.build_job import build_job
from clipmill.pipeline.cli import dataflow_template
from clipmill.pipeline.export_job import export_job
from clipmill.pipeline.runners.dataflow import Dataflow
from clipmill.transforms.coders import ROWS, StructCoder

pytestmark = pytest.mark.gcp

IMAGE = "europe-docker.pkg.dev/project/repository/clipmill:1"
WORDS = [
    "--project=project",
    "--region=europe-west4",
    f"--sdk_container_image={IMAGE}",
    "--temp_location=gs://bucket/temp",
    "--no_auth",
]
GBK = "beam:transform:group_by_key:v1"


@pytest.fixture(autouse=True, scope="module")
def no_network():
    """Whoever asks for an address fails the test."""

    def refuse(*address: object, **kinds: object) -> None:
        raise AssertionError(f"asked the network for {address}")

    with (
        mock.patch("socket.getaddrinfo", refuse),
        # Asks the bucket for its policy, to warn of costs.
        mock.patch.object(GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", lambda *_: None),
    ):
        yield


class Offline(apiclient.DataflowApplicationClient):
    """Keeps what would be staged."""

    def __init__(self, options, root=None):
        self.staged: dict[str, bytes] = {}
        with mock.patch.object(apiclient, "create_storage_client"):
            super().__init__(options, root)

    def stage_file_with_retry(self, folder, name, stream, **kinds):
        self.staged[name] = stream.read()


def write_listing(folder: Path, rows: int) -> ListingOptions:
    folder.mkdir()
    with (folder / "clips.csv").open("w") as file:
        file.write("path,label,split\n")
        file.writelines(f"class {row % 700}/video_{row}.mp4,class {row % 700},train\n" for row in range(rows))
    return resolve(ListingOptions((str(folder / "clips.csv"),), videos=str(folder)))


def submit(listing: ListingOptions, *more: str, **changes) -> tuple[apiclient.Job, Offline]:
    """The job of a build, and the client that would have sent it."""
    options = BuildOptions(listing, "gs://bucket/out", "run", **changes)
    job = Dataflow([], None).submit(build_job(options, "0123456789abcdef"), [*WORDS, "--dry_run=True", *more]).job
    client = Offline(job.options)
    client.create_job_description(job)
    return job, client


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> tuple[apiclient.Job, Offline]:
    """The job for a listing of 300,000 rows."""
    return submit(write_listing(tmp_path_factory.mktemp("large") / "listing", 300_000))


@pytest.fixture(scope="module")
def pipeline(large) -> beam_runner_api_pb2.Pipeline:
    return beam_runner_api_pb2.Pipeline.FromString(large[1].staged["pipeline.pb"])


def test_nothing_in_the_job_grows_with_the_listing(large, tmp_path):
    job, client = large
    _, small = submit(write_listing(tmp_path / "listing", 3))
    sizes = [len(one.staged["pipeline.pb"]) for one in (client, small)]
    assert abs(sizes[0] - sizes[1]) < 2000, "no more than the paths' lengths"
    assert sizes[0] < 300_000
    assert len(job.json()) + sizes[0] < 1_000_000


def test_only_the_graph_is_staged(large):
    job, client = large
    assert set(client.staged) == {"pipeline.pb"}
    (workers,) = json.loads(job.json())["environment"]["workerPools"]
    assert not workers.get("packages")


def test_the_job_has_its_image_machine_memory_and_name(large, pipeline):
    told = json.loads(large[0].json())
    (workers,) = told["environment"]["workerPools"]
    assert told["name"] == "clipmill-clips-84ffca10"
    assert told["type"] == "JOB_TYPE_BATCH"
    assert workers["workerHarnessContainerImage"] == IMAGE
    assert [image["containerImage"] for image in workers["sdkHarnessContainerImages"]] == [IMAGE]
    assert workers["machineType"] == "n2-standard-4"
    assert workers["diskSizeGb"] == 32
    assert "use_runner_v2" in told["environment"]["experiments"]
    (environment,) = pipeline.components.environments.values()
    assert beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image == IMAGE
    assert dict(environment.resource_hints) == {"beam:resources:min_ram_bytes:v1": b"5000000000"}


def test_a_hint_of_one_s_own_is_the_only_one(tmp_path):
    _, client = submit(write_listing(tmp_path / "listing", 3), "--resource_hints=min_ram=64GB")
    graph = beam_runner_api_pb2.Pipeline.FromString(client.staged["pipeline.pb"])
    (environment,) = graph.components.environments.values()
    assert dict(environment.resource_hints) == {"beam:resources:min_ram_bytes:v1": b"64000000000"}


def test_no_session_and_nothing_large_is_pickled(large, pipeline):
    assert not large[0].options.get_all_options()["save_main_session"]
    sizes = {
        transform.unique_name: len(transform.spec.payload) for transform in pipeline.components.transforms.values()
    }
    assert max(sizes.values()) < 16_000, sorted(sizes.items(), key=lambda item: -item[1])[:3]


def test_coders_are_ours_or_plain(pipeline):
    known = {"bytes", "string_utf8", "varint", "kv", "iterable", "tuple", "nullable", "global_window"}
    ours = set()
    for coder in pipeline.components.coders.values():
        urn = coder.spec.urn.removeprefix("beam:coder:").removesuffix(":v1")
        if urn != "pickled_python":
            assert urn in known
            continue
        assert len(coder.spec.payload) < 500
        found = deserialize_coder(coder.spec.payload)
        # Beam's own: plain values, and the pane of a reshuffled row.
        plain = ("FastPrimitivesCoder", "DeterministicFastPrimitivesCoderV2", "ListCoder", "PaneInfoCoder")
        if type(found).__name__ not in plain:
            assert isinstance(found, StructCoder), found
            ours.add(found.to_type_hint())
    assert {Clip, ShardPlan, Failure} <= ours <= set(ROWS)


def test_what_is_shuffled_is_packed_rows_or_counts(pipeline):
    """Rows have no room for pixels (tests/test_no_pixels.py); only they are packed into bytes."""
    components = pipeline.components

    def spelled(name: str) -> str:
        coder = components.coders[name]
        parts = ", ".join(map(spelled, coder.component_coder_ids))
        return coder.spec.urn.removeprefix("beam:coder:").removesuffix(":v1") + (f"[{parts}]" if parts else "")

    shuffles = {}
    for transform in components.transforms.values():
        if transform.spec.urn == GBK:
            (source,) = transform.inputs.values()
            shuffles[transform.unique_name] = spelled(components.pcollections[source].coder_id)
    packed = {name for name, coder in shuffles.items() if coder == "kv[string_utf8, bytes]"}
    dealt = {name for name, coder in shuffles.items() if coder.startswith("kv[varint, tuple[bytes, nullable")}
    assert packed >= {"GroupFramesPerClip/Join/Group", "MatchPublished/Join/Group", "GroupBySource/Group/Group"}
    assert {name.partition("/")[0] for name in dealt} >= {"DecodeFrames", "WriteShards"}
    assert shuffles["PlanShards/GroupBand"] == "kv[tuple[string_utf8, varint, varint], bytes]"
    others = {name: coder for name, coder in shuffles.items() if name not in packed | dealt and "GroupBand" not in name}
    assert all(not coder.endswith("bytes]") for coder in others.values()), others


def test_an_active_job_of_the_same_name_is_another_build(tmp_path):
    listing = write_listing(tmp_path / "listing", 3)
    options = BuildOptions(listing, "gs://bucket/out", "run")
    for error, kind in (
        (apiclient.DataflowJobAlreadyExistsError("x"), LostRace),
        (OSError("no route to host\nand more"), TryAgain),
    ):
        with (
            mock.patch.object(apiclient, "DataflowApplicationClient", side_effect=error),
            pytest.raises(kind) as raised,
        ):
            Dataflow([], None).submit(build_job(options, None), WORDS)
        assert "\n" not in str(raised.value)


def test_an_export_is_a_job_of_rows_whatever_the_size_of_the_data_set(large):
    task = ExportTask("clips", "gs://bucket/out", "0123abcd", "gs://bucket/tars", ExportOptions("webdataset"))
    job = Dataflow([], None).submit(export_job(task, 50 << 20), [*WORDS, "--dry_run=True"]).job
    client = Offline(job.options)
    client.create_job_description(job)
    assert set(client.staged) == {"pipeline.pb"} and len(client.staged["pipeline.pb"]) < 50_000
    told = json.loads(job.json())
    (workers,) = told["environment"]["workerPools"]
    assert told["name"].startswith("clipmill-clips-") and told["name"] != json.loads(large[0].json())["name"]
    assert (workers["machineType"], workers["diskSizeGb"]) == ("n2-standard-4", 32)
    graph = beam_runner_api_pb2.Pipeline.FromString(client.staged["pipeline.pb"])
    (environment,) = graph.components.environments.values()
    assert beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image == IMAGE
    assert dict(environment.resource_hints) == {"beam:resources:min_ram_bytes:v1": b"5000000000"}
    found = [
        deserialize_coder(coder.spec.payload)
        for coder in graph.components.coders.values()
        if coder.spec.urn == "beam:coder:pickled_python:v1"
    ]
    ours = {coder.to_type_hint() for coder in found if isinstance(coder, StructCoder)}
    assert ours == {ExportFile}


def test_the_flex_template_writes_the_job_and_submits_nothing(tmp_path):
    listing = write_listing(tmp_path / "listing", 3)
    clients = []

    class Kept(Offline):
        def __init__(self, options: PipelineOptions, root: str) -> None:
            super().__init__(options, root)
            clients.append(self)

    parameters = [
        f"--listing={listing.listings[0]}",
        f"--videos={listing.videos}",
        "--out=gs://bucket/out",
        "--short_side=256",
        "--runner=DataflowRunner",
        "--template_location=gs://bucket/staging/job_object",
        *WORDS,
    ]
    with (
        mock.patch.object(apiclient, "DataflowApplicationClient", Kept),
        mock.patch.object(Dataflow, "check"),  # the listing is here
        mock.patch.object(dataflow_template, "open_storage"),
        mock.patch.object(dataflow_template.layout, "current_version", return_value=None),
        mock.patch.object(Offline, "submit_job_description", side_effect=AssertionError("submitted")),
    ):
        dataflow_template.main(parameters)
    (offline,) = clients
    assert set(offline.staged) == {"pipeline.pb", "job_object"}
    told = json.loads(offline.staged["job_object"])
    assert told["name"].startswith("clipmill-clips-")
    assert told["environment"]["workerPools"][0]["workerHarnessContainerImage"] == IMAGE
