"""Writing the report of a data set as one page of HTML, from its clip table and a few ranged reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jinja2
from markupsafe import Markup

from clipmill.pipeline.page import contents, orders, sheets
from clipmill.pipeline.page.blocks import Section
from clipmill.pipeline.page.subject import Subject, open_subject
from clipmill.pipeline.report import words

#: In the order of the page.
SECTIONS: tuple[Callable[[Subject], Section], ...] = (
    contents.made,
    contents.classes,
    sheets.sheets,
    contents.lengths,
    contents.sources,
    contents.stored,
    contents.shared,
    contents.failures,
    orders.padded,
    orders.shuffles,
    contents.history,
)


def report(out: str) -> str:
    """Return the page on the published version of a data set.

    Args:
        out: absolute path or URL of the data set.

    Raises:
        NoSuchDataset: nothing is published there.
    """
    subject = open_subject(out)
    sections = [section for section in (make(subject) for make in SECTIONS) if section.blocks]
    manifest = subject.manifest
    # Every text is escaped by the template; only the plots are HTML of our own.
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return pages.get_template("page.html").render(
        title=words.one_line(f"Data set {manifest.dataset}, version {words.version(manifest.version)}"),
        place=words.one_line(words.place(out)),
        clips=words.plural(len(subject.table), "clip"),
        sections=sections,
        markup=Markup,
    )
