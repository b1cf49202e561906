"""The releases of PyAV that decode the same frames."""

from __future__ import annotations

from importlib import metadata

from clipmill.errors import MissingExtra, UsageError

#: Major releases, as setup.py has them. They bring libavcodec 62, whose pixels the golden frames pin; 19 brings 63.
RELEASES = (17, 18)


def check_decoder() -> None:
    """Raise UsageError where another release of PyAV is installed: each clip would fail in its child.

    Raises:
        MissingExtra: none is installed.
    """
    try:
        found = metadata.version("av")
    except metadata.PackageNotFoundError:
        raise MissingExtra("clipmill build", "build") from None
    if int(found.partition(".")[0]) not in RELEASES:
        known = " and ".join(map(str, RELEASES))
        wanted = f"av>={RELEASES[0]},<{RELEASES[-1] + 1}"
        raise UsageError(f"PyAV {found} is installed, and clipmill decodes with {known} alone: pip install '{wanted}'")
