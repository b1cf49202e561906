"""The pages name what there is: every path, every target of make, every command, every option."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from places import ROOT

from clipmill.options.table import OPTIONS
from clipmill.pipeline.cli.main import _parser

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
#: Folders of the repository; a path that begins with one of them must be there.
TOP = (
    "benchmarks",
    "clipmill",
    "deploy",
    "docker",
    "docs",
    "examples",
    "findings",
    "pipeline",
    "tests",
    "tools",
    "transforms",
)
#: As in `clipmill/storage/base.py`, `tests/crash` or [a page](docs/page.md).
PATH = re.compile(rf"(?<![\w/.-])((?:\.\./)?(?:{'|'.join(TOP)})/[\w./-]*\w)")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")


def at(page: Path, number: int) -> str:
    return f"{page.relative_to(ROOT)}:{number}"


def lines(page: Path) -> list[tuple[int, str]]:
    return list(enumerate(page.read_text().splitlines(), 1))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    named = [(number, path) for number, line in lines(page) for path in PATH.findall(line)]
    missing = [
        f"{at(page, number)}: {path}" for number, path in named if not (ROOT / path.removeprefix("../")).exists()
    ]
    links = [(number, link) for number, line in lines(page) for link in LINK.findall(line)]
    missing += [f"{at(page, number)}: {link}" for number, link in links if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^ +|`)make ([a-z- ]+?)(?:`|$|  )", page.read_text(), re.MULTILINE)
    assert {word for words in named for word in words.split()} <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_their_options_exist(page: Path) -> None:
    (commands,) = (action.choices for action in _parser()._actions if isinstance(action.choices, dict))
    build = {f"--{option.name}" for option in OPTIONS} | {"--help"}
    for number, line in lines(page):
        for command, words in re.findall(r"(?:`|^ +|\$ )clipmill ([a-z]+)\b([^`#]*)", line):
            assert command in commands, at(page, number)
            options = set(re.findall(r"(?<!\S)(--[a-z][a-z-]*)", words.partition(" -- ")[0]))
            known = build if command in ("build", "plan") else set(commands[command]._option_string_actions)
            assert options <= known, at(page, number)


def test_every_room_is_in_the_table_of_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    folders = [path.parent.relative_to(ROOT) for path in ROOT.glob("clipmill/*/__init__.py")]
    folders += [path.parent.relative_to(ROOT) for path in ROOT.glob("pipeline/*/__init__.py")]
    folders += [path.parent.relative_to(ROOT) for path in ROOT.glob("clipmill/reader/*/__init__.py")]
    assert not [f"{folder}/" for folder in folders if f"| `{folder}/` |" not in page]
