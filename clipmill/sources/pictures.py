"""Sources that are images: a file, or a folder that holds the numbered frames of one clip."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from clipmill.errors import ClipError
from clipmill.ledger import Reason
from clipmill.listings.paths import is_image
from clipmill.storage import Stat, Storage
from clipmill.video.pictures import Pictures

#: Bytes of an image that is small: a larger one takes longer to decode than a job and a file of its own take.
_SMALL = 32 << 10
#: How the stamp of a folder begins; no file has such a one.
_FOLDER = "folder:"
#: The last number in a name: what stands before it, the number, and what stands behind.
_NUMBERED = re.compile(r"(.*?)(\d+)(\D*)", re.ASCII | re.DOTALL)
_DIGITS = re.compile(r"(\d+)", re.ASCII)
#: Gaps that a message names.
_NAMED = 3


def stat_folder(storage: Storage, folder: str) -> Stat | None:
    """Return the size and stamp of all images that stand directly in a folder; None where there are none."""
    names = _frames(storage, folder)
    paths = [posixpath.join(folder, name) for name in names]
    if storage.local:
        stats = [stat for stat in map(storage.stat, paths) if stat is not None]
    else:  # one request instead of one for each
        listed = dict(storage.list(folder)) if names else {}
        stats = [listed[path] for path in paths if path in listed]
    if not stats:
        return None
    digest = hashlib.sha256()
    for name, stat in zip(names, stats, strict=False):
        digest.update(f"{name}\0{stat.size}\0{stat.stamp}\n".encode(errors="surrogateescape"))
    stamp = _FOLDER + digest.hexdigest()[:32]
    return Stat(sum(s.size for s in stats), stamp, max(s.modified for s in stats))


def is_pictures(path: str, stamp: str) -> bool:
    """Return whether a source is made of images, an image by its suffix or a folder of them, without a look at it.

    Args:
        stamp: that `clipmill.sources.find` found.
    """
    return is_image(path) or stamp.startswith(_FOLDER)


def is_small_image(path: str, size: int) -> bool:
    """Return whether a source of `size` bytes is one small image, an animation or an image and its mask included."""
    return is_image(path) and size <= _SMALL


def open_pictures(storage: Storage, path: str) -> Pictures:
    """Open an image, or the frames in a folder.

    Raises:
        ClipError: no image, or a frame is missing in between.
    """
    return Pictures(_names(storage, path), lambda name: storage.read(_place(path, name)))


def fingerprint(storage: Storage, path: str) -> str:
    """Return the SHA-256 of an image's bytes, or over the SHA-256 of each frame in a folder, hex."""
    if is_image(path):
        return hashlib.sha256(storage.read(path)).hexdigest()
    digest = hashlib.sha256()
    for name in sorted(_frames(storage, path), key=_natural):
        digest.update(hashlib.sha256(storage.read(posixpath.join(path, name))).digest())
    return digest.hexdigest()


def pair_fingerprint(storage: Storage, image: str, mask: str) -> str:
    """Return the SHA-256 over the SHA-256 of an image's bytes and of its mask's, hex."""
    digests = [hashlib.sha256(storage.read(path)).digest() for path in (image, mask)]
    return hashlib.sha256(b"".join(digests)).hexdigest()


def _names(storage: Storage, path: str) -> list[str]:
    return [posixpath.basename(path)] if is_image(path) else in_order(_frames(storage, path))


def _place(path: str, name: str) -> str:
    return path if is_image(path) else posixpath.join(path, name)


def _frames(storage: Storage, folder: str) -> list[str]:
    return [name for name in storage.children(folder)[1] if _is_frame(name)]


def _is_frame(path: str) -> bool:
    return is_image(path) and not posixpath.basename(path).startswith(".")


def in_order(names: Sequence[str]) -> list[str]:
    """Put the frames of a clip in the order of the last number in their names; names that have none in natural order.

    Raises:
        ClipError: the numbers have a gap or come twice, or the folder holds several kinds of frames.
    """
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name in names:
        match = _NUMBERED.fullmatch(posixpath.splitext(name)[0])
        if match is None:
            return sorted(names, key=_natural)
        found.setdefault((match[1], match[3]), []).append((int(match[2]), name))
    if len(found) == 1:
        (numbered,) = found.values()
        return _without_gaps(sorted(numbered))
    kinds = {kind: {number for number, _ in numbered} for kind, numbered in found.items() if len(numbered) > 1}
    for one, other in pairwise(sorted(kinds)):
        if kinds[one] & kinds[other]:
            what = " and ".join(repr("...".join(kind)) for kind in (one, other))
            raise ClipError(Reason.CORRUPT, f"the folder holds frames of several kinds, {what}: move one elsewhere")
    return sorted(names, key=_natural)


def _without_gaps(numbered: Sequence[tuple[int, str]]) -> list[str]:
    """Check that the numbers go on in equal steps.

    They count frames where at least half of the steps are the same and the others are multiples of it; times do not.
    """
    steps = Counter(after[0] - before[0] for before, after in pairwise(numbered))
    step = max(steps, key=lambda step: (steps[step], -step), default=1)
    if steps[0]:
        before, after = next(pair for pair in pairwise(numbered) if pair[0][0] == pair[1][0])
        raise ClipError(Reason.CORRUPT, f"two frames have the number {before[0]}: {before[1]} and {after[1]}")
    gaps = [(before, after) for before, after in pairwise(numbered) if after[0] - before[0] > step]
    if gaps and 2 * steps[step] >= len(numbered) - 1 and not any(other % step for other in steps):
        missing = sum((after[0] - before[0] - 1) // step for before, after in gaps)
        where = ", ".join(f"between {before[1]} and {after[1]}" for before, after in gaps[:_NAMED])
        more = f" and {len(gaps) - _NAMED} other places" if len(gaps) > _NAMED else ""
        are = "frame is" if missing == 1 else "frames are"
        raise ClipError(Reason.CORRUPT, f"{missing:,} {are} missing {where}{more}: get the folder again")
    return [name for _, name in numbered]


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a sort key by which 2.png comes before 10.png."""
    parts = _DIGITS.split(name)
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts], name
