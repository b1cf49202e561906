"""The examples in the docstrings of what users call run, and give what they say.

In them `clips` is the train split of a small data set of frames of 48 x 64 pixels, `path` where it lies.
"""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from miniature import Miniature

import clipmill
from clipmill import reader
from clipmill.reader import replay

#: What is only derived from, or says all in the docstring of what makes it.
WITHOUT = {"Augmentation", "Sampler", "BadClip"}


def documented() -> Iterator[tuple[str, Any]]:
    """Everything with an example: what the reader exports, its methods, and replaying."""
    for name in [*reader.__all__, "open"]:
        found = getattr(reader, name)
        yield name, found
        if inspect.isclass(found):
            for method, function in vars(found).items():
                if not method.startswith("_") and inspect.isfunction(function) and ">>>" in (function.__doc__ or ""):
                    yield f"{name}.{method}", function
    yield "replay", replay.replay


@pytest.mark.parametrize(("name", "found"), [item for item in documented() if item[0] not in WITHOUT])
def test_the_example_gives_what_it_says(name: str, found: Any, mini: Miniature) -> None:
    path = str(mini.path)
    known: dict[str, Any] = {**{each: getattr(reader, each) for each in reader.__all__}, "np": np, "clipmill": clipmill}
    known |= {"path": path, "clips": clipmill.open(path)["train"], "replay": replay.replay}
    examples = doctest.DocTestParser().get_doctest(inspect.getdoc(found) or "", known, name, None, None)
    assert examples.examples, f"{name} has no example"
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=told.append)
    assert not told, "".join(told)
