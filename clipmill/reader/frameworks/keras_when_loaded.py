"""Keras without loading it for those who do not use it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TypeVar, cast

Reader = TypeVar("Reader")


def load() -> ModuleType:
    """Load and return `clipmill.reader.frameworks.keras`."""
    # Keras takes seconds to load, and most readers never need it.
    from clipmill.reader.frameworks import keras

    return keras


def taken_by_fit(reader: type[Reader]) -> type[Reader]:
    """Return a class of batches that `model.fit` takes as they are, or the same class where Keras is not loaded."""
    return cast("type[Reader]", load().also_epochs(reader)) if sys.modules.get("keras.utils") else reader
