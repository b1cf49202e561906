"""Cut, zero-fill or overwrite good videos at random, build them, and count what is published that lost frames.

    python -m benchmarks.damage FOLDER [--videos 1000] [--seed 0] [--slice 100]

Nothing that is published should lack more than 5 % of its frames, and nothing undamaged may be refused. Every video is
made from (seed, number), so that what is found can be made again; those that are wrong stay in FOLDER. Not seen is
noise that a decoder takes for a picture without a word: VP8, and VP9 and AV1 as well, where every bit means something.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

# The tests' own helper, which is no package.
from spoiling import Found, look


def main() -> int:
    """Look at all videos, slice by slice; 0 where none is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slice", type=int, default=100)
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    wrong = []
    for start in range(0, arguments.videos, arguments.slice):
        folder = arguments.folder / str(start)
        found = look(folder, range(start, min(start + arguments.slice, arguments.videos)), arguments.seed)
        wrong += [one for one in found if one.wrong]
        counts.update(map(said, found))
        for one in found:
            if one.wrong:
                print(one, flush=True)
                shutil.copy(folder / ("bad" if one.how else "good") / one.name, arguments.folder)
        shutil.rmtree(folder)
        print(
            f"{start + arguments.slice:5}: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())),
            flush=True,
        )
    print(f"{len(wrong)} wrong")
    return bool(wrong)


def said(one: Found) -> str:
    """What became of a video, in a word or two."""
    if not one.how:
        return "good, published whole" if one.shown is not None and not one.lost else "good, not whole"
    if one.shown is None:
        return f"damaged, {one.reason}"
    return "damaged, published whole" if not one.lost else "damaged, published with frames lost"


if __name__ == "__main__":
    sys.exit(main())
