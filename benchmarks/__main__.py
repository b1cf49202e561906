"""All benchmarks that need nothing but real clips, small, in one page.

    python -m benchmarks [VIDEOS]

VIDEOS is a folder per class; by default the UCF101 clips that the tests use.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

_CLIPS = Path(__file__).resolve().parents[2] / "shared" / "data" / "videos" / "ucf101"


def main() -> int:
    """Run them, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="?", default=_CLIPS)
    videos = parser.parse_args().videos
    if not videos.is_dir():
        parser.error(f"{videos}: no folder of videos; name one")
    code = 0
    for name, words in (
        ("build", []),
        ("read", ["--windows", "96", "--rounds", "1", "--only", "bare", "clipmill", "tf.data"]),
    ):
        print(f"{name}\n{'-' * len(name)}", flush=True)
        code |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}", str(videos), *words]).returncode
    return code


if __name__ == "__main__":
    sys.exit(main())
