"""The recipes of deploy/: each is loaded by the tool it is for, where it is here, and its commands are commands."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from places import ROOT
from prometheus_client.parser import text_string_to_metric_families

from clipmill.pipeline.cli.main import _parser
from clipmill.pipeline.report.metrics_file import metrics

DEPLOY = ROOT / "deploy"
CRON, SERVICE, TIMER = (DEPLOY / f"clipmill.{suffix}" for suffix in ("cron", "service", "timer"))
FUZZ = DEPLOY / "fuzz.cron"
FAILED, ALERTS = DEPLOY / "clipmill-failed.service", DEPLOY / "prometheus-alerts.yaml"
DAG, CRONJOB = DEPLOY / "airflow_dag.py", DEPLOY / "kubernetes-cronjob.yaml"


def cron_lines(file: Path = CRON) -> list[tuple[str, str]]:
    """Schedule and command of each line, the command as cron gives it to the shell."""
    lines = [line for line in file.read_text().splitlines() if line and not re.match(r"#|\w+=", line)]
    fields = [line.split(None, 6) for line in lines]
    assert all(re.search(r"(?<!\\)%", command) is None for *_, command in fields), "cron ends a line at %"
    return [(" ".join(line[:5]), line[6].replace("\\%", "%")) for line in fields]


def service_lines() -> list[str]:
    """Commands of the service, as systemd runs them."""
    text = SERVICE.read_text()
    assert not re.search(r"(?<!%)%(?!%)", text), "systemd takes a single % for a specifier"
    return [line.replace("%%", "%") for line in re.findall(r"^Exec\w+=(.*)$", text, re.MULTILINE)]


def dag_commands() -> list[list[str]]:
    """The tuples of words in the DAG that begin with clipmill."""
    values = {}
    for node in ast.parse(DAG.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            code = compile(ast.Expression(node.value), "dag", "eval")
            values[node.targets[0].id] = eval(code, dict(values))
    return [list(value) for value in values.values() if isinstance(value, tuple)]


def cron_job_words() -> list[str]:
    (container,) = yaml.safe_load(CRONJOB.read_text())["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return ["clipmill", *container["args"]]


def commands() -> dict[str, list[list[str]]]:
    """All clipmill commands, by recipe."""
    in_shell = [part for _, line in cron_lines() for part in re.findall(r"clipmill (?:build|gc)[^;|>]*", line)]
    return {
        "cron": [shlex.split(re.sub(r"\s2$", "", command)) for command in in_shell],
        "systemd": [shlex.split(line) for line in service_lines()],
        "airflow": dag_commands(),
        "kubernetes": [cron_job_words()],
    }


@pytest.mark.parametrize("recipe", commands())
def test_the_commands_are_commands(recipe: str) -> None:
    found = commands()[recipe]
    parsed = [_parser().parse_words(words[1:]) for words in found]
    assert "build" in [arguments.command for arguments in parsed]
    for arguments in parsed:
        if arguments.command == "build":
            assert arguments.max_change.share == 0.1 and not arguments.yes
        else:
            assert (arguments.command, arguments.keep, arguments.older_than) == ("gc", 7, 30.0)


def test_cron_runs_them_with_the_shell() -> None:
    for schedule, command in cron_lines() + cron_lines(FUZZ):
        assert len(schedule.split()) == 5
        done = subprocess.run(["sh", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("code", "tries"), [(0, 1), (1, 1), (2, 1), (3, 3)])
def test_cron_tries_again_what_is_worth_it(code: int, tries: int, tmp_path: Path) -> None:
    command = cron_lines()[0][1].replace("/var/log/clipmill", str(tmp_path)).replace("/var/lib/clipmill", str(tmp_path))
    (tmp_path / "summary.json").write_text("summary")
    (tmp_path / "clipmill").write_text(f"#!/bin/sh\necho try >> {tmp_path}/tries\nexit {code}\n")
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    for name in ("clipmill", "sleep"):
        (tmp_path / name).chmod(0o755)
    shell = ["sh", "-c", command]
    done = subprocess.run(shell, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    assert (tmp_path / "tries").read_text().count("try") == tries
    # What is printed is mailed.
    assert done.stdout == ("" if code == 0 else "summary"), done


@pytest.mark.parametrize("code", [0, 1])
def test_cron_mails_what_fuzzing_found(code: int, tmp_path: Path) -> None:
    ((_, command),) = cron_lines(FUZZ)
    (tmp_path / "make").write_text(f'#!/bin/sh\necho "$@"\nexit {code}\n')
    (tmp_path / "make").chmod(0o755)
    shell = ["sh", "-c", command.replace("/srv/clipmill", str(tmp_path))]
    done = subprocess.run(shell, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    if code:
        assert re.fullmatch(r"fuzz COUNT=5000 SEED=20\d{6}\n", done.stdout)
    else:
        assert done.stdout == ""
    dry = subprocess.run(
        ["make", "-n", "fuzz", "COUNT=7", "SEED=3"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "tools.fuzz " in dry.stdout and "tools.fuzz_listings " in dry.stdout


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here")
    service = SERVICE.read_text().replace("/opt/clipmill/bin/clipmill", "/bin/true")
    for unit in (TIMER, FAILED):
        (tmp_path / unit.name).write_text(unit.read_text())

    def verify(text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / SERVICE.name).write_text(text)
        units = [str(tmp_path / unit.name) for unit in (TIMER, SERVICE, FAILED)]
        return subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False)

    done = verify(service)
    assert (done.returncode, done.stderr) == (0, "")
    assert verify(service.replace("RestartSec", "RestartSek")).stderr, "the check would not have found anything"
    assert verify(service.replace("Restart=on-failure", "Restart=always")).returncode


@pytest.mark.parametrize("summary", ["{code: 1}", None])
def test_a_failed_night_is_mailed_with_its_summary(summary: str | None, tmp_path: Path) -> None:
    assert f"OnFailure={FAILED.name}" in SERVICE.read_text()
    (command,) = re.findall(r"^ExecStart=(.*)$", FAILED.read_text(), re.MULTILINE)
    words = shlex.split(command.replace("/var/lib/clipmill", str(tmp_path)))
    if summary is not None:
        (tmp_path / "summary.json").write_text(f"{summary}\n")
    (tmp_path / "journalctl").write_text('#!/bin/sh\necho "the journal: $*"\n')
    (tmp_path / "mail").write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {tmp_path}/to\ncat > {tmp_path}/mailed\n')
    for name in ("journalctl", "mail"):
        (tmp_path / name).chmod(0o755)
    subprocess.run(words, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    assert (tmp_path / "to").read_text() == "-s|clipmill: the data set was not rebuilt|data@example.com|"
    mailed = (tmp_path / "mailed").read_text().splitlines()
    assert (summary or "no summary: the build was killed") in mailed
    assert mailed[-1] == "the journal: -u clipmill -o cat -n 20"


def test_alerts_are_on_metrics_that_a_build_writes() -> None:
    summary = {"out": "/data/ucf", "code": 1, "rows": 9, "failed": {"missing": 1}}
    written = {f"{family.name}" for family in text_string_to_metric_families(metrics(summary).decode())}
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    assert len({rule["alert"] for rule in group["rules"]}) == len(group["rules"]) == 3
    for rule in group["rules"]:
        named = set(re.findall(r"clipmill_build_\w+", rule["expr"]))
        assert named and named <= written
        assert "{{ $labels.out }}" in rule["annotations"]["summary"]


def test_kubernetes_tries_again_what_is_worth_it() -> None:
    spec = yaml.safe_load(CRONJOB.read_text())["spec"]
    job = spec["jobTemplate"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    (codes,) = [rule["onExitCodes"] for rule in job["podFailurePolicy"]["rules"] if "onExitCodes" in rule]
    assert (codes["containerName"], codes["values"]) == (container["name"], [1, 2])
    assert (spec["concurrencyPolicy"], pod["restartPolicy"]) == ("Forbid", "Never")
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
