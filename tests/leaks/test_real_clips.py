"""Copies of real clips, as benchmarks/leaks.py makes them, small: each is found, and no other clip."""

from __future__ import annotations

from pathlib import Path

from scenery import publish_frames

import clipmill
from benchmarks.leaks import KINDS, decoded, half
from clipmill.leaks.find import find_leaks

CLIPS = ("Bowling/v_Bowling_g22_c04", "HammerThrow/v_HammerThrow_g23_c05", "TaiChi/v_TaiChi_g01_c02")


def test_copies_of_real_clips_are_found_and_other_clips_are_not(shared_data: Path, tmp_path: Path) -> None:
    clips, names = [], []
    for name in CLIPS:
        frames, fps = decoded(shared_data / "videos" / "ucf101" / f"{name}.avi", 2.5)
        frames = [half(frame) for frame in frames]
        # All clips of such a data set have one rate; tests/leaks/test_find.py has another one.
        copies = [kind(frames, fps)[0] for what, kind in KINDS.items() if what != "15_fps"]
        clips += [frames, *copies]
        names += [name] * (1 + len(copies))
    publish_frames(tmp_path / "out", clips, ["train", *["test"] * (len(KINDS) - 1)] * len(CLIPS), fps=25.0)
    found = find_leaks(clipmill.open(str(tmp_path / "out")))
    of = {f"clip_{number:04d}": name for number, name in enumerate(names)}
    assert all(of[pair.first.id] == of[pair.second.id] for pair in found.pairs)
    assert found.counts["splits"] == len(names) - len(CLIPS)
