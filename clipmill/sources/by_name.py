"""Finding a file that is not where its row says, by its name alone.

For trees without class folders, other suffixes, other spellings of class folders, or one folder
more. A file is taken where it is the only one of its name under the roots, and no other row's.
Names are compared without video suffixes, in Unicode's NFC, case folded.
"""

from __future__ import annotations

import os
import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

from clipmill import listings
from clipmill.listings.paths import is_hidden, is_image, is_video
from clipmill.messages import ClipRow, SourceRows
from clipmill.options import BuildOptions, ListingOptions
from clipmill.storage import LocalStorage, Storage, open_storage

_TIMES = re.compile(r"_\d{6}_\d{6}$")
# ActivityNet's files have this before their YouTube id, its annotations have not.
_PREFIX = re.compile(r"^v_(?=[\w-]{11}$)")


def fold(path: str) -> str:
    """Return a path as names are compared: x.mp4.mkv and X.AVI are both x."""
    while is_video(path):
        path = posixpath.splitext(path)[0]
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def keys_of_file(path: str) -> list[str]:
    """Return the names under which a file may be looked for: its own, without times at its end, and as a bare id."""
    name = fold(posixpath.basename(path))
    return list(dict.fromkeys([name, _TIMES.sub("", name), _PREFIX.sub("", name)]))


def key_of_row(row: ClipRow, listing: ListingOptions) -> str:
    """Return the name to look for: the shortest that its file may have."""
    return fold(posixpath.basename(listings.names(listing, row)[-1]))


class VideosThere:
    """The rows that have a file of their name under the roots, found by one walk instead of a look at each.

    For --limit on a download that has not finished: the clips taken should be of files that are there.
    """

    def __init__(self, listing: ListingOptions) -> None:
        self._listing = listing
        files = files_under(open_storage(listing.videos or ""), listing.starts)
        self._names: set[str] = set()
        for path in files:
            self._names.update(keys_of_file(path) if is_video(path) else ())
            # An image may be one of a folder's frames.
            self._names.update(map(fold, path.rsplit("/", 2)[-2:]) if is_image(path) else ())

    def __contains__(self, row: ClipRow) -> bool:
        return key_of_row(row, self._listing) in self._names


def videos_under(storage: Storage, folders: Iterable[str]) -> Iterator[str]:
    """Yield every file that is named like a video under some folders, each file once."""
    return filter(is_video, files_under(storage, folders))


def files_under(storage: Storage, folders: Iterable[str]) -> Iterator[str]:
    """Yield every file under some folders that is not hidden, each once."""
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        found = _local(storage, folder, seen) if isinstance(storage, LocalStorage) else storage.list(folder)
        for path, _ in found:
            if not any(is_hidden(name) for name in path[len(folder) :].split("/")):
                yield path


def _local(storage: LocalStorage, folder: str, seen: set[tuple[int, int]]) -> Iterator[tuple[str, None]]:
    """Walk a local folder; links to folders are followed, but no folder is entered twice."""
    top = storage.path(folder) if folder else storage.root
    for at, folders, files in os.walk(top, followlinks=True):
        stat = os.stat(at)
        if (stat.st_dev, stat.st_ino) in seen:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        inside = os.path.relpath(at, storage.root)
        for name in files:
            yield (name if inside == "." else f"{inside}/{name}"), None


def files_named(storage: Storage, options: BuildOptions, wanted: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield (name, path) of the files under the roots that have one of these names."""
    for path in videos_under(storage, options.listing.starts):
        for key in keys_of_file(path):
            if key in wanted:
                yield key, path


def choose(
    absent: Sequence[SourceRows], files: Iterable[str], taken: Collection[str], options: BuildOptions
) -> Iterator[tuple[SourceRows, str, str]]:
    """Choose a file for each source of one name.

    Args:
        absent: sources that are not where their rows say.
        files: that have the name.
        taken: files that are where another row says.

    Yields:
        (source, path or "", why there is none).
    """
    files = sorted(set(files))
    chosen = [_only(source.rows[0], files, options) for source in absent]
    for source, (path, exact) in zip(absent, chosen, strict=True):
        others = sum(other == path for other, _ in chosen) - 1
        if not path:
            what = f"{len(files)} files have its name: {', '.join(files[:3])}" if files else ""
            yield source, "", what
        elif path in taken or (exact and others):
            yield source, "", f"{path} has its name, and other rows name that as well"
        else:
            yield source, path, ""


def _only(row: ClipRow, files: Sequence[str], options: BuildOptions) -> tuple[str, bool]:
    """Return the only file of a row's name, and whether that is its full name; of several, the one in its folder."""
    names = listings.names(options.listing, row)
    for name in names:
        same = [path for path in files if fold(posixpath.basename(path)) == fold(posixpath.basename(name))]
        if len(same) > 1:
            here = fold(row.video)
            same = [path for path in same if fold(path) == here or fold(path).endswith("/" + here)]
        if same:
            return (same[0], name == names[0]) if len(same) == 1 else ("", False)
    return "", False
