"""Damage a listing of every format, read the copies in children, and count how that ends.

    PYTHONPATH=tests/helpers python -m tools.fuzz_listings [--count N] [--seed S]

Each must end in rows and bad rows, or in one error of one line that names the file; in under 60 s; and no child may
take 1 GB of memory. What does otherwise is printed with the file and the seed that make it again. Exit code 1 if there
is any.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import signal
import sys
import tempfile
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

from field_listings import write_all
from listed import Listed
from mutating import mutated

from clipmill.errors import UsageError

#: Seconds for one copy, many since others may work beside.
TIMEOUT = 60
#: The most memory of a child, bytes.
MEMORY = 1 << 30


def outcome(path: Path) -> str:
    """Return "rows", "some bad rows" or "refused"; anything else is a fault that is described."""
    signal.alarm(TIMEOUT)
    try:
        found = Listed(path, videos=str(path.parent))
    except UsageError as error:
        return "refused" if "\n" not in str(error) and path.name in str(error) else f"fault: refused by {error!r}"
    except Exception as error:
        return f"fault: {type(error).__name__}: {error}"
    finally:
        signal.alarm(0)
    if len(found.items) != len(found.clips) + len(found.failures):
        return "fault: rows are lost"
    return "some bad rows" if found.failures else "rows"


def many_outcomes(answer: Connection, path: Path, whole: bytes, seeds: range) -> None:
    """Damage one listing once for each seed; sends the outcomes, and this process's greatest memory in bytes."""
    signal.signal(signal.SIGALRM, _too_long)
    ended = []
    for seed in seeds:
        path.write_bytes(mutated(whole, seed))
        ended.append(outcome(path))
    answer.send((ended, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10))


def in_child(path: Path, seeds: range) -> tuple[list[str], int]:
    """Return what `many_outcomes` sends from a child of its own, so that the memory of one is not that of another."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe(duplex=False)
    child = spawn.Process(target=many_outcomes, args=(theirs, path, path.read_bytes(), seeds), daemon=True)
    child.start()
    theirs.close()
    try:
        # What hangs outside of Python is not stopped by its alarm.
        if ours.poll(TIMEOUT + 5 * len(seeds)):
            answer: tuple[list[str], int] = ours.recv()
            return answer
        return ["fault: hangs"] * len(seeds), 0
    except EOFError:
        return ["fault: its process died"] * len(seeds), 0
    finally:
        child.kill()


def _too_long(*_: object) -> None:
    raise TimeoutError(f"took longer than {TIMEOUT} s")


def main(argv: list[str]) -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="damaged copies (1,000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first copy of each listing (0)")
    arguments = parser.parse_args(argv)
    total: dict[str, Counter[str]] = {}
    peak = bad = 0
    with tempfile.TemporaryDirectory(prefix="clipmill-fuzz-") as folder:
        samples = write_all(Path(folder))
        each = -(-arguments.count // len(samples))
        for number, (name, path) in enumerate(samples):
            seeds = range(arguments.seed + 1_000_003 * number, arguments.seed + 1_000_003 * number + each)
            ended, most = in_child(path, seeds)
            peak = max(peak, most)
            for seed, how in zip(seeds, ended, strict=True):
                total.setdefault(name, Counter())[how.partition(":")[0]] += 1
                if how.startswith("fault"):
                    bad += 1
                    print(f"{path.name}, seed {seed}: {how}", flush=True)
            if most > MEMORY:
                bad += 1
                print(f"{path.name}: {most >> 20} MB", flush=True)
    for name, counts in sorted(total.items()):
        print(f"{name}: {counts.total():,} ({', '.join(f'{count:,} {how}' for how, count in counts.most_common())})")
    copies = each * len(samples)
    print(f"{copies:,} copies of {len(samples)} listings, {bad} bad; most memory of a child {peak >> 20} MB")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
