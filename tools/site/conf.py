"""How Sphinx turns the pages and docstrings into a site; nothing in it is fetched from elsewhere."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

import clipmill

project = "clipmill"
version = release = clipmill.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples/*.md", "deploy/*.md", "findings/*.md"]
root_doc = "index"

html_theme = "furo"
html_title = "clipmill"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False

# Headings to which pages link by their text, as on GitHub.
myst_heading_anchors = 4

# Options begin with two dashes.
smartquotes = False
# In docstrings one backtick is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = True
python_use_unqualified_type_names = True
add_module_names = False
#: Loaded where they are used only.
autodoc_mock_imports = ["fastai", "fastcore", "fasttransform", "plum", "torch"]


def as_written(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keep the layout of an indented block that follows a colon: tables and drawings in text."""
    for number, line in enumerate(lines[:-2]):
        indent = len(line) - len(line.lstrip())
        after = lines[number + 2]
        if re.search(r"[^:]:$", line) and not lines[number + 1] and len(after) - len(after.lstrip()) > indent:
            lines[number] = line + ":"


def with_dashes(app: Any, document: nodes.document, name: str) -> None:
    """Draw the dash behind an argument's name, which Sphinx leaves to smartquotes."""
    for text in list(document.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" \N{EN DASH} "))


def setup(app: Any) -> None:
    """Tell Sphinx of these; the first goes before napoleon, which knows the sections."""
    app.connect("autodoc-process-docstring", as_written, priority=400)
    app.connect("doctree-resolved", with_dashes)
