"""Clips that show the same, where somebody looked for them: a table, and the frames of the worst pairs."""

from __future__ import annotations

import numpy as np

from clipmill.errors import ClipmillError
from clipmill.leaks.found import Pair, kept_leaks
from clipmill.leaks.pictures import frames_of_pair
from clipmill.pipeline.page.blocks import Block, Sheet, Strip, Table, Text
from clipmill.pipeline.page.subject import Subject
from clipmill.pipeline.report import words
from clipmill.reader.markup import NO_LABEL, data_uri, strip

#: Pairs in the table and pairs that are drawn; of more the first, the most alike, are shown.
_ROWS, _DRAWN = 20, 8
#: Height of a frame in pixels.
_HEIGHT = 72


def alike(subject: Subject) -> list[Block]:
    """Return the pairs of clips of two splits, or under two labels, that show the same."""
    found = kept_leaks(subject.storage, subject.manifest.version)
    if found is None:
        return [Text("Nobody has looked yet for clips that only look the same: clipmill leaks does.")]
    blocks: list[Block] = []
    for kind, of in (("splits", "of two splits"), ("labels", "of one split under two labels")):
        pairs = [pair for pair in found.pairs if pair.kind == kind]
        if not pairs:
            blocks.append(Text(f"No clips {of} show the same."))
            continue
        what = f"clips {of} that show the same"
        blocks.append(Text(f"{words.plural(len(pairs), 'pair')} of {what}: clipmill leaks"))
        if kind == "splits":
            blocks.append(Table(what, ("clip", "shows the same as", "splits", "score"), _rows(pairs), prose=True))
        drawn = f"{what}, one above the other at the same moments"
        blocks.append(Sheet(drawn, [_strip(subject, pair) for pair in pairs[:_DRAWN]]))
    return blocks


def _rows(pairs: list[Pair]) -> list[tuple[str, ...]]:
    return [
        (
            words.one_line(pair.first.id),
            words.one_line(pair.second.id),
            words.one_line(f"{pair.first.split} / {pair.second.split}"),
            f"{pair.score:.2f}",
        )
        for pair in pairs[:_ROWS]
    ]


def _strip(subject: Subject, pair: Pair) -> Strip:
    clips = (f"{clip.id} ({clip.split}, {clip.label or NO_LABEL})" for clip in (pair.first, pair.second))
    how = f"{', mirrored' * pair.mirrored}{', cropped' * pair.cropped}"
    caption = words.one_line(f"{' above '.join(clips)}: score {pair.score:.2f}, {pair.seconds:.1f} s{how}")
    try:
        # By the clips' own rows, wherever the data set stood when they were compared.
        rows = frames_of_pair(pair, {clip.dataset: subject.data for clip in (pair.first, pair.second)})
    except ClipmillError as error:
        return Strip(words.one_line(f"{caption}: {error}"), "")
    return Strip(caption, data_uri(np.vstack([strip(frames, _HEIGHT) for frames in rows])))
