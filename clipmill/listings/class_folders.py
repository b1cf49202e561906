"""A folder per class: UCF-101/Biking/v_Biking_g01_c01.avi, or train/Biking/v_Biking_g01_c01.avi.

Where there is no video, images are what is meant: those in a class folder are clips of one frame. So are those in a
folder below it, unless they are numbered: then they are the frames of one clip, as Biking/v_Biking_g01_c01/00001.jpg.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from clipmill.errors import ListingError
from clipmill.layout import is_label
from clipmill.ledger import Failure
from clipmill.listings.base import Format, ListingSlice, Look, RowParser, default_root, look_at
from clipmill.listings.label_files import LABEL_RULE
from clipmill.listings.paths import BadRow, is_hidden, is_image, is_video, ucf_name, without_suffix
from clipmill.listings.splits import known_split
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import Storage, is_url, open_storage

_NUMBER = re.compile(r"\d+", re.ASCII)
# Deeper folders come from links that lead back to a folder above.
_DEPTH = 12


class Tree(Format):
    """Folders whose names are the labels, as spelled; videos may lie deeper under them.

    Only files with one of `VIDEO_SUFFIXES` are taken, or of `IMAGE_SUFFIXES` where there is no video; hidden files and
    folders, and those of systems, are not.
    Links are followed. Where all top folders have the name of a split, they are splits that
    hold the classes; else the listing's own name may be that of a split.
    Several folders without folders in them, side by side, are the classes themselves.
    A folder that holds one folder of class folders, as an archive unpacks, stands for that one.
    """

    name = "tree"
    accepts = "a folder of videos or of images per class"

    def matches(self, look: Look) -> bool:
        """Return whether it is a folder."""
        return not look.is_file

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Find the folders that hold the classes, and check that there are videos, and that they are under the root."""
        for look in looks:
            if not self.matches(look):
                raise ListingError(f"{look.path}: a file, where {self.accepts} is expected (--format tree)")
        looks = [look_at(_of_classes(look.path)) for look in looks]
        options = msgspec.structs.replace(options, listings=tuple(look.path for look in looks))
        root = options.videos or default_root(looks)
        for look in looks:
            _within(root, look.path)
            if not any(_taken(path, True) for path in _walk(open_storage(look.path), "")):
                lists = [name for name in look.files if name.endswith((".csv", ".tsv", ".txt", ".jsonl", ".json"))]
                hint = f"; to read a list, name the file itself: {look.path}/{lists[0]}" if lists else ""
                raise ListingError(f"{look.path}: there is no video and no image in this folder{hint}")
            _splits(look.path)
        images = not any(_holds_videos(look.path) for look in looks)
        return msgspec.structs.replace(options, videos=root, roots=(), images=images)

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return a slice for each class folder of each split, and one for the files beside them."""
        found = []
        labels = _own_labels(options.listings)
        for listing in options.listings:
            if labels:
                found.append(ListingSlice(listing, label=labels[listing]))
                continue
            splits = _splits(listing)
            if splits:
                found.append(ListingSlice(listing))  # videos beside the splits
            for top, split in splits or [("", known_split(posixpath.basename(listing)))]:
                found.append(ListingSlice(listing, folder=top, split=split))
                for label in _folders(listing, top):
                    folder = posixpath.join(top, label)
                    found.append(ListingSlice(listing, folder=folder, split=split, label=label))
        return found

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one for each video, image or folder of frames."""
        assert options.videos is not None, "resolve the options first"
        rows = RowParser(options, slice_.listing)
        inside = _within(options.videos, slice_.listing)
        no_class = slice_.label is None and bool(_folders(slice_.listing, slice_.folder))
        paths = [path for path in _files(slice_) if _taken(path, options.images)]
        folders = _folders_of_frames(slice_, paths)
        paths = [*(path for path in paths if posixpath.dirname(path) not in folders or not is_image(path)), *folders]
        stems = Counter(map(without_suffix, paths))
        for path in paths:
            source = posixpath.join(inside, path)
            try:
                if no_class:
                    kind = "image" if is_image(path) else "video"
                    raise BadRow(f"the {kind} lies beside the class folders, not in one of them")
                yield _row(rows, source, slice_, alone=stems[without_suffix(path)] == 1 and path not in folders)
            except BadRow as error:
                yield rows.bad(0, error, _printable(source), slice_.split)

    def ignored(self, options: ListingOptions, slice_: ListingSlice) -> int:
        """Count the files and folders of a slice that are skipped: hidden, a system's, or not named like a clip."""
        folders = open_storage(slice_.listing).children(slice_.folder)[0] if slice_.label is None else ()
        return sum(not _taken(path, options.images) for path in _files(slice_)) + sum(map(is_hidden, folders))


def _of_classes(listing: str) -> str:
    """Return the folder of class folders in a folder that holds nothing else to take; else the folder itself.

    A single class whose videos lie in several folders looks the same, but is nothing to train on. With images it is not
    done, since the folders below a class may be clips.
    """
    folder = listing
    for _ in range(_DEPTH):
        inside = _folders(folder)
        if len(inside) != 1 or known_split(inside[0]) or _holds_media(folder):
            break
        folder = posixpath.join(folder, inside[0])
    classes = len(_folders(folder)) > 1 and not _holds_media(folder) and _holds_videos(folder)
    return folder if classes else listing


