"""The lists of Jester and of Something-Something v1: id;label in each line, without a header; of tests the id alone.

A clip is a folder of frames that is called as the id. The classes are in the -labels.csv beside the list.
https://www.qualcomm.com/developer/software/jester-dataset (jester-v1-train.csv, jester-v1-labels.csv, ...)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from clipmill.ledger import Failure
from clipmill.listings import text_lines
from clipmill.listings.base import Format, ListingSlice, Look, RowParser
from clipmill.listings.class_resolution import Declaration
from clipmill.listings.label_files import read_labels
from clipmill.listings.paths import BadRow
from clipmill.listings.splits import split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import split_path

_LINE = re.compile(r"(\d+)(?:;(\S.*))?", re.ASCII)
_TEST = re.compile(r"(?:jester|something-something)-v\d-test\.csv")
_LIST = re.compile(r"(.+)-(?:train|validation|test)\.csv")


class TwentyBn(Format):
    """One file for each split."""

    name = "jester"
    accepts = "the lists of Jester and Something-Something v1 (id;label)"

    def matches(self, look: Look) -> bool:
        """Return whether the first line is a number, a semicolon and a label, or a number in a list of that name."""
        first = _LINE.fullmatch(look.head[0].strip()) if look.is_file else None
        return first is not None and bool(first[2] or _TEST.fullmatch(look.names[0]))

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows, one for each line that is not blank."""
        rows = RowParser(options, slice_.listing, split_of_file(slice_.listing))
        for line, raw in text_lines.read(slice_.listing, slice_.start, slice_.end, slice_.row):
            if raw.strip():
                try:
                    text = text_lines.text_of(raw)
                    match = _LINE.fullmatch(text)
                    if match is None:
                        raise BadRow(f"{text[:60]!r} is not a number, a semicolon and a label")
                    yield rows.row(line, rows.root.relative(match[1]), match[2], None)
                except BadRow as error:
                    yield rows.bad(line, error)

    def classes(self, options: ListingOptions) -> Declaration | None:
        """Return the classes of the -labels.csv beside the first list, None if there is none."""
        folder, name = posixpath.split(options.listings[0])
        match = _LIST.fullmatch(name)
        path = f"{folder}/{match[1]}-labels.csv" if match else ""
        storage, labels = split_path(path or name)
        if not path or storage.stat(labels) is None:
            return None
        return Declaration(read_labels(path), labels, checked=False)
