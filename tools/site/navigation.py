"""What stands beside each page of the site: all pages, in the order in which somebody needs them."""

from __future__ import annotations

from tools.site import api

#: By caption: pages, each with the title that it has here where its own says too much.
PAGES = {
    "Begin": {"docs/tutorial": ""},
    "How to": {
        "docs/listings": "Read a listing",
        "docs/labels": "Number labels",
        "docs/scale": "Build Kinetics, and larger",
        "docs/clusters": "Build on S3, Flink, Dataflow",
        "docs/reprocessing": "Build every night",
        "docs/reading": "Read in Keras, PyTorch, JAX",
        "docs/exporting": "Export",
        "docs/adopting": "Adopt others' shards",
    },
    "Reference": {
        "docs/commands": "",
        "docs/options": "Options of a build",
        "docs/failures": "Reasons of failures",
        "docs/errors": "",
        "docs/files": "",
        "docs/records": "Records",
        **{f"api/{name}": title for name, title in api.TITLES.items()},
    },
    "Background": {
        "docs/glossary": "",
        "docs/interop": "Other readers",
        "docs/architecture": "",
        "CONTRIBUTING": "",
    },
}


def toctrees() -> str:
    """Return the navigation as it stands, unseen, at the end of the front page."""
    parts = []
    for caption, pages in PAGES.items():
        lines = [f"{title} <{page}>" if title else page for page, title in pages.items()]
        parts.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *lines, "```", ""]))
    return "\n".join(parts)
