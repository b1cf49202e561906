"""Budgets: what a closed gate says is enough to open it."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from clipmill.dataset.account import Account, Counted, key
from clipmill.dataset.budgets import judge_change, judge_failures, judge_sources
from clipmill.options import Budget, BuildOptions, ListingOptions

REASONS = {"missing": 5, "bad_row": 2, "corrupt": 30, "duplicate": 9}


def account(rows: int, reasons: dict[str, int], of: int = 1) -> Account:
    """Rows of videos that are named by `of` rows each, and so many ledger rows of each reason."""
    gone = sum(reasons.get(reason, 0) for reason in ("bad_row", "duplicate"))
    counts = {key("train", Counted.ROWS): rows, key("train", Counted.VIDEOS): (rows - gone) // of}
    counts |= {key("train", Counted.FAILED, reason, of): number for reason, number in reasons.items()}
    return Account.of(counts)


def options(**more) -> BuildOptions:
    return BuildOptions(ListingOptions(("l.csv",), videos="/videos"), "/out", "run", **more)


@pytest.mark.parametrize("reasons", [REASONS, {"missing": 1}, {"bad_row": 399}, {"empty": 40}])
@pytest.mark.parametrize("rows", [400, 1_237])
def test_what_a_gate_advises_opens_it_and_the_next(rows, reasons):
    closed = judge_sources(account(rows, reasons), options(max_missing=Budget(count=0)))
    assert closed.code == 1
    advised = dict(re.findall(r"--max-(missing|failures) ([0-9.]+)%", closed.message.rpartition("with: ")[2]))
    budgets = {f"max_{name}": Budget(share=float(share) / 100, least=3) for name, share in advised.items()}
    opened = options(**({"max_missing": Budget(count=0)} | budgets))
    assert judge_sources(account(rows, reasons), opened).is_open
    assert judge_failures(account(rows, reasons), opened).is_open


def test_where_all_rows_are_bad_there_is_no_way_on():
    closed = judge_sources(account(400, {"bad_row": 400}), options())
    assert "400 of 400 rows bad" in closed.message and "Go on" not in closed.message


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
    judged = judge_sources(account(rows, {"missing": 5}), options(max_missing=budget))
    assert judged.code == 1 and said in judged.message
    assert judge_sources(account(rows, {"missing": budget.limit(rows)}), options(max_missing=budget)).is_open


def test_a_change_that_no_share_of_so_few_allows_says_so():
    judged = judge_change(9, 2, options(max_change=Budget(share=0.1)))
    assert (
        "2 of 9 published clips are gone or changed, over --max-change (10% of 9 clips allows none)" in judged.message
    )


def test_all_clips_of_a_video_are_one_failure():
    """21 videos of 50 clips each, and one of them is broken from its 20th clip on."""
    found = account(1_050, {"corrupt": 30}, of=50)
    assert found.lost == {"corrupt": Fraction(3, 5)} and found.videos == 21
    assert judge_failures(found, options(max_failures=Budget(count=1))).is_open
    closed = judge_failures(found, options(max_failures=Budget(count=0)))
    assert closed.message.startswith(
        "30 of 1,050 clips failed, as much as 0.60 of 21 videos, over --max-failures 0: nothing is published"
    )
    assert closed.message.endswith("--max-failures 4.8%")
    assert judge_failures(found, options(max_failures=Budget(share=0.048))).is_open


def test_every_video_failing_in_small_part_is_as_much_as_the_parts():
    found = account(10_000, {"out_of_range": 100}, of=100)
    assert judge_failures(found, options(max_failures=Budget(share=0.01))).is_open
    all_broken = account(10_000, {"corrupt": 10_000}, of=100)
    assert not judge_failures(all_broken, options(max_failures=Budget(share=0.99))).is_open


def test_a_missing_video_is_one_however_many_rows_name_it():
    found = account(1_050, {"missing": 100}, of=50)
    assert judge_sources(found, options(max_missing=Budget(count=2))).is_open
    assert "2 of 21 videos missing" in judge_sources(found, options(max_missing=Budget(count=1))).message


def test_a_share_is_not_rounded_down_by_floats():
    assert [Budget(share=percent / 100).limit(100) for percent in range(101)] == list(range(101))
