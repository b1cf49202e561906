"""Which share of a batch a process takes."""

from __future__ import annotations

import json

import pytest

from clipmill.errors import UsageError
from clipmill.reader import hosts
from clipmill.reader.hosts import resolve


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No launcher's variables, and nothing said before."""
    for names in (*hosts.VARIABLES, ("TF_CONFIG",)):
        for name in names:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(hosts, "_said", set())


def test_one_host_or_those_given() -> None:
    assert resolve(None) == (0, 1)
    assert resolve((2, 5)) == (2, 5)
    for wrong in ((5, 5), (-1, 2), (0, 0), "all", (1,)):
        with pytest.raises(UsageError, match="give"):
            resolve(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("names", hosts.VARIABLES)
def test_auto_takes_a_launchers_variables_and_says_so_once(
    names: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(names[0], "3")
    monkeypatch.setenv(names[1], "8")
    assert resolve("auto") == resolve("auto") == (3, 8)
    assert capsys.readouterr().err == f"clipmill: reading as host 3 of 8 ({names[0]} and {names[1]})\n"


def test_auto_without_a_launcher(capsys: pytest.CaptureFixture[str]) -> None:
    assert resolve("auto") == (0, 1)
    assert "host 0 of 1 (no launcher's variables are set)" in capsys.readouterr().err


def test_tensorflows_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    for task, expected in (("chief", (0, 3)), ("worker", (2, 3))):
        config = {"cluster": cluster, "task": {"type": task, "index": 0 if task == "chief" else 1}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert resolve("auto") == expected
