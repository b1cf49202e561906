"""Budgets: what a closed gate says is enough to open it."""

from __future__ import annotations

import re

import pytest

from clipmill.dataset.budgets import judge_failures, judge_sources
from clipmill.options import Budget, BuildOptions, ListingOptions

REASONS = {"missing": 5, "bad_row": 2, "corrupt": 30, "duplicate": 9}


def options(**more) -> BuildOptions:
    return BuildOptions(ListingOptions(("l.csv",), videos="/videos"), "/out", "run", **more)


@pytest.mark.parametrize("reasons", [REASONS, {"missing": 1}, {"bad_row": 400}, {"empty": 40}])
@pytest.mark.parametrize("rows", [400, 1_237])
def test_what_a_gate_advises_opens_it_and_the_next(rows, reasons):
    closed = judge_sources(rows, reasons, options(max_missing=Budget(count=0)))
    assert closed.code == 1
    advised = dict(re.findall(r"--max-(missing|failures) ([0-9.]+)%", closed.message.rpartition("with: ")[2]))
    budgets = {f"max_{name}": Budget(share=float(share) / 100, least=3) for name, share in advised.items()}
    opened = options(**({"max_missing": Budget(count=0)} | budgets))
    assert judge_sources(rows, reasons, opened).is_open
    assert judge_failures(rows, reasons, opened).is_open
