"""Builds the site of `make docs` in build/docs: README, docs/ and the API from the docstrings, by Sphinx.

The pages stay where GitHub shows them; they are copied beside each other, so that their links to each other, to
deploy/, examples/ and findings/ work in both places.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from sphinx.cmd.build import build_main

from tools.site import api, navigation

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "build" / "docs-source"
SITE = ROOT / "build" / "docs"
#: What pages link to; each is copied as it is.
LINKED = ("docs", "deploy", "examples", "findings", "CONTRIBUTING.md", "LICENSE")
CONF = Path(__file__).parent
#: What a browser would fetch by itself from another place.
FETCHED = re.compile(r"<(?:link|script|img|iframe|source)\b[^>]*?\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def assemble() -> None:
    """Write all pages of the site into one folder."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir(parents=True)
    for name in LINKED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, SOURCE / name)
    readme = (ROOT / "README.md").read_text()
    navigated = navigation.toctrees(f"docs/{page.stem}" for page in SOURCE.glob("docs/*.md"))
    (SOURCE / "index.md").write_text(f"{readme}\n{navigated}")
    for page in [*SOURCE.glob("*.md"), *SOURCE.glob("docs/*.md")]:
        # The front page is README on GitHub, and index here; where a link shows a file's name, it shows a title here.
        text = re.sub(r"\]\(((?:\.\./)?)README\.md", r"](\1index.md", page.read_text())
        page.write_text(re.sub(r"\[[\w/-]+\.md\]\(([\w./#-]+)\)", r"[](\1)", text))
    (SOURCE / "api").mkdir()
    for name, text in api.pages().items():
        (SOURCE / "api" / f"{name}.md").write_text(text)


def main() -> int:
    """Build the site anew; returns 0 if there was no warning."""
    assemble()
    shutil.rmtree(SITE, ignore_errors=True)
    words = ["-b", "html", "-c", CONF, "-d", SOURCE / ".doctrees", "-W", "--keep-going", "-q", SOURCE, SITE]
    if build_main([str(word) for word in words]):
        return 1
    pages = list(SITE.rglob("*.html"))
    if fetched := [f"{page.relative_to(SITE)}: {what}" for page in pages for what in FETCHED.findall(page.read_text())]:
        print("fetched from elsewhere:", *fetched, sep="\n")
        return 1
    print(f"{SITE.relative_to(ROOT)}/index.html: {len(pages)} pages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
