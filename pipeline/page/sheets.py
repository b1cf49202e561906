"""Contact sheets: which clips are shown, and their frames."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from clipmill.dataset.clip_table import read_clips
from clipmill.errors import ClipmillError
from clipmill.pipeline.page.blocks import Block, Section, Sheet, Strip
from clipmill.pipeline.page.subject import Subject
from clipmill.pipeline.report import words
from clipmill.reader import Clip
from clipmill.reader.markup import NO_LABEL, data_uri

#: Clips of a sheet; of each class where there are few, and classes where there are many.
_CLIPS, _OF_A_CLASS, _CLASSES = 8, 3, 120
#: Frames of a strip, and its height in pixels.
_FRAMES, _HEIGHT = 5, 72


def sheets(subject: Subject) -> Section:
    """Return strips of frames: random clips, the shortest, the longest, what is new, and some of each class."""
    frames = subject.data.table.frames
    by_length = np.argsort(frames, kind="stable")
    count = min(_CLIPS, len(frames))
    random = np.sort(np.random.default_rng(0).choice(len(frames), count, replace=False))
    chosen = {"random clips": random.tolist()}
    if not subject.manifest.pairs:
        chosen["the shortest clips"] = by_length[:count].tolist()
        chosen["the longest clips"] = by_length[::-1][:count].tolist()
    new = _new(subject)
    chosen[f"new since {words.version(subject.before or '')}, {words.plural(len(new), 'clip')} in all"] = new[:count]
    chosen["some of each class"] = _of_each_class(subject)
    blocks: list[Block] = [
        Sheet(caption, [_strip(subject, number) for number in numbers])
        for caption, numbers in chosen.items()
        if numbers
    ]
    return Section("sheets", "Clips", blocks)


def _new(subject: Subject) -> list[int]:
    """Return the numbers of the clips whose frames the version before does not have; none without a version before."""
    if subject.before is None:
        return []
    old = set(read_clips(subject.storage, subject.before, ["digest"])["digest"].to_pylist())
    return [number for number, digest in enumerate(subject.table["digest"].to_pylist()) if digest not in old]


def _of_each_class(subject: Subject) -> Iterable[int]:
    labels = subject.data.table.label
    known = np.unique(labels[labels >= 0])[:_CLASSES].tolist()
    each = _OF_A_CLASS if len(known) <= 20 else 1
    found: list[int] = []
    for label in known:
        clips = np.flatnonzero(labels == label)
        found += clips[np.unique(np.linspace(0, len(clips) - 1, min(each, len(clips))).round().astype(int))].tolist()
    return found


def _strip(subject: Subject, number: int) -> Strip:
    clip = Clip(subject.data.all, number)
    split = subject.table["split"][number].as_py()
    length = "" if subject.manifest.pairs else f", {words.plural(clip.length, 'frame')}"
    caption = words.one_line(f"{clip.id}: {clip.label_name or NO_LABEL}, {split}{length}")
    try:
        return Strip(caption, data_uri(clip.strip(_FRAMES, _HEIGHT)))
    except ClipmillError as error:
        return Strip(words.one_line(f"{caption}: {error}"), "")
