"""clipmill leaks: clips that show the same, most of all in two splits."""

from __future__ import annotations

import argparse
from pathlib import Path

from clipmill.leaks.find import find_leaks
from clipmill.leaks.found import Found, Pair
from clipmill.leaks.pictures import draw_pairs
from clipmill.pipeline.report import words
from clipmill.pipeline.report.progress import Line, bar
from clipmill.reader.contact_sheet import png
from clipmill.reader.dataset import open as open_dataset
from clipmill.reader.markup import NO_LABEL
from clipmill.signatures.compare import tell_crowded
from clipmill.storage import absolute

#: Pairs in the table, and in the picture.
_SHOWN, _DRAWN = 20, 12

_KINDS = {
    "against": "with another data set",
    "splits": "between splits",
    "labels": "in one split, under two labels",
    "within": "in one split, under one label",
}


def run_leaks(arguments: argparse.Namespace) -> int:
    """Print the pairs of clips that show the same; exit code 1 where there are more leaks than --fail-above."""
    data = open_dataset(absolute(arguments.out))
    others = [open_dataset(absolute(other)) for other in arguments.against]
    line = Line()
    try:
        found = find_leaks(data, others, lambda done, of: line.show(f"signatures: {bar(done, of)} clips"))
    finally:
        line.close()
    drawn = found.pairs[:_DRAWN] if arguments.png else []
    if drawn:
        Path(arguments.png).write_bytes(png(draw_pairs(drawn, {each.path: each for each in (data, *others)})))
    if arguments.json:
        words.print_json(found)
    else:
        print(words.lines(_told(found)))
        if drawn:
            print(f"-> {arguments.png}")
    return 1 if arguments.fail_above is not None and found.leaks > arguments.fail_above else 0


def _told(found: Found) -> str:
    compared = f"{found.dataset} {words.version(found.version)}: {words.plural(found.clips, 'clip')}"
    crowded = f"\n{tell_crowded(found.crowded)}" if found.crowded else ""
    if not found.pairs:
        return f"{compared}, no two show the same{crowded}"
    counts = [(_KINDS[kind], words.plural(count, "pair")) for kind, count in found.counts.items() if count]
    shown = words.table([("score", "offset", "seconds", "", "", ""), *map(_row, found.pairs[:_SHOWN])])
    more = len(found.pairs) - _SHOWN
    rest = f"\nand {words.plural(more, 'other pair')} (all of them with --json)" if more > 0 else ""
    return f"{compared}{crowded}\n{words.block(counts)}\n{shown}{rest}"


def _row(pair: Pair) -> tuple[str, ...]:
    how = ", ".join(word for word, true in (("mirrored", pair.mirrored), ("cropped", pair.cropped)) if true)
    clips = (f"{clip.id} ({clip.split}, {clip.label or NO_LABEL})" for clip in (pair.first, pair.second))
    return f"{pair.score:.2f}", f"{pair.offset:+.2f} s", f"{pair.seconds:.1f} s", *clips, how
