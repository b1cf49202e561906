"""A PyAV that decodes other frames is refused in one sentence."""

from __future__ import annotations

from importlib import metadata

import pytest
from places import ROOT

from clipmill.errors import MissingExtra, UsageError
from clipmill.video.decoder_version import RELEASES, check_decoder


def test_the_installed_one_is_right_and_setup_py_asks_for_the_same():
    check_decoder()
    assert f'"av>={RELEASES[0]},<{RELEASES[-1] + 1}"' in (ROOT / "setup.py").read_text()


@pytest.mark.parametrize("version", ["19.0.1", "16.1.0"])
def test_another_one_is_named(monkeypatch, version):
    monkeypatch.setattr(metadata, "version", lambda _: version)
    with pytest.raises(UsageError, match=rf"^PyAV {version} is installed.*pip install 'av>=17,<19'$"):
        check_decoder()


def test_none_names_the_extra(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(MissingExtra, match=r"pip install 'clipmill\[build\]'"):
        check_decoder()
