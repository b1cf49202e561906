"""Damage done at random: what is published has nearly all of its frames, and what is good is published whole."""

from __future__ import annotations

from spoiling import look


def test_what_is_damaged_at_random_is_whole_or_refused(tmp_path):
    """As `python -m benchmarks.damage`, which says what cannot be seen: noise that a decoder takes for a picture."""
    found = look(tmp_path, range(24), seed=2)
    unseen = [one for one in found if one.name.endswith(".webm") and one.how.startswith("noise")]
    assert [one for one in found if one.wrong and one not in unseen] == []
    assert sum(not one.how for one in found) == 24
    assert sum(bool(one.how) and one.shown is None for one in found) > 12, "most are damaged enough to be refused"
