"""clipmill replay and clipmill inspect --shuffle: what a reader did, and what its orders are like."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from clipmill.pipeline.report import words
from clipmill.reader.contact_sheet import png
from clipmill.reader.dataset import open as open_dataset
from clipmill.reader.evenness import compare
from clipmill.reader.replay import in_words, replay_to
from clipmill.reader.sequence_grid import read_strips, sequence_grid
from clipmill.storage import absolute


def replay(arguments: argparse.Namespace) -> int:
    """Print the exact batch of a step: its clips and frames; draw it for --png."""
    found = replay_to(absolute(arguments.out), arguments.state, arguments.step, arguments.png, arguments.epoch)
    if arguments.json:
        words.print_json(found)
        return 0
    print(f"epoch {found['epoch']}, step {found['step']}, {words.plural(len(found['clips']), 'clip')}")
    for clip in found["clips"]:
        print(words.one_line(f"  {clip['id']}  {clip['label']}  {clip['source']}"))
        for view in clip["views"]:
            print(f"    {in_words(view)}")
    if found["png"]:
        print(f"-> {found['png']}")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Draw consecutive frames of a few clips."""
    data = open_dataset(absolute(arguments.out))
    clips = data.all if arguments.split is None else data[arguments.split]
    rows = arguments.rows
    if arguments.clip is not None:
        clips, rows = clips.select(ids=[arguments.clip]), 1
    strips = read_strips(clips, rows, arguments.frames * arguments.steps)
    Path(arguments.png).write_bytes(png(sequence_grid(strips, arguments.frames, arguments.steps)))
    if arguments.json:
        shown = [{"id": strip.clip_id, "label": strip.label, "frames": strip.numbers.tolist()} for strip in strips]
        words.print_json({"png": arguments.png, "clips": shown})
        return 0
    for strip in strips:
        first, last = strip.numbers[0], strip.numbers[-1]
        print(words.one_line(f"{strip.clip_id}  {strip.label}  frames {first}..{last}"))
    print(f"-> {arguments.png}")
    return 0


def evenness(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return how even each order of the reader is, by its name."""
    found: dict[str, Any] = compare(absolute(arguments.out), arguments.split, folder=arguments.plots)
    return found


def evenness_table(found: dict[str, Any]) -> str:
    """Return a table of unevenness: 1 is a true random order; above it, like clips stand together."""
    rows = [("order", "labels", "records", "padded")]
    for name, report in found.items():
        labels, records = (f"{report[what]['unevenness']:.2f}" for what in ("labels", "records"))
        rows.append((name, labels, records, f"{100 * report['padded']:.1f} %"))
    plots = [plot for report in found.values() for plot in report.get("plots", [])]
    drawn = "".join(f"\n  {plot}" for plot in plots)
    return f"unevenness of the order (1 is a true random order), and padding\n{words.table(rows)}{drawn}"
