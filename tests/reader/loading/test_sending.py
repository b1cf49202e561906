"""Functions that a worker process cannot import are told before it is started."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from clipmill.errors import UsageError
from clipmill.reader import Augmentation, FirstFrames, HorizontalFlip
from clipmill.reader.augment.colour import Function
from clipmill.reader.loading.sending import check_sendable

CURE = 'move it to a module and import it, read with threads (workers=0), or give start="fork" for local data'


def invert(frames: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return 255 - frames


def inner() -> object:
    class Local(Augmentation, frozen=True):
        pass

    return Local()


@pytest.mark.parametrize("start", ["forkserver", "spawn"])
def test_a_lambda_is_refused_unless_processes_are_forked(start: str) -> None:
    steps = [FirstFrames(2), HorizontalFlip(), Function(lambda frames, random: frames)]
    with pytest.raises(UsageError) as caught:
        check_sendable(steps, 4, start)
    said = str(caught.value)
    assert "<lambda> is a lambda, or stands inside a function, where the processes of workers=4 " in said
    assert f"(started by {start}) do not find it" in said and said.endswith(CURE)
    check_sendable(steps, 4, "fork")


def test_what_can_be_imported_is_fine() -> None:
    check_sendable([FirstFrames(2), HorizontalFlip(), Function(invert), Function(partial(invert))], 2, "forkserver")


def test_a_class_inside_a_function_and_a_partial_of_a_lambda_are_refused() -> None:
    with pytest.raises(UsageError, match="Local is a lambda, or stands inside"):
        check_sendable([inner()], 2, "forkserver")
    with pytest.raises(UsageError, match="lambda"):
        check_sendable([Function(partial(lambda frames, random: frames))], 2, "forkserver")


MAIN = """
from clipmill.reader import Augmentation
from clipmill.reader.augment.colour import Function
from clipmill.reader.loading.sending import check_sendable

def outside(frames, random):
    return frames

class Outside(Augmentation, frozen=True):
    pass

if __name__ == "__main__":
    def inside(frames, random):
        return frames

    check_sendable([Function(outside), Outside()], 2, "forkserver")
    check_sendable([Function(inside)], 2, "forkserver")
"""


def said_by(*words: str, text: str = "") -> str:
    ran = subprocess.run([sys.executable, *words], input=text, capture_output=True, text=True)
    return ran.stderr.strip().splitlines()[-1]


def test_what_stands_under_the_main_guard_is_refused(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(MAIN)
    assert "UsageError: inside stands under the main guard" in said_by(str(script))


def test_what_is_typed_at_a_prompt_is_refused() -> None:
    assert "UsageError: outside stands in a notebook or at a prompt" in said_by("-", text=MAIN)
