"""clipmill.fastai where fastai is not installed; with it: tests/external/pytorch/test_fastai.py."""

from __future__ import annotations

import importlib
import sys

import pytest

from clipmill.errors import MissingExtra


def test_without_fastai_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastai.data.core", None)
    monkeypatch.delitem(sys.modules, "clipmill.fastai", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'clipmill\[fastai\]'"):
        importlib.import_module("clipmill.fastai")
