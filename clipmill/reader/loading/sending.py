"""Checking that what users wrote themselves can be sent to worker processes that are not forked."""

from __future__ import annotations

import ast
import multiprocessing
import pickle
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from clipmill.errors import UsageError
from clipmill.reader.augment.colour import Function


def check_sendable(steps: Iterable[object], workers: int, start: str | None) -> None:
    """Check that worker processes will find the samplers, augmentations and functions that they are to run.

    Args:
        steps: samplers and augmentations.
        workers: how many processes there will be.
        start: how they are started; None for Python's default, which on Linux is forkserver from 3.14 on.

    Raises:
        UsageError: a process that is not forked imports what it runs, and cannot import one of these.
    """
    method = start or multiprocessing.get_start_method()
    if method == "fork":
        return
    for step in steps:
        found: object = step.function if isinstance(step, Function) else step
        while isinstance(found, partial):
            found = found.func
        where = _unseen(found)
        if where:
            name = getattr(found, "__qualname__", type(found).__qualname__)
            raise UsageError(
                f"{name} {where}, where the processes of workers={workers} (started by {method}) do not find it: "
                'move it to a module and import it, read with threads (workers=0), or give start="fork" for local data'
            )


def _unseen(found: object) -> str:
    """Return where something stands that a new process does not see; "" for what it can import."""
    try:
        pickle.dumps(found)
    except (pickle.PicklingError, AttributeError, TypeError):
        return "is a lambda, or stands inside a function"
    kind = found if hasattr(found, "__qualname__") else type(found)
    if kind.__module__ != "__main__":
        return ""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None or not Path(script).is_file():
        return "stands in a notebook or at a prompt"
    return "stands under the main guard" if _guarded(kind.__qualname__.split(".")[0], Path(script).read_bytes()) else ""


def _guarded(name: str, source: bytes) -> bool:
    """Return whether a script defines a name where only the script itself runs, under `if __name__ == "__main__"`."""
    guards = (
        node for node in ast.parse(source).body if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
    )
    inside = (node for guard in guards for node in ast.walk(guard))
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name for node in inside)
