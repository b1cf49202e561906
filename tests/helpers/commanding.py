"""The clipmill command, called in this process."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any, NamedTuple

from clipmill.pipeline.cli.main import main


class Ran(NamedTuple):
    """How a command ended: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What a program reads of it."""
        return json.loads(self.out)


def clipmill(*words: str | Path | int) -> Ran:
    """Run a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    return Ran(code, out.getvalue(), err.getvalue())


def refused(*words: str | Path | int, code: int = 2) -> str:
    """The one line that a command ends with which goes wrong."""
    ran = clipmill(*words)
    assert ran.code == code, ran
    lines = ran.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("clipmill: "), ran.err
    return lines[0].removeprefix("clipmill: ")


def built(*words: str | Path | int) -> dict[str, Any]:
    """The outcome of a build that goes well."""
    ran = clipmill("build", *words, "--json")
    assert ran.code == 0, ran
    return ran.json
