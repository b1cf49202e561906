"""The page of the docs on commands, made from the command line's own parsers."""

from __future__ import annotations

import argparse

from clipmill.pipeline.cli.main import _parser

_HEAD = """\
# Commands

<!-- Made by `make generated` from pipeline/cli. -->

`clipmill COMMAND --help` says the same. OUT is the root of a data set: a folder, `s3://bucket/folder` or
`gs://bucket/folder`. With `--json` a command prints one JSON document for programs on standard output, and nothing else
there. What a command ends with is in [errors.md](errors.md).
"""
#: Whose options are a page of their own.
_BUILDING = ("build", "plan")


def page() -> str:
    """The page docs/commands.md."""
    (commands,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    helps = {action.dest: action.help or "" for action in commands._choices_actions}
    return "\n".join([_HEAD, *(_section(name, helps[name], parser) for name, parser in commands.choices.items())])


def _section(name: str, text: str, parser: argparse.ArgumentParser) -> str:
    head = f"## {name}\n\n{text[0].upper()}{text[1:]}.\n"
    if name in _BUILDING:
        return (
            f"{head}\n    clipmill {name} LISTING... --out OUT [option ...]\n\nIts options: [options.md](options.md)\n"
        )
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    needed = [action for action in actions if _is_needed(action)]
    others = [action for action in actions if action not in needed]
    usage = " ".join(["clipmill", name, *map(_usage, needed), *["[option ...]"] * bool(others)])
    rows = "".join(_escaped(f"`{_word(action)}`", action.help or "") for action in [*needed, *others])
    return f"{head}\n    {usage}\n\n| word | what it is |\n|---|---|\n{rows}"


def _is_needed(action: argparse.Action) -> bool:
    """Whether it stands in every call, or has its place by its order."""
    return action.required or not action.option_strings or (action.dest == "out" and not action.default)


def _usage(action: argparse.Action) -> str:
    word = _word(action) + "..." * (action.nargs == "*")
    return f"[{word}]" if action.nargs == "?" else word


def _word(action: argparse.Action) -> str:
    """An argument as it is typed, with a placeholder for its value."""
    if not action.option_strings:
        return str(action.metavar or action.dest.upper())
    value = "" if action.nargs == 0 else f" {action.metavar or '|'.join(action.choices or ()) or action.dest.upper()}"
    return f"{action.option_strings[-1]}{value}"


def _escaped(*cells: str) -> str:
    """A row of a table."""
    return "| " + " | ".join(cell.replace("%%", "%").replace("|", r"\|") for cell in cells) + " |\n"
