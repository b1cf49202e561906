"""Paths of videos as listings spell them, made relative to the root."""

from __future__ import annotations

import os
import posixpath
import re

from clipmill.errors import UsageError
from clipmill.options import ListingOptions
from clipmill.storage import is_url
from clipmill.storage.web_url import decoded, is_web, without_query

#: Files that count as videos where a folder is the listing; compared in lower case.
VIDEO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("264", "265", "3g2", "3gp", "amv", "asf", "avi", "divx", "dv", "f4v", "flv", "gif", "h264", "h265", "hevc"),
        *("ivf", "m2ts", "m2v", "m4v", "mjpeg", "mjpg", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "mxf", "nut"),
        *("obu", "ogv", "qt", "rm", "rmvb", "ts", "vob", "webm", "wmv", "y4m"),
    )
)
#: Files that count as images: a clip of one frame, or one frame of the folder's clip.
IMAGE_SUFFIXES = frozenset(
    f".{name}" for name in ("bmp", "jpe", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp")
)

#: What macOS archives, Synology, QNAP, Windows and ext4 leave in folders, beside names with a dot.
_SYSTEM = frozenset(
    ["__MACOSX", "@eaDir", "#recycle", "@Recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"]
)

_TIMES = re.compile(r"[_-](\d+(?:\.\d+)?)[_-](\d+(?:\.\d+)?)$", re.ASCII)
_UCF_NAME = re.compile(r"(v_)(.+)(_g\d+)(_c\d+)", re.ASCII)
# The most that Linux file systems take; a longer name cannot be looked up at all.
_NAME_BYTES = 255
_PATH_BYTES = 4095
# Empty, absolute, a backslash, a zero byte, a "?", or a "." or ".." in the path: these are looked at more closely.
_UNUSUAL = re.compile(r"^$|^[/.]|[\\\0?]|/[/.]|/$")


class BadRow(ValueError):
    """One row of a listing is wrong; its text is the ledger's message."""


def is_video(path: str) -> bool:
    """Return whether a path has a video's suffix."""
    return posixpath.splitext(path)[1].lower() in VIDEO_SUFFIXES


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or one that a system leaves behind."""
    return name.startswith(".") or name in _SYSTEM


def is_image(path: str) -> bool:
    """Return whether a path has an image's suffix. A GIF is a video, since it may move."""
    return posixpath.splitext(path)[1].lower() in IMAGE_SUFFIXES


def is_source(path: str) -> bool:
    """Return whether a path has the suffix of a video or an image."""
    return is_video(path) or is_image(path)


def is_name(text: str) -> bool:
    """Return whether a file or folder can have this name."""
    return text not in ("", ".", "..") and not {"/", "\0"} & set(text) and len(text.encode()) <= _NAME_BYTES


def without_suffix(path: str) -> str:
    """Remove the suffix of a path's last name: "a.b/v_x.avi" gives "a.b/v_x"."""
    return posixpath.splitext(path)[0]


def name_carries_times(path: str, start: float | None, end: float | None) -> bool:
    """Return whether a name ends in these times, as the names of files that are already cut do.

    In seconds, to the digits that there are (id_000001_000011.mp4, id_1.5_11.5.mp4), or in
    milliseconds (id_1500_11500.mp4).
    """
    stem = without_suffix(path) if is_video(path) else path
    found = _TIMES.search(stem)
    if found is None or start is None or end is None:
        return False
    return all(map(_is_time, found.groups(), (start, end))) or found.groups() == (_ms(start), _ms(end))


def _is_time(digits: str, seconds: float) -> bool:
    return float(digits) == round(seconds, len(digits.partition(".")[2]))


def _ms(seconds: float) -> str:
    return str(round(seconds * 1000))


def ucf_name(label: str, stem: str) -> tuple[str, str] | None:
    """Return a UCF name with the class as its folder spells it, and its group.

    Returns:
        ("v_HandstandPushups_g01_c02", "v_HandstandPushups_g01") for "v_HandStandPushups_g01_c02"
        in HandstandPushups; None for other names.
    """
    match = _UCF_NAME.fullmatch(stem)
    if not match:
        return None
    spelled = label if match[2].casefold() == label.casefold() else match[2]
    group = match[1] + spelled + match[3]
    return group + match[4], group


def group_of(source: str) -> str | None:
    """Return the group in a UCF file's name, the film that the clip was cut from; None for other names."""
    folder, stem = posixpath.split(without_suffix(source))
    found = ucf_name(posixpath.basename(folder), stem)
    return found and found[1]


class Root:
    """Where the relative paths of one listing start: the roots, or without --videos its own folder.

    Args:
        options: resolved.
        listing: whose paths these are.
    """

    def __init__(self, options: ListingOptions, listing: str) -> None:
        assert options.videos is not None, "resolve the options first"
        self.root = options.videos
        self._outside = options.allow_outside
        self._folder = posixpath.dirname(listing)
        roots = options.roots or (options.videos,)
        places = [place for root in roots for place in (root, *(() if is_url(root) else (os.path.realpath(root),)))]
        self._prefixes = [place.rstrip("/") + "/" for place in places]
        self._local_roots = [root for root in roots if not is_url(root)]
        # Without --videos rows start at their own listing's folder, within the folder of all.
        self._inside = "" if options.roots else self._within(self._folder + "/")

    def _within(self, path: str) -> str:
        return next((path[len(prefix) :] for prefix in self._prefixes if path.startswith(prefix)), "")

    def relative(self, text: str) -> str:
        """Return the path relative to the root, with "/", without "." and "..".

        Backslashes separate folders where the path has no "/". A path that leaves the root by
        ".." is tried from the listing's own folder.

        Raises:
            BadRow: it is empty, leaves the root, or no file can have this name.
        """
        if text.isascii() and len(text) <= _NAME_BYTES and not _UNUSUAL.search(text):
            return self._inside + text
        if not text:
            raise BadRow("the row has no path")
        if "\0" in text:
            raise BadRow("the path holds a zero byte")
        if is_web(text) or ("?" in text and is_web(self.root)):
            text = self._of_web(text)
        if text.startswith("~/"):
            text = os.path.expanduser(text)
        if "/" not in text:
            text = text.replace("\\", "/")
        if "://" in text or text.startswith("/"):
            path = self._of_absolute(text)
        else:
            path = posixpath.normpath(self._inside + text)
            if path == ".." or path.startswith("../"):
                path = self._beside(text)
        if path == ".":
            raise BadRow(f"the path {text!r} names no file")
        encoded = path.encode()
        if len(encoded) > _PATH_BYTES or max(map(len, encoded.split(b"/"))) > _NAME_BYTES:
            raise BadRow(f"the path {text[:40]}... is longer than file names can be")
        return path

    def _of_web(self, text: str) -> str:
        try:
            return decoded(text if is_web(text) else f"{self.root}/{text}")
        except UsageError as error:
            raise BadRow(str(error)) from None

    def shown(self, text: str) -> str:
        """Return the path of a bad row as the ledger has it: without the query of a URL, which may be a signature."""
        if is_web(text):
            return without_query(text)
        return text.partition("?")[0] if is_web(self.root) else text

    def _beside(self, text: str) -> str:
        path = _normal(f"{self._folder}/{text}")
        if self._within(path):
            return self._within(path)
        if self._outside and not is_url(path):
            return path
        raise BadRow(f"the path {text} leaves the root {self.root} (see --allow-outside)")

    def _of_absolute(self, text: str) -> str:
        path = _normal(text)
        if self._within(path):
            return self._within(path)
        if "://" in path or is_url(self.root) or os.path.exists(path):
            if self._outside and not is_url(path):
                return path
            raise BadRow(f"the path {text} is outside the root {self.root}: give the folder that holds it as --videos")
        return self._of_another_machine(path)

    def _of_another_machine(self, path: str) -> str:
        """Remove the folders that another machine had above the root."""
        folders = path.strip("/").split("/")
        tails = ["/".join(folders[number:]) for number in range(1, len(folders))]
        for tail in tails:
            if any(os.path.exists(os.path.join(root, tail)) for root in self._local_roots):
                self._prefixes.append(path[: -len(tail)])
                return tail
        return "/".join(folders)


def _normal(text: str) -> str:
    scheme, mark, rest = text.rpartition("://")
    return scheme + mark + posixpath.normpath(rest if mark else "/" + rest.lstrip("/"))


def common_root(folders: list[str]) -> str:
    """Return the deepest folder that holds all of these absolute paths or URLs, "" if there is none."""
    shared = []
    for names in zip(*(folder.split("/") for folder in folders), strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return "/".join(shared) or ("/" if shared else "")
