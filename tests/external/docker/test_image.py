"""The images themselves: what is in them, as whom they run, and that clipmill's own demo runs inside."""

from __future__ import annotations

import json

import pytest

from tools.image import IMAGES, Buildah, base_images

IMAGE, DATAFLOW = IMAGES[""], IMAGES["dataflow"]
POOL = """
import socket, subprocess, sys, time
pool = subprocess.Popen([sys.executable, "-m", "clipmill.pipeline.runners.worker_pool", "--port", "50123"])
end = time.time() + 60
while True:
    try:
        socket.create_connection(("127.0.0.1", 50123), 1).close()
        print("answers")
        break
    except OSError:
        assert time.time() < end and pool.poll() is None
        time.sleep(0.2)
pool.kill()
"""


def test_the_demo_runs_in_the_image(buildah: Buildah):
    printed = buildah.run(IMAGE, ["clipmill", "demo", "--out", "/data/demo"])
    assert "59 clips in" in printed
    assert "/data/demo/data/latest" in printed or "demo/data/latest" in printed
    assert "demo.png" in printed


def test_it_runs_as_nobody_in_particular(buildah: Buildah):
    assert buildah.run(IMAGE, ["id", "-u"]) == "1000"
    config = json.loads(buildah.do("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    assert config["User"] == "1000:1000"
    assert config["Entrypoint"] == ["clipmill"]
    assert config["Healthcheck"]["Test"] == ["CMD", "clipmill", "--version"]
    assert buildah.run(IMAGE, config["Healthcheck"]["Test"][1:]).startswith("clipmill ")


@pytest.mark.parametrize("image", [IMAGE, DATAFLOW])
def test_its_packages_fit_together_and_are_few(buildah: Buildah, image: str):
    assert "No broken requirements" in buildah.run(image, ["pip", "check"])
    names = {line.partition("==")[0] for line in buildah.run(image, ["pip", "list", "--format=freeze"]).splitlines()}
    assert {"apache-beam", "av", "clipmill", "obstore"} <= names
    assert not {"tensorflow", "torch", "pytest", "ruff"} & names
    assert ("google-cloud-dataflow-client" in names) == (image == DATAFLOW)


def test_it_is_small(buildah: Buildah):
    # Python's slim image is 130 MB; Arrow alone is 150 MB, Beam and OpenCV 80 each, libav 120.
    assert buildah.size(IMAGE) < 1_000_000_000
    assert buildah.size(DATAFLOW) < 1_400_000_000  # the Google packages that Beam wants


def test_a_flink_worker_pool_starts_in_it(buildah: Buildah):
    assert "answers" in buildah.run(IMAGE, ["python", "-c", POOL])


def test_dataflow_s_image_starts_workers_and_launches_the_template(buildah: Buildah):
    config = json.loads(buildah.do("inspect", "--type", "image", DATAFLOW))["Docker"]["config"]
    assert config["Entrypoint"] == ["/opt/apache/beam/boot"]
    assert config.get("User", "") in ("", "0", "root")
    # Beam's boot program is there and whole: it asks for what Dataflow tells it.
    said = buildah.run(DATAFLOW, ["sh", "-c", "/opt/apache/beam/boot 2>&1 || true"])
    assert "No id provided" in said
    launcher = "/opt/google/dataflow/python_template_launcher"
    parameters = "--runner=DataflowRunner --out=gs://bucket/out --listing=/data/none.csv"
    said = buildah.run(DATAFLOW, ["sh", "-c", f"{launcher} {parameters} 2>&1 || true"])
    assert said.splitlines()[-1].startswith("clipmill: /data/none.csv: ")
    buildah.run(DATAFLOW, ["python", "-c", "import apache_beam.runners.dataflow.internal.apiclient"])


def test_the_stand_ins_carry_the_names_that_the_dockerfile_asks_for():
    found = base_images("FROM python:3.11.14-slim AS a\nFROM apache/beam_python3.11_sdk:2.77.0\nFROM a\n"
                        "FROM gcr.io/x/python311-template-launcher-base:1 AS launcher\n")  # fmt: skip
    assert found == {
        "python": "docker.io/library/python:3.11.14-slim",
        "beam": "docker.io/apache/beam_python3.11_sdk:2.77.0",
        "launcher": "gcr.io/x/python311-template-launcher-base:1",
    }
