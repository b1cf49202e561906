"""clipmill turns a listing of videos into shards of frames, and shards into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clipmill.reader import mix, open

__version__ = "0.1.0"
__all__ = ["__version__", "mix", "open"]


def __getattr__(name: str) -> Any:
    if name in ("mix", "open"):
        # Loaded on use, so that `import clipmill` stays cheap in workers that never read.
        from clipmill import reader

        return getattr(reader, name)
    raise AttributeError(f"module 'clipmill' has no attribute {name!r}")
