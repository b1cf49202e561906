"""What stands beside each page of the site: all pages, in the order in which somebody needs them."""

from __future__ import annotations

from collections.abc import Iterable

from tools.site import api

#: By caption: pages, each with the title that it has here where its own says too much.
PAGES = {
    "Begin": {"docs/tutorial": "", "docs/own-list": "", "docs/kinetics": "Kinetics at scale"},
    "How to": {
        "docs/reading": "Read in Keras, PyTorch, JAX",
        "docs/first-epoch": "",
        "docs/resuming": "",
        "docs/reprocessing": "Build every night",
        "docs/clusters": "Object stores and Flink",
        "docs/dataflow": "",
        "docs/leaks": "Find leaks between splits",
        "docs/exporting": "Export to other formats",
        "docs/adopting": "Adopt others' shards",
    },
    "Reference": {
        "docs/commands": "",
        "docs/options": "Options of a build",
        "docs/listings": "",
        "docs/labels": "",
        "docs/files": "",
        "docs/records": "",
        "docs/failures": "Reasons of the ledger",
        "docs/errors": "",
        **{f"api/{name}": title for name, title in api.TITLES.items()},
    },
    "Background": {
        "docs/limits": "",
        "docs/scale": "",
        "docs/interop": "Other readers",
        "docs/peers": "",
        "docs/architecture": "",
        "docs/glossary": "",
        "CONTRIBUTING": "",
    },
}


def toctrees(docs: Iterable[str]) -> str:
    """Return the navigation as it stands, unseen, at the end of the front page; a page without a place comes last."""
    known = {page for pages in PAGES.values() for page in pages}
    PAGES["Background"] |= dict.fromkeys(sorted(set(docs) - known), "")
    parts = []
    for caption, pages in PAGES.items():
        lines = [f"{title} <{page}>" if title else page for page, title in pages.items()]
        parts.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *lines, "```", ""]))
    return "\n".join(parts)
