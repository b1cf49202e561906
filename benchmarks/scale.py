"""The planner, the publisher and the reader's tables on millions of made-up clips, without a pixel.

    python -m benchmarks.scale [--clips 10000000] [--folder DIR]

Every stage is the code that a build runs, one worker's share after the other in this one process; only the shuffle
between them is a file for each key here. Clips are like the 10 s of Kinetics at 256 pixels: six in ten have 250 or
300 frames exactly, of 30 kB each, so that a shard of 256 MB holds some 40. One row in a hundred has failed. Memory
is the process's peak within the stage, Python and its libraries included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

import clipmill
from benchmarks import made_up
from clipmill import layout, listings
from clipmill.dataset.account import Account
from clipmill.dataset.clip_table import further_columns, shard_rows
from clipmill.dataset.ledger_file import Ledger
from clipmill.dataset.publish import publish
from clipmill.dataset.reuse import published_spans, shard_rows_path
from clipmill.estimate.census import take_census
from clipmill.layout import ShardEntry
from clipmill.messages import ShardPlan, ShardWritten, Verdict
from clipmill.options import BuildOptions, ListingOptions
from clipmill.reader import RandomWindow
from clipmill.shards.plan import Outline, SortKey, band_of, landmark, order_of, outline, plan_band
from clipmill.storage import LocalStorage, Storage

Bands = dict[tuple[str, int], Path]


def main() -> int:
    """Run the stages and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where 2 kB for each clip are free (default: /tmp)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipmill-scale-", dir=arguments.folder) as folder:
        run(arguments.clips, Path(folder))
    return 0


def run(number: int, folder: Path) -> None:
    """Simulate a build of so many clips, and open what it gives."""
    print(
        f"{number:,} rows of a listing\n{'stage':34}{'wall s':>8}{'CPU s':>8}{'peak MB':>9}  what came of it",
        flush=True,
    )
    storage = LocalStorage(str(folder / "out"))
    listing = folder / "clips.csv"
    made_up.write_listing(number, listing)
    with stage("the command looks at the listing") as said:
        found = listings.resolve(ListingOptions((str(listing),), videos=str(folder)))
        options = BuildOptions(found, storage.root, "simulated")
        said.append(
            f"{take_census(options, 200).clips:,} rows, {len(listings.slices(found)):,} slices to read in parallel"
        )
    with stage("sum the splits") as said:
        outlines = outline_splits(number, options)
        said.append(", ".join(f"{split}: {len(found.edges) + 1} bands" for split, found in outlines.items()))
    with stage("(in place of the shuffle)") as said:
        bands, largest = spill(number, outlines, options, folder)
        said.append(f"{largest:,} clips in the largest band")
    with stage("plan the shards, write their rows") as said:
        shards = plan_and_write(bands, outlines, storage, options)
        said.append(f"{len(shards):,} shards")
    with stage("publish") as said:
        account = Account(made_up.count_rows(number), {})
        failures = made_up.failures(number)
        outcome = publish(storage, options, None, made_up.CLASSES, Verdict(), account, iter(shards), failures)
        if outcome.code or not outcome.version:
            raise SystemExit(outcome.message)
        said.append(f"version {outcome.version}, {sum(outcome.failed.values()):,} rows in the ledger")
    del shards
    with stage("the next build reads what there is") as said:
        said.append(f"{sum(1 for _ in published_spans(storage, outcome.version)):,} clips")
    with stage("a reader opens it") as said:
        train = clipmill.open(storage.root)["train"]
        said.append(f"{len(train):,} clips")
    with stage("and plans an epoch") as said:
        batches = train.batches(RandomWindow(16), batch_size=32, shuffle=True, seed=0)
        batches.planner.plan(1).step(len(batches) - 1)
        said.append(f"{len(batches):,} batches")
    del train, batches
    with stage("a ledger of every row") as said:
        ledger = Ledger.write(storage, "all-failed", made_up.failures(number, one_in=1))
        said.append(f"{sum(ledger.by_split.values()):,} rows")
    for name in (layout.CLIPS, layout.MANIFEST):
        stat = storage.stat(layout.version_path(outcome.version, name))
        print(f"{name}: {stat.size / 1e6 if stat else 0:,.0f} MB")


@contextmanager
def stage(name: str) -> Iterator[list[str]]:
    """Times a block, and follows the memory of this process in it."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    began, worked = time.monotonic(), time.process_time()
    said: list[str] = []
    yield said
    wall, cpu = time.monotonic() - began, time.process_time() - worked
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(f"{name:34}{wall:8.1f}{cpu:8.1f}{int(peak.split()[1]) / 1000:9,.0f}  {'; '.join(said)}", flush=True)


def outline_splits(number: int, options: BuildOptions) -> dict[str, Outline]:
    """What PlanShards settles first: each split's bytes and landmarks."""
    nbytes: dict[str, int] = {}
    landmarks: dict[str, list[SortKey]] = {}
    for clip in made_up.clips(number):
        nbytes[clip.split] = nbytes.get(clip.split, 0) + clip.nbytes
        place = landmark(clip, options.sort)
        if place is not None:
            landmarks.setdefault(clip.split, []).append(place)
    return {split: outline(nbytes[split], landmarks.get(split, []), options) for split in nbytes}


def spill(number: int, outlines: Mapping[str, Outline], options: BuildOptions, folder: Path) -> tuple[Bands, int]:
    """Write each band's rows to a file, as they come; returns the files, and the most rows in one."""
    files: dict[tuple[str, int], IO[bytes]] = {}
    counts: dict[tuple[str, int], int] = {}
    for clip in made_up.clips(number):
        band = clip.split, band_of(order_of(clip, options.sort), outlines[clip.split].edges)
        if band not in files:
            files[band] = (folder / f"{band[0]}-{band[1]}.rows").open("wb")
        row = msgspec.msgpack.encode(clip)
        files[band].write(len(row).to_bytes(4, "big") + row)
        counts[band] = counts.get(band, 0) + 1
    for file in files.values():
        file.close()
    return {band: Path(file.name) for band, file in files.items()}, max(counts.values())


def plan_and_write(
    bands: Bands, outlines: Mapping[str, Outline], storage: Storage, options: BuildOptions
) -> list[ShardWritten]:
    """Plan each band, and write what WriteShards does, but for the shards themselves."""
    written = []
    for (split, number), path in bands.items():
        with path.open("rb") as file:
            rows = iter(lambda: file.read(int.from_bytes(file.read(4), "big")), b"")
            for plan in plan_band(split, number, outlines[split].target, rows, options):
                written.append(_write(plan, storage, options))
        path.unlink()
    return written


def _write(plan: ShardPlan, storage: Storage, options: BuildOptions) -> ShardWritten:
    places = list(made_up.places(plan.clips))
    path = shard_rows_path(options.run, plan.shard, options.record_schema)
    storage.put(path, shard_rows(plan.shard, plan.clips, places), durable=False)
    storage.put(layout.shard_path(plan.shard), b"", durable=False)
    entry = ShardEntry(
        records=len(places),
        frames=sum(clip.frames for clip in plan.clips),
        bytes=sum(place[1] for place in places),
        crc32c=plan.digest[:8],
        index_crc32c=plan.digest[8:16],
        frames_crc32c=plan.digest[16:24],
    )
    columns = further_columns(plan.clips)
    return ShardWritten(
        split=plan.split,
        band=plan.band,
        number=plan.number,
        shard=plan.shard,
        digest=plan.digest,
        entry=entry,
        part=path,
        columns=columns,
        trimmed=0,
        ranged=0,
        shared=[],
    )


if __name__ == "__main__":
    raise SystemExit(main())
