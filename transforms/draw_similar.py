"""DrawSimilar: draw the random split that keeps together clips that show the same, once all have signatures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import msgspec
from apache_beam import pvalue

from clipmill.dataset.account import Counted, Key, key
from clipmill.listings.similar_splits import Member, SimilarSplits, draw_similar, member_of
from clipmill.messages import Clip, Verdict
from clipmill.options import BuildOptions
from clipmill.storage import open_storage


class DrawSimilar(beam.PTransform):
    """Gives clips their final split.

    Args:
        verdict: a PCollection of one `Verdict`, of SignClips; behind a closed gate clips keep the split they have.

    Returns:
        clips (`Clip`), and moves ((`Key`, number): what to add to the counts of rows, so that they add up by split).
    """

    def __init__(self, options: BuildOptions, verdict: beam.PCollection) -> None:
        super().__init__()
        self._options = options
        self._verdict = verdict

    def expand(self, clips: beam.PCollection) -> dict[str, beam.PCollection]:
        """Draw once for all `Clip` rows."""
        members = clips | "Members" >> beam.Map(member_of).with_output_types(tuple[str, str, str, str, tuple[str, ...]])
        drawn = self._verdict | "Draw" >> beam.Map(_draw, pvalue.AsIter(members), self._options)
        placed = clips | "Place" >> beam.FlatMap(_place, pvalue.AsSingleton(drawn)).with_output_types(
            Clip, moves=tuple[Key, int]
        ).with_outputs("moves", main="clips")
        return {"clips": placed.clips, "moves": placed.moves}


def _draw(verdict: Verdict, members: Iterable[Member], options: BuildOptions) -> SimilarSplits | None:
    return draw_similar(options.listing, members, open_storage(options.out)) if verdict.is_open else None


def _place(clip: Clip, drawn: SimilarSplits | None) -> Iterator[Any]:
    split = clip.split if drawn is None else drawn.split_of(clip)
    yield msgspec.structs.replace(clip, split=split)
    if split != clip.split:
        yield pvalue.TaggedOutput("moves", (key(clip.split, Counted.ROWS), -1))
        yield pvalue.TaggedOutput("moves", (key(split, Counted.ROWS), 1))
