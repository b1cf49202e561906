"""clipmill replay and clipmill inspect --shuffle: what a reader did, and what its orders are like."""

from __future__ import annotations

import argparse
from typing import Any

from clipmill.pipeline.report import words
from clipmill.storage import absolute


def replay(arguments: argparse.Namespace) -> int:
    """The exact batch of a step, with its clips, frames and draws; `--png` draws it."""
    from clipmill.reader.replay import replay_to

    found = replay_to(absolute(arguments.out), arguments.state, arguments.step, arguments.png, arguments.epoch)
    if arguments.json:
        words.print_json(found)
        return 0
    print(f"epoch {found['epoch']}, step {found['step']}, {words.plural(len(found['clips']), 'clip')}")
    for clip in found["clips"]:
        print(f"  {clip['id']}  {clip['label']}  {clip['source']}")
        for view in clip["views"]:
            print(f"    frames {view['frames'][0]}..{view['frames'][-1]}")
    if found["png"]:
        print(f"-> {found['png']}")
    return 0


def evenness(arguments: argparse.Namespace) -> dict[str, Any]:
    """The numbers behind `inspect --shuffle`, by the reader's order."""
    from clipmill.reader.evenness import compare

    found: dict[str, Any] = compare(absolute(arguments.out), arguments.split, folder=arguments.plots)
    return found


def evenness_table(found: dict[str, Any]) -> str:
    """Unevenness is 1 for a true random order; larger means that like stands by like."""
    rows = [("order", "labels", "records", "padded")]
    for name, report in found.items():
        labels, records = (f"{report[what]['unevenness']:.2f}" for what in ("labels", "records"))
        rows.append((name, labels, records, f"{100 * report['padded']:.1f} %"))
    plots = [plot for report in found.values() for plot in report.get("plots", [])]
    drawn = "".join(f"\n  {plot}" for plot in plots)
    return f"unevenness of the order (1 is a true random order), and padding\n{words.table(rows)}{drawn}"
