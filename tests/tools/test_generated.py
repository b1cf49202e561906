"""What is made from code is up to date, and has all of it."""

from __future__ import annotations

import re

import pytest
from places import ROOT

from tools import generated
from tools.errors import all_errors


@pytest.mark.parametrize("path", generated.files())
def test_it_is_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text() == generated.files()[path], "run make generated"


def test_every_error_is_on_the_page() -> None:
    known = {error.__name__ for error in all_errors()}
    for path in [*ROOT.glob("clipmill/**/*.py"), *ROOT.glob("pipeline/**/*.py"), *ROOT.glob("transforms/**/*.py")]:
        for name, bases in re.findall(r"^ *class (\w+)\((.+?)\):", path.read_text(), re.MULTILINE):
            if known & {base.strip() for base in bases.split(",")}:
                assert name in known, path
