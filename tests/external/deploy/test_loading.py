"""The recipes that only large tools can load: Airflow, in an environment of its own, and Kubernetes' schemas."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from places import ROOT
from real_servers import cannot_start

from tools.processes import CannotStart, cache, install, one_at_a_time

AIRFLOW = ROOT / ".venv-airflow" / "bin" / "python"
KUBERNETES = "1.30"  # the newest whose schemas are in kubectl-validate itself

_LOOK_AT_THE_DAG = """
import json, runpy, sys
names = runpy.run_path(sys.argv[1])
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from croniter import croniter

def ends(code):
    try:
        names["run"](("sh", "-c", f"exit {code}"))
    except AirflowFailException:
        return "fails"
    except AirflowException:
        return "again"
    return "done"

dag = names["clipmill_nightly"]()
print(json.dumps({
    "schedule": croniter.is_valid(dag.schedule),
    "tasks": {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks},
    "retries": [task.retries for task in dag.tasks],
    "ends": [ends(code) for code in (0, 1, 2, 3)],
}))
"""


def test_airflow_takes_the_dag(tmp_path: Path) -> None:
    assert AIRFLOW.exists(), "make test-deploy makes the environment"
    done = subprocess.run(
        [str(AIRFLOW), "-c", _LOOK_AT_THE_DAG, str(ROOT / "deploy" / "airflow_dag.py")],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "schedule": True,
        "tasks": {"build": ["collect_garbage"], "collect_garbage": []},
        "retries": [3, 3],
        "ends": ["done", "fails", "fails", "again"],
    }


@pytest.mark.timeout(600)
def test_kubernetes_takes_the_cron_job(tmp_path: Path) -> None:
    version = "v0.0.4"
    folder = cache(f"kubectl-validate-{version}")
    with one_at_a_time(folder):
        if not (folder / "kubectl-validate").exists():
            command = ["go", "install", f"sigs.k8s.io/kubectl-validate@{version}"]
            try:
                install(command, "install Go", env={"GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"})
            except CannotStart as error:
                cannot_start(error)

    def validate(path: Path) -> int:
        tool = [str(folder / "kubectl-validate"), "--version", KUBERNETES, str(path)]
        return subprocess.run(tool, capture_output=True, timeout=100, check=False).returncode

    recipe = ROOT / "deploy" / "kubernetes-cronjob.yaml"
    assert validate(recipe) == 0
    wrong = tmp_path / "cronjob.yaml"
    wrong.write_text(recipe.read_text().replace("concurrencyPolicy", "concurrencePolicy"))
    assert validate(wrong) != 0, "the check would not have found anything"


def test_croniter_takes_the_schedules() -> None:
    recipes = [ROOT / "deploy" / name for name in ("clipmill.cron", "fuzz.cron")]
    cron = [line for recipe in recipes for line in recipe.read_text().splitlines()]
    schedules = [" ".join(line.split()[:5]) for line in cron if line[:1].isdigit()]
    program = "import sys; from croniter import croniter; print([croniter.is_valid(word) for word in sys.argv[1:]])"
    done = subprocess.run(
        [str(AIRFLOW), "-c", program, *schedules, "61 3 * * *"], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == str([True] * len(schedules) + [False]), done.stderr
