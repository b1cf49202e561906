"""A listing that comes by standard input."""

from __future__ import annotations

import argparse
import io
import os
import sys

import pytest

from clipmill.errors import UsageError
from clipmill.pipeline.cli.standard_input import standard_input_as_file


def test_it_is_a_file_as_long_as_it_is_needed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"path,label\nx.mp4,run\n")))
    arguments = argparse.Namespace(listing=["-"], videos=[])
    with standard_input_as_file(arguments):
        (path,) = arguments.listing
        assert arguments.videos == [os.getcwd()]
        with open(path, "rb") as file:
            assert file.read() == b"path,label\nx.mp4,run\n"
    assert not os.path.exists(path)


def test_it_is_read_alone():
    arguments = argparse.Namespace(listing=["-", "more.csv"], videos=[])
    with pytest.raises(UsageError, match="standard input is read alone"), standard_input_as_file(arguments):
        pass


def test_other_listings_stay():
    arguments = argparse.Namespace(listing=["a.csv"], videos=None)
    with standard_input_as_file(arguments):
        assert (arguments.listing, arguments.videos) == (["a.csv"], None)