def _holds_media(folder: str) -> bool:
    """Return whether videos or images stand directly in a folder."""
    return any(_taken(name, True) for name in open_storage(folder).children("")[1])


def _own_labels(listings: tuple[str, ...]) -> dict[str, str]:
    """Return the label of each listing where the listings are class folders themselves, as ucf101/B* gives them.

    They are where several lie in one folder, and hold no folders: the user named the classes, not a folder of them.
    """
    tops = {posixpath.dirname(listing.rstrip("/")) for listing in listings}
    labels = {listing: posixpath.basename(listing.rstrip("/")) for listing in listings}
    if len(listings) == 1 or len(tops) > 1 or any(map(known_split, labels.values())):
        return {}
    return {} if any(_folders(listing) for listing in listings) else labels


def _row(rows: RowParser, source: str, slice_: ListingSlice, *, alone: bool) -> ClipRow:
    """Return the row of a video; its id has the suffix where another video differs in that alone, as x.mp4, x.avi."""
    if _printable(source) != source:
        raise BadRow("the file's name is not UTF-8; rename it")
    folder, name = posixpath.split(source)
    stem, suffix = posixpath.splitext(name)
    spelled, _ = ucf_name(slice_.label or "", stem) or (stem, None)
    clip_id = posixpath.join(folder, spelled if alone else spelled + suffix)
    return rows.row(0, source, slice_.label, None, clip_id=clip_id, split=slice_.split)


def _printable(path: str) -> str:
    """Escape the bytes of a path that are not UTF-8."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _taken(path: str, images: bool) -> bool:
    return (is_video(path) or (images and is_image(path))) and not any(map(is_hidden, path.split("/")))


def _folders_of_frames(slice_: ListingSlice, paths: list[str]) -> dict[str, None]:
    """Return the folders below a class folder that hold the frames of one clip each, in order."""
    images: dict[str, list[str]] = {}
    for path in paths if slice_.label is not None else ():
        folder, name = posixpath.split(path)
        if is_image(name) and folder != slice_.folder:
            images.setdefault(folder, []).append(without_suffix(name))
    return dict.fromkeys(folder for folder, names in images.items() if _are_frames(posixpath.basename(folder), names))


def _are_frames(folder: str, names: list[str]) -> bool:
    """Return whether images are the frames of a clip: most names are the same but for their numbers.

    Tiny ImageNet numbers the images of a class in that way; the folder that holds them names no clip.
    """
    kind, count = Counter(_NUMBER.sub("0", name) for name in names).most_common(1)[0]
    return folder.lower() != "images" and "0" in kind and 2 * count >= len(names)


def _holds_videos(listing: str) -> bool:
    """Return whether there is a video under a folder; a GIF may stand among images."""
    files = (path for path in _walk(open_storage(listing), "") if not path.lower().endswith(".gif"))
    return any(_taken(path, False) for path in files)


def _files(slice_: ListingSlice) -> Iterator[str]:
    """Iterate over the files of a slice, as paths relative to the listing."""
    if slice_.label is None:
        yield from (
            posixpath.join(slice_.folder, name) for name in open_storage(slice_.listing).children(slice_.folder)[1]
        )
    else:
        yield from _walk(open_storage(slice_.listing), slice_.folder)


def _walk(storage: Storage, folder: str, depth: int = 0) -> Iterator[str]:
    """Iterate over all files under a folder. Links to folders are followed; broken links count as (missing) files."""
    if depth > _DEPTH:
        raise ListingError(f"{storage.root}/{folder}: more than {_DEPTH} folders deep; is there a link to one above?")
    folders, files = storage.children(folder)
    yield from (posixpath.join(folder, name) for name in files)
    for name in folders:
        yield from _walk(storage, posixpath.join(folder, name), depth + 1)


def _folders(listing: str, top: str = "") -> list[str]:
    """List the names of the folders in a folder that are neither hidden nor a system's."""
    names = [name for name in open_storage(listing).children(top)[0] if not is_hidden(name)]
    for name in names:
        if _printable(name) != name:
            raise ListingError(f"{listing}: the name of the folder {_printable(name)} is not UTF-8; rename it")
        if not is_label(name):
            raise ListingError(f"{listing}: the folder {name!r} is no class: {LABEL_RULE}; rename it")
    return names


def _splits(listing: str) -> list[tuple[str, str]]:
    """Return (folder, split) for each top folder if all of them are splits; nothing if they are classes.

    Raises:
        ListingError: some are splits that hold class folders, and others are not.
    """
    folders = _folders(listing)
    splits = [(name, known_split(name)) for name in folders if known_split(name)]
    if len(splits) == len(folders):
        return splits
    for name, _ in splits:
        if _folders(listing, name):
            other = next(other for other in folders if not known_split(other))
            raise ListingError(
                f"{listing}: {name} looks like a split and {other} like a class: "
                f"name the folders of the splits instead, {listing}/{name} ..."
            )
    return []


def _within(root: str, listing: str) -> str:
    """Return the listing's path relative to the root, "" for the root itself."""
    for place in (root, root if is_url(root) else os.path.realpath(root)):
        if f"{listing}/".startswith(place.rstrip("/") + "/"):
            return listing[len(place) :].strip("/")
    raise ListingError(f"{listing}: this folder is not under --videos {root}")
