"""Each file that another tool loads is checked by it, or by its schema; and the commands in them are commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
import yaml
from places import ROOT
from real_servers import cannot_start

from clipmill.pipeline.cli.main import _parser
from tools.processes import CannotStart, cache, install, one_at_a_time

COMPOSE = ROOT / "docker" / "compose.yaml"
CRONJOB = ROOT / "deploy" / "kubernetes-flink-cronjob.yaml"
KUBERNETES = "1.30"  # the newest whose schemas are in kubectl-validate itself
BIN = Path(sys.executable).parent


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def kubectl_validate() -> Path:
    version = "v0.0.4"
    folder = cache(f"kubectl-validate-{version}")
    with one_at_a_time(folder):
        if not (folder / "kubectl-validate").exists():
            source = f"sigs.k8s.io/kubectl-validate@{version}"
            try:
                install(
                    ["go", "install", source], "install Go", env={"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"}
                )
            except CannotStart as error:
                cannot_start(error)
    return folder / "kubectl-validate"


def check_compose(path: Path) -> subprocess.CompletedProcess[str]:
    uv = shutil.which("uv", path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    assert uv, "uv comes with the development environment"
    tool = (uv, "tool", "run", "--quiet", "--from", "check-jsonschema==0.39.0", "check-jsonschema")
    return run(*tool, "--builtin-schema", "vendor.compose-spec", path)


def build_words(words: list[str]) -> Namespace:
    """The words of a command, parsed as clipmill would."""
    return _parser().parse_args(words)


def test_the_dockerfile_is_clean():
    hadolint = shutil.which("hadolint", path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    assert hadolint, "hadolint comes with the development environment, on Linux"
    done = run(hadolint, ROOT / "docker" / "Dockerfile")
    assert not done.returncode, done.stdout


def test_the_compose_file_is_one(tmp_path):
    done = check_compose(COMPOSE)
    assert not done.returncode, done.stdout
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(COMPOSE.read_text().replace("depends_on:", "depend_on:", 1))
    assert check_compose(wrong).returncode, "the check would not have found anything"


def test_the_compose_file_says_what_clipmill_and_its_image_understand():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    for service in services.values():
        assert service["image"] == "clipmill" or ":" in service["image"], "pinned"
    build = services["build"]
    program, *words = [*build["entrypoint"], *build["command"]]
    assert program == "clipmill"
    arguments = build_words(words)
    assert (arguments.runner, arguments.flink_master) == ("flink", "jobmanager:8081")
    assert services["workers"]["entrypoint"] == ["python", "-m", "clipmill.pipeline.runners.worker_pool"]
    assert services["workers"]["network_mode"] == "service:taskmanager"
    stores = {services[name]["environment"]["AWS_ENDPOINT_URL"] for name in ("build", "workers")}
    assert stores == {"http://s3:7070"}
    s3 = services["s3"]["environment"]
    assert (s3["ROOT_ACCESS_KEY"], s3["ROOT_SECRET_KEY"]) == (
        build["environment"]["AWS_ACCESS_KEY_ID"],
        build["environment"]["AWS_SECRET_ACCESS_KEY"],
    )


def test_the_cron_job_is_one(kubectl_validate, tmp_path):
    done = run(kubectl_validate, "--version", KUBERNETES, CRONJOB)
    assert not done.returncode, done.stdout + done.stderr
    wrong = tmp_path / "cronjob.yaml"
    wrong.write_text(CRONJOB.read_text().replace("concurrencyPolicy", "concurrencePolicy"))
    assert run(kubectl_validate, "--version", KUBERNETES, wrong).returncode, "the check would not have found anything"


def test_the_cron_job_submits_a_build_to_flink():
    spec = yaml.safe_load(CRONJOB.read_text())["spec"]
    job = spec["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert build_words(container["args"]).runner == "flink"
    assert spec["concurrencyPolicy"] == "Forbid"
    (codes,) = [rule["onExitCodes"] for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    assert (codes["containerName"], codes["values"]) == (container["name"], [1, 2])
