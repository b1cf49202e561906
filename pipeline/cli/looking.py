"""Commands that look at a data set: verify, inspect, failures, path."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from typing import Any

import msgspec

from clipmill import layout
from clipmill.dataset.inspect import find_clip, find_run, split_files, summarize, unfinished_run
from clipmill.dataset.ledger_file import read_ledger
from clipmill.leaks.found import kept_leaks
from clipmill.pipeline.report import words
from clipmill.pipeline.report.remarks import alike_between_splits, left_alone, shared_content
from clipmill.storage import absolute, open_storage

#: Classes in a table of them.
_CLASSES = 30


def verify(arguments: argparse.Namespace) -> int:
    """Check all that is published; exit code 1 if anything is wrong."""
    # It loads what decodes JPEGs, which the other commands need not wait for.
    from clipmill.pipeline.verify import verify

    out = absolute(arguments.out)
    return verify(out, deep=arguments.deep, strict_splits=arguments.strict_splits, as_json=arguments.json)


def inspect(arguments: argparse.Namespace) -> int:
    """Print what is in the published version, or all that is known of one clip."""
    if arguments.shuffle:
        # The reader loads OpenCV, which the other commands need not wait for.
        from clipmill.pipeline.cli import reading

        compared = reading.evenness(arguments)
        if arguments.json:
            words.print_json(compared)
        else:
            print(reading.evenness_table(compared))
        return 0
    storage = open_storage(absolute(arguments.out))
    found = summarize(storage) if arguments.clip is None else find_clip(storage, arguments.clip)
    leaks = kept_leaks(storage, found["version"]) if arguments.clip is None else None
    if leaks is not None:
        found["leaks"] = leaks.counts
    if arguments.json:
        words.print_json(found)
    elif arguments.clip is None:
        again = shared_content(found["shared"], f"clipmill inspect {arguments.out} --json")
        again += alike_between_splits(leaks, f"clipmill leaks {arguments.out}")
        print(words.lines("\n".join([_summary(found), *again])))
    else:
        print(
            words.block(
                [(words.one_line(name), _plain(value)) for name, value in found.items() if value not in (None, [])]
            )
        )
    return 0


def _plain(value: Any) -> str:
    return words.one_line(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _summary(found: dict[str, Any]) -> str:
    rows = [("split", "clips", "frames", "size", "shards", "hosts", "shortest", "median", "longest")]
    for name, split in found["splits"].items():
        shortest, _, median, _, longest = split["lengths"]
        numbers = (f"{n:,}" for n in (split["shards"], split["hosts"], shortest, median, longest))
        rows.append((name, f"{split['clips']:,}", f"{split['frames']:,}", words.size(split["bytes"]), *numbers))
    lines = [f"{found['dataset']} {words.version(found['version'])}, schema {found['schema']}", words.table(rows)]
    counts = found["classes"]
    unlabelled = f", {words.plural(found['unlabelled'], 'clip')} without a label" if found["unlabelled"] else ""
    unused = f", {words.plural(found['placeholders'], 'number')} without a class" if found["placeholders"] else ""
    if counts:
        lines.append(f"{words.classes(counts)}{unused}{unlabelled}")
    elif unlabelled:
        lines.append("no labels")
    if len(found["splits"]) > 1 and len(counts) > 1:
        lines.append(_by_split(found))
    sizes = [f"{size} ({words.plural(clips, 'clip')})" for size, clips in found["sizes"].items()]
    more = f" and {len(sizes) - 6:,} others" if len(sizes) > 6 else ""
    lines.append(f"frame sizes: {', '.join(sizes[:6])}{more}")
    lines += left_alone(0, [], found["oblong"])
    return "\n".join(lines)


def _by_split(found: dict[str, Any]) -> str:
    """Return a table of clips by class and split; of many classes the smallest."""
    counts, splits = found["classes"], found["classes_by_split"]
    shown = sorted(counts, key=counts.__getitem__)[:_CLASSES] if len(counts) > _CLASSES else list(counts)
    rows = [("class", *splits)]
    rows += [(name, *(f"{split.get(name, 0):,}" for split in splits.values())) for name in shown]
    few = f"\nthe {_CLASSES} smallest of {len(counts):,} classes (all: --json)" if len(shown) < len(counts) else ""
    return words.table(rows) + few


def failures(arguments: argparse.Namespace) -> int:
    """Print the ledger of a run, a line a row."""
    storage = open_storage(absolute(arguments.out))
    run = find_run(storage, arguments.run_id)
    ledger = read_ledger(storage, run, arguments.reason)
    if arguments.json:
        words.print_json({"run": run, "failures": [msgspec.structs.asdict(failure) for failure in ledger]})
        return 0
    counts = Counter(failure.reason for failure in ledger)
    width = max(map(len, counts), default=0)
    for failure in ledger:
        at = f"{words.place(failure.listing)}:{failure.row} " if failure.row else ""
        name = failure.source or failure.clip_id
        print(words.one_line(f"{failure.reason.ljust(width)}  {at}{name}: {failure.message}"))
    sys.stdout.flush()
    print(f"run {run}: {', '.join(f'{n:,} {reason}' for reason, n in counts.most_common()) or 'none'}", file=sys.stderr)
    unfinished = unfinished_run(storage)
    if arguments.run_id is None and unfinished:
        print(f"a later run, {unfinished}, has not ended: it was stopped, or is still working", file=sys.stderr)
    return 0


def path(arguments: argparse.Namespace) -> int:
    """Print the files of the published shards, a line each."""
    storage = open_storage(absolute(arguments.out))
    paths = split_files(storage, arguments.split)
    if arguments.json:
        words.print_json({"version": layout.current_version(storage), "files": paths})
    else:
        print("\n".join(paths))
    return 0
