"""Writes what is made from code: pages of the docs, and the form of the Dataflow template."""

from __future__ import annotations

from pathlib import Path

from tools import commands, dataset_files, errors, options

ROOT = Path(__file__).parent.parent


def files() -> dict[str, str]:
    """Every such file, by its path in the repository."""
    return {
        "docs/commands.md": commands.page(),
        "docs/errors.md": errors.page(),
        "docs/files.md": dataset_files.page(),
        "docs/options.md": options.page(),
        "docker/template-metadata.json": options.template(),
    }


if __name__ == "__main__":
    for path, text in files().items():
        (ROOT / path).write_text(text)
