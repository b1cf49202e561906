"""The command completion: Tab in a shell."""

from __future__ import annotations

import argparse

from argcomplete.shell_integration import shellcode


def print_completion(arguments: argparse.Namespace) -> int:
    """Print the code that makes a shell ask clipmill for the words that fit."""
    print(shellcode(["clipmill"], shell=arguments.shell))
    return 0
