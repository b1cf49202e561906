"""Budgets: what a closed gate says is enough to open it."""

from __future__ import annotations

import re

import pytest

from clipmill.dataset.budgets import judge_change, judge_failures, judge_sources
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


@pytest.mark.parametrize(
    ("rows", "budget", "said"),
    [
        (8, Budget(share=0.01), "over --max-missing (1% of 8 rows allows none): nothing is decoded"),
        (99, Budget(share=0.0), "over --max-missing (0% of 99 rows allows none): nothing is decoded"),
        (400, Budget(share=0.01), "over --max-missing 1% (4): nothing is decoded"),
        (8, Budget(count=2), "over --max-missing 2: nothing is decoded"),
        (8, Budget(count=0), "over --max-missing 0: nothing is decoded"),
    ],
)
def test_a_budget_that_allows_none_of_so_few_says_so(rows, budget, said):
    judged = judge_sources(rows, {"missing": 5}, options(max_missing=budget))
    assert judged.code == 1 and said in judged.message
    assert judge_sources(rows, {"missing": budget.limit(rows)}, options(max_missing=budget)).is_open


def test_a_change_that_no_share_of_so_few_allows_says_so():
    judged = judge_change(9, 2, options(max_change=Budget(share=0.1)))
    assert (
        "2 of 9 published clips are gone or changed, over --max-change (10% of 9 clips allows none)" in judged.message
    )
