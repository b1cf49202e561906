"""Judging whether a run may go on: the budgets, and labels that would change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from clipmill.dataset.account import Account
from clipmill.ledger import ABSENT, OUTSIDE_BUDGET, Reason
from clipmill.messages import Verdict
from clipmill.options import Budget, BuildOptions

_OPEN = Verdict()
#: What --max-change is where it is not given, and nothing that was typed changes every frame.
MOST_CHANGED = Budget(share=0.5, least=1)
#: Reasons that --max-failures does not count.
_OUTSIDE = frozenset(reason.value for reason in ABSENT | OUTSIDE_BUDGET)


def judge_sources(account: Account, options: BuildOptions) -> Verdict:
    """Judge what is known before a frame is decoded: all rows, and the ledger so far."""
    if not account.expected:
        return Verdict(1, "the listing has no clips: nothing is published")
    # Bad rows are not counted where rows are chosen: a bad row cannot say whether it would be.
    judged = ABSENT - {Reason.BAD_ROW} if options.listing.chooses else ABSENT
    absent = sum(account.lost.get(reason.value, Fraction()) for reason in judged)
    units = _units(account)
    if absent > options.max_missing.limit(units):
        missing = math.ceil(account.lost.get(Reason.MISSING.value, 0))
        bad = math.ceil(absent) - missing
        what = [f"{missing:,} of {units:,} videos missing"] if missing else []
        what += [f"{bad:,} of {sum(account.rows.values()):,} rows bad"] if bad else []
        # Name both budgets at once: the next gate would refuse for this one.
        failed = _failed(account)
        also = f" --max-failures {enough(failed, units)}" if failed > options.max_failures.limit(units) else ""
        if missing == units:
            advice = f" Is {options.videos} the right folder (--videos)?"
        elif absent < units:
            advice = f" Go on without them with: --max-missing {enough(absent, units)}{also}"
        else:
            advice = ""
        return Verdict(
            1,
            f"{', '.join(what)}, over --max-missing {_budget(options.max_missing, units, 'rows')}: nothing is decoded. "
            f"See them with: clipmill failures {options.out}.{advice}",
        )
    return judge_failures(account, options)


def judge_failures(account: Account, options: BuildOptions) -> Verdict:
    """Judge what could not be decoded. All clips of one broken video are one failure."""
    failed = _failed(account)
    units = _units(account)
    if failed <= options.max_failures.limit(units):
        return _OPEN
    clips = sum(number for reason, number in account.failed.items() if reason not in _OUTSIDE)
    asked = account.expected - account.failed.get(Reason.DUPLICATE.value, 0)
    what, lost = f"{clips:,} of {asked:,} clips failed", "clips"
    if asked != units:
        share = f"{int(failed):,}" if failed.denominator == 1 else f"{float(failed):,.2f}"
        what, lost = f"{what}, as much as {share} of {units:,} videos", "videos"
    return Verdict(
        1,
        f"{what}, over --max-failures {_budget(options.max_failures, units, lost)}: "
        f"nothing is published, and the work is kept. See them with: clipmill failures {options.out}."
        + (f" Publish without them with: --max-failures {enough(failed, units)}" if failed < units else ""),
    )


def judge_change(published: int, lost: int, options: BuildOptions) -> Verdict:
    """Judge how much of the published version would go or change.

    Args:
        published: clips of the published version.
        lost: those whose frames the new one would not have.
    """
    if options.max_change is None or lost <= options.max_change.limit(published):
        return _OPEN
    return Verdict(
        1,
        f"{lost:,} of {published:,} published clips are gone or changed, over --max-change "
        f"{_budget(options.max_change, published, 'clips')}: nothing is decoded or published. See what would change "
        "with: clipmill plan. Go on with: --yes",
    )


def judge_labels(before: Sequence[str], after: Sequence[str], options: BuildOptions) -> Verdict:
    """Refuse where a published class would get another number."""
    moved = [index for index, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    if options.renumber or not moved:
        return _OPEN
    index = moved[0]
    return Verdict(
        1,
        f"{len(moved)} of {len(before)} labels would mean another class ({index}: {before[index]} -> "
        f"{after[index]}): nothing is published. Keep the labels with --labels FILE, or accept the new ones with "
        "--renumber",
    )


def _units(account: Account) -> int:
    """Return what budgets are shares of: the videos, and the rows too bad to say which video they mean."""
    return account.videos + math.ceil(account.lost.get(Reason.BAD_ROW.value, 0))


def _failed(account: Account) -> Fraction:
    """Return how many videos failed that are there; one that failed in part counts in part."""
    return sum((share for reason, share in account.lost.items() if reason not in _OUTSIDE), Fraction())


def _budget(budget: Budget, number: int, what: str) -> str:
    """Return a budget as it is typed, with its limit for this number of rows or clips."""
    if budget.count is not None:
        return f"{budget.count:,}"
    share, limit = f"{100 * budget.share:g}%", budget.limit(number)
    return f"{share} ({limit:,})" if limit else f"({share} of {number:,} {what} allows none)"


def enough(lost: Fraction | int, of: int) -> str:
    """Return the smallest budget, in percent with one decimal, that allows so much loss."""
    # A budget allows whole videos.
    return f"{-(-1000 * math.ceil(lost) // of) / 10:g}%"
