"""Tab in a shell: the words that argcomplete gets from the command itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from commanding import clipmill


def complete(line: str) -> set[str]:
    """Ask the command for the words that fit at the end of a line, as a shell's code does."""
    environment = {
        **os.environ,
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
    }
    command = f"{sys.executable} -m clipmill 8>&1 9>/dev/null >/dev/null"
    asked = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, check=True)
    return {word.strip() for word in asked.stdout.split("\n") if word.strip()}


def test_commands_options_and_their_values_are_completed():
    assert complete("clipmill in") == {"init", "inspect"}
    assert complete("clipmill build videos --short") == {"--short-side"}
    assert {"crop", "pad", "stretch"} <= complete("clipmill build videos --fit ")
    assert "not_a_video" in complete("clipmill failures out --reason not")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_code_for_each_shell(shell):
    assert "_ARGCOMPLETE" in clipmill("completion", shell).out
