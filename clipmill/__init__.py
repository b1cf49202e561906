"""clipmill turns a listing of videos into shards of frames, and shards into batches."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # For editors and type checkers.
    from clipmill.reader import mix, open

__version__ = "0.1.0"

#: What is loaded on use, so that `import clipmill` stays cheap in workers that need nothing of it. Modules are named in
#: texts, since the pipeline stands on this package and writes its version.
_LOADED_FROM = {
    "open": "clipmill.reader",
    "mix": "clipmill.reader",
    **dict.fromkeys(("build", "plan", "verify", "versions", "failures"), "clipmill.pipeline.api"),
}
__all__ = ["__version__", "build", "failures", "mix", "open", "plan", "verify", "versions"]


def __getattr__(name: str) -> Any:
    if name in _LOADED_FROM:
        return getattr(import_module(_LOADED_FROM[name]), name)
    raise AttributeError(f"module 'clipmill' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
