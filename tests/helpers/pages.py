"""The code of the pages: its blocks, and how a reader runs them."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from commanding import clipmill
from places import ROOT

#: A fence, or lines that are indented by four blanks or more behind an empty line or a heading.
_BLOCK = re.compile(
    r"^( *)```(\w*)\n((?s:.*?))^\1```$|(?:(?<=\n\n)|^#+ .*\n)((?: {4,}\S.*\n(?:\n(?= {4}))?)+)", re.MULTILINE
)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: its path in the repository.
        kind: what stands behind the fence; "" for an indented block.
        text: without its indentation.
    """

    page: str
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.splitlines()[0]}"


def pages() -> list[str]:
    """Every page, by its path in the repository."""
    return [str(page.relative_to(ROOT)) for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    found = _BLOCK.finditer((ROOT / page).read_text())
    return [Block(page, match[2] or "", textwrap.dedent(match[3] or match[4])) for match in found]


def block(page: str, start: str) -> Block:
    """The block of a page that begins so."""
    (found,) = (one for one in blocks(page) if one.text.startswith(start))
    return found


def run(block: Block, names: dict[str, Any], changes: dict[str, str] | None = None) -> str:
    """Run a block in the working folder; returns what its commands print.

    Args:
        names: those of the page's Python so far; the block's own are added.
        changes: texts that are replaced before it runs.
    """
    text = block.text
    for old, new in (changes or {}).items():
        text = text.replace(old, new)
    if block.kind == "toml":
        Path("options.toml").write_text(text)
        return _run_command("clipmill plan --config options.toml")
    commands = re.findall(r"^(?:\$ )?(clipmill .+)$", text, re.MULTILINE)
    if not commands:
        exec(compile(text, str(block), "exec"), names)
    return "".join(map(_run_command, commands))


def _run_command(line: str) -> str:
    ran = clipmill(*shlex.split(line, comments=True)[1:])
    assert ran.code == 0, (line, ran)
    return ran.out + ran.err
