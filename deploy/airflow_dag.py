"""An Airflow DAG: every night the data set follows its listing, then old versions go.

Copy it into the DAGs folder; needs Airflow 3 and, on the workers, the clipmill command.
Exit code 3 is worth another try, and a rerun goes on where the last one stopped; 1 and 2
need a person, so the task fails at once.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

OUT = "/srv/datasets/ucf"
BUILD = ("clipmill", "build", "--config", "/etc/clipmill/nightly.toml", "--out", OUT, "--max-change", "10%")
COLLECT = ("clipmill", "gc", OUT, "--keep", "7", "--older-than", "30")

AGAIN = 3


def run(command: tuple[str, ...]) -> None:
    """Run a command of clipmill's; fail for good where another try would say the same."""
    done = subprocess.run(command, check=False)
    if done.returncode == AGAIN:
        raise AirflowException(f"{' '.join(command)}: worth another try")
    if done.returncode:
        raise AirflowFailException(f"{' '.join(command)}: ended with {done.returncode}")


@dag(
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": timedelta(minutes=15)},
    tags=["clipmill"],
)
def clipmill_nightly() -> None:
    """Build, then collect garbage."""

    @task
    def build() -> dict[str, Any]:
        """The run's summary: version, whether it changed, counts."""
        with tempfile.TemporaryDirectory() as folder:
            summary = Path(folder, "summary.json")
            run((*BUILD, "--log-format", "json", "--summary-json", str(summary)))
            return dict(json.loads(summary.read_text()))

    @task
    def collect_garbage() -> None:
        """Old versions go."""
        run(COLLECT)

    build() >> collect_garbage()


clipmill_nightly()
