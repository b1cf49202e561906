"""The commands as functions, for notebooks and scripts: `clipmill.build` and its like, which `clipmill` offers by name.

Each takes the options of its command: `--short-side 256` is short_side=256, a switch is True. What is wrong is
raised as the `clipmill.errors.ClipmillError` whose text the command would print. `build` prints what the command does.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

from clipmill.pipeline.cli.config import words_of
from clipmill.pipeline.cli.main import parse
from clipmill.reader import Dataset, open

Path: TypeAlias = str | os.PathLike[str]


def build(*listing: Path, out: Path, **options: Any) -> Dataset:
    """Build and publish a data set, as `clipmill build` does, and open it.

    Args:
        listing: folders of videos, or files that list them.
        out: where the data set goes: a folder, s3://... or gs://...
        options: those of the command, as short_side=256 or split={"train": 0.8, "val": 0.2}.

    Returns:
        What was published; the same as before where nothing changed.

    Raises:
        ClipmillError: what the command would end with; the exit code is its `exit_code`.
        MissingExtra: the packages of [build] are not installed.
    """
    _run("build", *_texts(listing), "--out", os.fspath(out), *words_of(options, "build()"))
    return open(os.fspath(out))


def plan(*listing: Path, out: Path, **options: Any) -> dict[str, Any]:
    """Return what `clipmill plan --json` prints: what a build would make and take.

    Raises:
        ClipmillError: what the command would end with.
        MissingExtra: the packages of [build] are not installed.
    """
    words = words_of(options, "plan()")
    found: dict[str, Any] = _answer("plan", *_texts(listing), "--out", os.fspath(out), *words)
    return found


def verify(out: Path, *, deep: bool = False) -> dict[str, Any]:
    """Return what `clipmill verify --json` prints: counts, and in `problems` all that is wrong, by file.

    Args:
        out: root of a data set.
        deep: decode every frame, too.

    Raises:
        NoSuchDataset: nothing is published there.
    """
    found: dict[str, Any] = _answer("verify", os.fspath(out), *["--deep"] * deep)
    return found


def versions(out: Path) -> pa.Table:
    """Return the versions of a data set, oldest first: name, time, and in `since_before` what changed."""
    return pa.Table.from_pylist(_answer("versions", os.fspath(out)))


def failures(out: Path, *, reason: str | None = None, run: str | None = None) -> pa.Table:
    """Return the rows that did not become clips, and why.

    Args:
        out: root of a data set, or of a build that published nothing.
        reason: only rows of this reason, such as "missing".
        run: the run's id; by default the latest.

    Raises:
        UsageError: there is no such reason or run.
    """
    words = [f"--{name}={value}" for name, value in (("reason", reason), ("run", run)) if value is not None]
    return pa.Table.from_pylist(_answer("failures", os.fspath(out), *words)["failures"])


def _texts(paths: Sequence[Path]) -> list[str]:
    return [os.fspath(path) for path in paths]


def _answer(*words: str) -> Any:
    """Return what a command prints as JSON."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        _run(*words, "--json")
    return json.loads(said.getvalue())


def _run(*words: str) -> None:
    arguments = parse(list(words))
    with _quiet():
        arguments.run(arguments)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide Beam's warnings while it is loaded, on extras that clipmill does not use."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)
