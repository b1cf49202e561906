"""clipmill unpack, and listings that are archives."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import msgspec

from clipmill.archives.unpack import Unpacked, archive_of, unpack
from clipmill.errors import UsageError
from clipmill.pipeline.report import words
from clipmill.pipeline.report.progress import Line, bar
from clipmill.storage import absolute, is_url


def run_unpack(arguments: argparse.Namespace) -> int:
    """Unpack an archive; what is there already is not unpacked again."""
    done = _unpack(arguments.archive, arguments.dest)
    if arguments.json:
        words.print_json({**msgspec.structs.asdict(done), "dest": absolute(arguments.dest)})
        return 0
    print(_told(done, arguments.dest))
    return 0


def unpacked_listings(listings: list[str], out: str) -> list[str]:
    """Return listings with archives replaced by the folders they were unpacked to, below `out`/work.

    Raises:
        UsageError: there is an archive, and the output is no local folder.
        DataError: an archive is damaged or dangerous.
    """
    return [_unpacked(listing, out) if archive_of(listing) else listing for listing in listings]


def refuse_archives(listings: list[str]) -> None:
    """Raise UsageError where a listing is an archive: a plan writes nothing."""
    for listing in listings:
        if archive_of(listing):
            raise UsageError(
                f"{listing}: is an archive, and a plan writes nothing; first: clipmill unpack {listing} DIR"
            )


def _unpacked(archive: str, out: str) -> str:
    if is_url(out):
        raise UsageError(f"{archive}: is an archive, and OUT no local folder; first: clipmill unpack {archive} DIR")
    folder = Path(out, "work", "unpacked", Path(archive).name.split(".")[0])
    done = _unpack(archive, str(folder))
    if done.written:
        print(_told(done, words.place(str(folder))), file=sys.stderr)
    # Most archives hold one folder that holds all.
    while len(inside := list(os.scandir(folder))) == 1 and inside[0].is_dir():
        folder = Path(inside[0].path)
    return str(folder)


def _unpack(archive: str, dest: str) -> Unpacked:
    line = Line()
    try:
        return unpack(archive, dest, lambda done, of: line.show(f"unpacking {bar(done, of)} files"))
    finally:
        line.close()


def _told(done: Unpacked, dest: str) -> str:
    there = f", {done.files - done.written:,} of them there already" if done.written < done.files else ""
    links = f"; {words.plural(done.links, 'link')} left out" if done.links else ""
    return f"{words.plural(done.files, 'file')}{there}, {words.size(done.nbytes)} -> {dest}{links}"
