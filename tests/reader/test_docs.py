"""The page for users names what there is, and all of it."""

from __future__ import annotations

import re

from places import ROOT

import clipmill
from clipmill import reader

PAGE = ROOT / "docs" / "reading.md"


def test_names_on_the_page_exist() -> None:
    names = set(re.findall(r"\b([A-Z][a-z]+(?:[A-Z][a-z]+)*)\(", PAGE.read_text()))
    names -= {"DataLoader", "Generator"}
    assert len(names) > 8
    assert not [name for name in names if not hasattr(reader, name)]


def test_every_sampler_and_augmentation_is_on_the_page() -> None:
    text = PAGE.read_text()
    bases = {"Sampler", "Augmentation", "Function", "Shards", "Batches", "ClipSet", "Dataset"}
    assert not [name for name in reader.__all__ if name not in text and name not in bases]
    assert clipmill.open is reader.open
    assert clipmill.mix is reader.mix


def test_options_on_the_page_exist() -> None:
    import inspect

    known = set(inspect.signature(reader.ClipSet.batches).parameters) | set(inspect.signature(reader.open).parameters)
    known |= {
        "val",
        "where",
        "index",
        "ids",
        "k",
        "stride",
        "windows",
        "random",
        "short",
        "epochs",
        "layout",
        "workers",
    }
    known |= {"dtype", "num_workers"}
    used = set(re.findall(r"\b([a-z_]+)=(?=[\"'\d\[({A-Za-z])", PAGE.read_text()))
    assert used <= known
