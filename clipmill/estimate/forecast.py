"""Forecasting what a build can reuse, from the notes on sources and the published clip table alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from clipmill.content_names import CODEC_EPOCH, clip_key
from clipmill.dataset.clip_table import read_clips
from clipmill.decoding.fragments import fragment_path, remembered_failure
from clipmill.errors import ClipError
from clipmill.estimate.sample import Sample
from clipmill.layout import read_manifest
from clipmill.ledger import Reason
from clipmill.messages import CachedProbe, ClipRow, ProbedSource, SourceTask
from clipmill.options import BuildOptions, FrameOptions
from clipmill.options.table import OPTIONS, Option, that_change_bytes
from clipmill.sources.cache import question, read_known, recall
from clipmill.sources.clips import source_tasks
from clipmill.sources.find import find_source
from clipmill.storage import open_storage
from clipmill.storage.concurrent import each

_BATCH = 10_000
_COLUMNS = ["clip_key", "clip_id", "label_text", "split", "frames", "bytes"]
#: Options of the manifest that change every clip's frames.
FRAME_OPTIONS = frozenset(FrameOptions.__struct_fields__) | {"segment_seconds"}
#: Options of the manifest that choose clips, and change nothing of the others.
_CHOOSING = frozenset({"min_frames", "min_segment"})


class Foreseen(NamedTuple):
    """What is known of one row before it is resolved.

    Attributes:
        problem: the reason why there will be no clip, "" where none is known.
        held: whether the published version has its frames.
        stays: whether it has them under the same id, label and split.
        frames, nbytes: of its frames, where they are held.
    """

    problem: str = ""
    held: bool = False
    stays: bool = False
    frames: int = 0
    nbytes: int = 0


class Population(NamedTuple):
    """What is known of the clips of a listing, from all of its rows or from a sample of them.

    Attributes:
        clips: of the listing.
        looked_at: rows.
        missing: those without a file.
        failed: those that are known to give no clip, missing ones too.
        held: those whose frames the published version has.
        stays: those that it has under the same id, label and split.
        sample: of the rows that are not missing.
    """

    clips: int
    looked_at: int
    missing: int
    failed: int
    held: int
    stays: int
    sample: list[tuple[ClipRow, Foreseen]]

    @property
    def is_whole(self) -> bool:
        """Whether every row was looked at."""
        return self.looked_at == self.clips


def survey(looked: Iterable[tuple[ClipRow, Foreseen]], clips: int, sample: int) -> Population:
    """Sum up what is known of rows.

    Args:
        clips: how many the listing has.
        sample: how many rows to keep.
    """
    drawn = Sample[tuple[ClipRow, Foreseen]](sample)
    looked_at = missing = failed = held = stays = 0
    for row, seen in looked:
        looked_at += 1
        failed += bool(seen.problem)
        held += seen.held
        stays += seen.stays
        if seen.problem == Reason.MISSING:
            missing += 1
        else:
            drawn.add(row.clip_id, (row, seen))
    return Population(clips, looked_at, missing, failed, held, stays, drawn.items())


class Forecast(msgspec.Struct, frozen=True):
    """How much of a listing is done already.

    Attributes:
        published: clips of the published version.
        held: rows whose frames it has.
        failed: rows that are known to give no clip.
        new: all other rows: these are decoded.
        gone: published clips that the listing no longer names; None where that is unknown.
        rewritten: about which share of the shards will be new, 0 to 1.
        changed: why all frames change, as "--quality 90 (was 95)".
    """

    published: int
    held: int
    failed: int
    new: int
    gone: int | None
    rewritten: float
    changed: list[str]


class Foresight:
    """Looks up what is known of rows.

    Args:
        base: the published version, or None.
        sources: of the rows to come, if they are known; else all notes are held in memory.
        elsewhere: the paths of videos that are found by name.
    """

    def __init__(
        self,
        options: BuildOptions,
        base: str | None,
        sources: set[str] | None = None,
        elsewhere: Mapping[str, str] | None = None,
    ) -> None:
        self._options = options
        self._elsewhere = elsewhere or {}
        self._out = open_storage(options.out)
        self._manifest = None if base is None else read_manifest(self._out, base)
        self._videos = open_storage(options.videos)
        self._known: dict[str, list[msgspec.Raw]] = {}
        if not options.rehash:
            for source, packed in read_known(self._out, self._videos):
                if sources is None or source in sources:
                    self._known.setdefault(source, []).append(packed)
        self._table = None if base is None else read_clips(self._out, base, _COLUMNS).combine_chunks()
        self._seen: set[int] = set()

    def forecast(self, of: Population) -> Forecast:
        """Return how much of a listing is done already."""
        scale = of.clips / max(1, of.looked_at)
        published = 0 if self._table is None else len(self._table)
        exact = of.is_whole and self._options.segment_seconds is None
        gone = published - len(self._seen) if exact else None
        moved = scale * (of.held - of.stays + of.looked_at - of.held - of.failed) + (gone or 0)
        held, failed = round(scale * of.held), round(scale * of.failed)
        return Forecast(
            published=published,
            held=held,
            failed=failed,
            new=of.clips - held - failed,
            gone=gone,
            rewritten=self._rewritten(moved),
            changed=self.changed(),
        )

    def changed(self) -> list[str]:
        """Return the reasons why the published frames cannot be reused; empty where they can."""
        words = self._changed_options(lambda name: name in FRAME_OPTIONS)
        if self._manifest is not None and self._manifest.codec_epoch != CODEC_EPOCH:
            was = self._manifest.codec_epoch
            words.insert(0, f"this clipmill encodes frames in another way (codec epoch {CODEC_EPOCH}, was {was})")
        return words

    def _rewritten(self, moved: float) -> float:
        """Estimate the share of the shards that change if `moved` random clips are added, removed or moved."""
        # A shard changes if it holds one of them; the factor and the added shard are for neighbours, whose cuts move.
        if self._manifest is None or self._changed_options(lambda name: name not in FRAME_OPTIONS | _CHOOSING):
            return 1.0
        shards = max(1, len(self._manifest.shards))
        rewritten: float = 1.4 * (1 - (1 - 1 / shards) ** moved) + (1 / shards if moved else 0.0)
        return min(1.0, rewritten)

    def _changed_options(self, wanted: Callable[[str], bool]) -> list[str]:
        if self._manifest is None:
            return []
        now, before = that_change_bytes(self._options), self._manifest.options
        # An option that a manifest may lack is missing where it has its default.
        typed = {option.field: option for option in OPTIONS if option.changes_bytes}
        changed = [name for name in typed if wanted(name) and now.get(name) != before.get(name)]
        return [_change(typed[name], now.get(name), before.get(name)) for name in changed]

    def look(self, rows: Iterable[ClipRow]) -> Iterator[tuple[ClipRow, Foreseen]]:
        """Iterate over the rows, each with what is known of it."""
        rows = iter(rows)
        while batch := list(islice(rows, _BATCH)):
            yield from zip(batch, self._look(batch), strict=True)

    def _look(self, rows: Sequence[ClipRow]) -> list[Foreseen]:
        found = list(each(self._videos, self._keys, rows))
        if self._table is None:
            return [Foreseen(problem) for problem, _ in found]
        by_key = self._places("clip_key", [key for _, choices in found for keys in choices for key in keys])
        by_id = self._places("clip_id", [row.clip_id for row in rows])
        self._seen |= set(by_id.values())
        return [
            self._foreseen(row, by_id.get(row.clip_id), problem, choices, by_key)
            for row, (problem, choices) in zip(rows, found, strict=True)
        ]

    def _foreseen(
        self, row: ClipRow, same_id: int | None, problem: str, choices: list[list[str]], by_key: dict[str, int]
    ) -> Foreseen:
        held = next((keys for keys in choices if keys and all(key in by_key for key in keys)), None)
        if problem or held is None:
            return Foreseen(problem or self._failed_before(choices))
        assert self._table is not None
        places = [by_key[key] for key in held]
        frames, nbytes = (sum(self._table[name][place].as_py() for place in places) for name in ("frames", "bytes"))
        facts = {"clip_key": held[0], "label_text": _label(row), "split": row.split}
        if self._options.listing.draws_similar:
            del facts["split"]  # is drawn after decoding, most likely as before
        stays = same_id is not None and all(self._table[name][same_id].as_py() == fact for name, fact in facts.items())
        return Foreseen(held=True, stays=stays, frames=frames, nbytes=nbytes)

    def _failed_before(self, choices: list[list[str]]) -> str:
        if not self._out.local:
            return ""
        found = (remembered_failure(self._out, fragment_path(keys[0], 0, 1)) for keys in choices if len(keys) == 1)
        return next((failure[0] for failure in found if failure), "")

    def _keys(self, row: ClipRow) -> tuple[str, list[list[str]]]:
        """Return what is wrong with a row's source, and the clip keys that the row may get, most likely first."""
        for _, task in source_tasks([row], self._options, self._elsewhere.get(row.video, "")):
            try:
                return self._recalled(row, task)
            except ClipError as error:
                return Reason(error.reason).value, []
        return "", []

    def _recalled(self, row: ClipRow, task: SourceTask) -> tuple[str, list[list[str]]]:
        notes = self._known.get(row.video, [])
        if not notes and not self._videos.local:
            return "", []
        at, stat = find_source(self._videos, task.paths)
        known = recall([msgspec.msgpack.decode(note, type=CachedProbe) for note in notes], task.paths[at], stat)
        if known is None:
            return "", []
        if known.source.failure:
            return known.source.failure[0], []
        return "", list(self._choices(row, known.source, known.asked == question(task, at)))

    def _choices(self, row: ClipRow, source: ProbedSource, same: bool) -> Iterator[list[str]]:
        frames = self._options.frames
        if same:
            yield [clip_key(source.fingerprint, plan.decode_start, plan.decode_end, frames) for plan in source.clips]
        elif not self._options.segment_seconds and row.frame_range is None:
            # The notes are on other rows of the source: try the row's own range, and the whole file, if it is cut.
            yield [clip_key(source.fingerprint, row.start, row.end, frames)]
            yield [clip_key(source.fingerprint, None, None, frames)]

    def _places(self, column: str, wanted: list[str]) -> dict[str, int]:
        """Find the rows of the published table that hold these values; values that are not there are left out."""
        assert self._table is not None
        places = pc.index_in(pa.array(wanted, pa.string()), value_set=self._table[column]).to_pylist()
        return {value: place for value, place in zip(wanted, places, strict=True) if place is not None}


def _change(option: Option, now: Any, before: Any) -> str:
    if option.kind is None:  # a switch
        return f"--{option.name}" if now else f"no --{option.name}"
    was = "not given" if before is None else option.typed(before)
    return f"no --{option.name} (was {was})" if now is None else f"--{option.name} {option.typed(now)} (was {was})"


def _label(row: ClipRow) -> str | list[str]:
    """Return a row's label as the clip table has it."""
    return list(row.label) if isinstance(row.label, tuple) else row.label or ""
