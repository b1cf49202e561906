"""Judging whether a run may go on: the budgets, and labels that would move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clipmill.ledger import ABSENT, OUTSIDE_BUDGET, Reason
from clipmill.messages import Verdict
from clipmill.options import Budget, BuildOptions

_OPEN = Verdict()


def judge_sources(rows: int, reasons: Mapping[str, int], options: BuildOptions) -> Verdict:
    """Judge what is known before a frame is decoded.

    Args:
        rows: of the listing, or those that were chosen of it.
        reasons: ledger rows so far, by reason.
    """
    if not rows:
        return Verdict(1, "the listing has no clips: nothing is published")
    # Where some rows were chosen, nobody knows how many of those are bad.
    judged = ABSENT - {Reason.BAD_ROW} if options.listing.chooses else ABSENT
    absent = sum(reasons.get(reason.value, 0) for reason in judged)
    if absent > options.max_missing.limit(rows):
        missing = reasons.get(Reason.MISSING.value, 0)
        what = [f"{missing:,} of {rows:,} videos missing"] if missing else []
        what += [f"{absent - missing:,} of {rows:,} rows bad"] if absent > missing else []
        # Another gate would close behind this one.
        failed = _failed(reasons)
        also = f" --max-failures {_enough(failed, rows)}" if failed > options.max_failures.limit(rows) else ""
        advice = (
            f"Is {options.videos} the right folder (--videos)?"
            if missing == rows
            else f"Go on without them with: --max-missing {_enough(absent, rows)}{also}"
        )
        return Verdict(
            1,
            f"{', '.join(what)}, over --max-missing {_budget(options.max_missing, rows, 'rows')}: nothing is decoded. "
            f"See them with: clipmill failures {options.out}. {advice}",
        )
    return judge_failures(rows, reasons, options)


def judge_failures(rows: int, reasons: Mapping[str, int], options: BuildOptions) -> Verdict:
    """Judge what could not be decoded.

    Args:
        rows: of the listing, and what --segment-seconds adds to them.
        reasons: all ledger rows, by reason.
    """
    failed = _failed(reasons)
    if failed <= options.max_failures.limit(rows):
        return _OPEN
    return Verdict(
        1,
        f"{failed:,} of {rows:,} clips failed, over --max-failures {_budget(options.max_failures, rows, 'clips')}: "
        f"nothing is published, and the work is kept. See them with: clipmill failures {options.out}. "
        f"Publish without them with: --max-failures {_enough(failed, rows)}",
    )


def judge_change(published: int, lost: int, options: BuildOptions) -> Verdict:
    """Judge what becomes of the published version.

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
    """Close the gate where a published class would get another number."""
    moved = [index for index, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    if options.renumber or not moved:
        return _OPEN
    index = moved[0]
    return Verdict(
        1,
        f"{len(moved)} of {len(before)} class numbers would mean another class ({index}: {before[index]} -> "
        f"{after[index]}): nothing is published. Keep the numbers with --labels FILE, or accept the new ones with "
        "--renumber",
    )


def _failed(reasons: Mapping[str, int]) -> int:
    outside = {reason.value for reason in ABSENT | OUTSIDE_BUDGET}
    return sum(number for reason, number in reasons.items() if reason not in outside)


def _budget(budget: Budget, number: int, what: str) -> str:
    """Return a budget as it is written, with what it comes to for so many rows or clips."""
    if budget.count is not None:
        return f"{budget.count:,}"
    share, limit = f"{100 * budget.share:g}%", budget.limit(number)
    return f"{share} ({limit:,})" if limit else f"({share} of {number:,} {what} allows none)"


def _enough(number: int, rows: int) -> str:
    """Return the smallest budget, in percent with one decimal, that lets `number` of `rows` be lost."""
    return f"{-(-1000 * number // rows) / 10:g}%"
