"""JSON documents of annotations, one file that is one value. `clipmill.listings.json_shapes` has their shapes."""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Iterator
from functools import lru_cache, partial

import msgspec

from clipmill.errors import ListingError
from clipmill.ledger import Failure
from clipmill.listings.base import Format, ListingSlice, Look, RowParser
from clipmill.listings.class_resolution import Declaration
from clipmill.listings.columns import Columns, columns, taken_as, wrong_columns
from clipmill.listings.json_shapes import Document, Entries, is_template, shape_of
from clipmill.listings.jsonl import ObjectRows, object_lists
from clipmill.listings.label_files import read_labels
from clipmill.listings.paths import BadRow
from clipmill.listings.splits import split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import open_storage, split_path

#: A larger document is none of annotations: that of HACS has 100 MB.
DOCUMENT_BYTES = 2 << 30
_YOUTUBE = re.compile(r"[0-9A-Za-z_-]{11}", re.ASCII)
_LABELS = re.compile(r"(something-something-v\d-)?labels\.json")


class JsonDocument(Format):
    """A document whose entries are videos or clips. A row's number is that of its entry."""

    name = "json"
    accepts = (
        "JSON as ActivityNet, HACS, Kinetics, Something-Something, Diving48, FineGym, I3D, WLASL, MSR-VTT and "
        "MMAction2 have it (or a list of objects with a key path, file or video)"
    )

    def matches(self, look: Look) -> bool:
        """Return whether it is a document of a known shape."""
        if not look.is_file or look.head[0].lstrip()[:1] not in ("{", "["):
            return False
        first = _first_columns(look.path, look)
        return first is not None and "path" in first.place

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the keys of the first entries as well."""
        options = super().settle(options, looks)
        for look in looks:
            first = _first_columns(look.path, look)
            if first is not None and (wrong := wrong_columns(look.path, first, look.columns)):
                raise ListingError(wrong)
        return options

    def taken_as(self, options: ListingOptions) -> str:
        """Describe what the keys of the first entry were taken as."""
        first = _first_columns(options.listings[0], Look(options.listings[0], True, columns=options.columns))
        return "" if first is None else taken_as(first)

    def has_lists(self, options: ListingOptions) -> bool:
        """Return whether an entry has a list of labels."""
        found = (entry for path in options.listings for _, entry in _entries(path))
        objects = (entry for entry in found if isinstance(entry, dict))
        # Most entries have the keys of the one before, and finding out which is what takes longer than reading one.
        named = lru_cache(maxsize=64)(partial(columns, chosen=options.columns))
        return any(object_lists(entry, named(tuple(entry))) for entry in objects)

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return one slice for each document, since it can only be read whole."""
        return [ListingSlice(path) for path in options.listings]

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows; a video of several segments has several."""
        rows = RowParser(options, slice_.listing, split_of_file(slice_.listing))
        objects = ObjectRows(rows)
        for number, entry in _entries(slice_.listing):
            yield rows.bad(number, entry) if isinstance(entry, BadRow) else objects.row(number, entry)

    def names(self, row: ClipRow) -> list[str]:
        """Return the name as it stands there, with ActivityNet's v_ before an id, and by the id alone."""
        name = posixpath.basename(row.video)
        bare = name.removeprefix("v_")
        if _YOUTUBE.fullmatch(bare):
            return [f"v_{bare}", bare]
        return list(dict.fromkeys([row.video, row.group or row.video]))

    def classes(self, options: ListingOptions) -> Declaration | None:
        """Return the templates in the labels.json beside Something-Something's lists."""
        first = next((entry for _, entry in _entries(options.listings[0])), None)
        if not isinstance(first, dict) or not is_template(first):
            return None
        folder = posixpath.dirname(options.listings[0])
        name = next(filter(_LABELS.fullmatch, open_storage(folder).children()[1]), None)
        return None if name is None else Declaration(read_labels(f"{folder}/{name}"), name, checked=False)


def _first_columns(path: str, look: Look) -> Columns | None:
    """Return the columns of the first entry that is an object; None where the document has no known shape."""
    try:
        first = next((entry for _, entry in _entries(path) if isinstance(entry, dict)), None)
    except ListingError:
        return None
    return None if first is None else columns(tuple(first), chosen=look.columns)


def _entries(path: str) -> Entries:
    """Iterate over the entries of a document, which is held in memory as it stands in the file.

    Raises:
        ListingError: it is no JSON, or of no known shape.
    """
    document = _document(path)
    shape = shape_of(document)
    if shape is None:
        raise ListingError(f"{path}: JSON of no known shape")
    return shape.entries(document)


def _document(path: str) -> Document:
    storage, name = split_path(path)
    stat = storage.stat(name)
    if stat is None or stat.size > DOCUMENT_BYTES:
        raise ListingError(f"{path}: no such file, or one of more than {DOCUMENT_BYTES >> 30} GB")
    data = storage.read(name).removeprefix(codecs.BOM_UTF8)
    try:
        found: Document = msgspec.json.decode(data, type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ListingError(f"{path}: not JSON ({error})") from None
    return found
