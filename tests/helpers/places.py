"""Where tests find the repository and the real videos."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: The folder of real videos and listings; perhaps it is not there.
DATA = Path(os.environ.get("CLIPMILL_TEST_DATA") or ROOT.parent / "shared" / "data")
