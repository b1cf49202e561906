"""Lines on clips to look at: those that share frames, and those that are stored with something left alone."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill.dataset.shared_content import Pair, SharedContent
from clipmill.leaks.found import Found
from clipmill.pipeline.report import words


def shared_content(found: SharedContent, more: str) -> list[str]:
    """Return a line for each kind of shared content that there is.

    Args:
        more: where all pairs are named.
    """
    lines = []
    splits, labels = found.in_two_splits, found.under_two_labels
    if splits.clips:
        what = "shares frames" if splits.clips == 1 else "share frames"
        example = _example(splits.pairs[0], splits.pairs[0].splits)
        lines.append(f"warning: {words.plural(splits.clips, 'clip')} {what} with another split, {example} ({more})")
    if labels.clips:
        what = "has the frames" if labels.clips == 1 else "have the frames"
        example = _example(labels.pairs[0], labels.pairs[0].labels)
        lines.append(f"warning: {words.plural(labels.clips, 'clip')} {what} of another class, {example} ({more})")
    return lines


def _example(pair: Pair, kinds: tuple[str, str]) -> str:
    one, other = (f"{clip} ({kind})" for clip, kind in zip(pair.clips, kinds, strict=True))
    return words.one_line(f"as {one} and {other}")


def alike_between_splits(found: Found | None, more: str) -> list[str]:
    """Return a line on clips of two splits that show the same; none where nobody looked for such clips.

    Args:
        more: where all pairs are named.
    """
    if found is None:
        return []
    if not found.counts["splits"]:
        return [f"no clips of two splits show the same ({more})"]
    first = next(pair for pair in found.pairs if pair.kind == "splits")
    one, other = (f"{clip.id} ({clip.split})" for clip in (first.first, first.second))
    count = found.counts["splits"]
    said = f"warning: {words.plural(count, 'pair')} of clips of two splits {'shows' if count == 1 else 'show'} the same"
    return [words.one_line(f"{said}, as {one} and {other} ({more})")]


def left_alone(hdr: int, named: Sequence[str], oblong: int) -> list[str]:
    """Return a line on HDR clips, which are named, and one on clips whose pixels are not square."""
    lines = []
    if hdr:
        some = f"{', '.join(named)}{', ...' * (hdr > len(named))}"
        what = f"{words.plural(hdr, 'clip')} in HDR or BT.2020, stored without tone mapping"
        lines.append(words.one_line(f"{what}: {some}"))
    if oblong:
        lines.append(f"{words.plural(oblong, 'clip')} with pixels that are not square (pixel_aspect in clips.parquet)")
    return lines
