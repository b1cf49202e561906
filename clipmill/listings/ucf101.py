"""The official lists of UCF101 and UCF50: classInd.txt, trainlist01.txt, testlist01.txt, ...

https://www.crcv.ucf.edu/data/UCF101.php (UCF101TrainTestSplits-RecognitionTask.zip)
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from clipmill.listings.base import RowParser
from clipmill.listings.official_splits import OfficialLists, declared_number
from clipmill.listings.paths import BadRow, ucf_name
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions

_LINE = re.compile(r"(.*\S)\s+(\d{1,9})", re.ASCII)
# The lists spell the files of this class unlike the class itself.
_OTHER_SPELLING = {"HandstandPushups": "HandStandPushups"}


class Ucf(OfficialLists):
    """One file for each split and fold; the folder in a path names the class, and test lists have no numbers."""

    name = "ucf"
    accepts = "UCF's official lists (trainlist01.txt, ...)"
    file = re.compile(r"(?P<word>train|val|test)list0*(?P<fold>[1-9]\d?)\.txt")

    def row(self, rows: RowParser, line: int, text: str, word: str, numbers: dict[str, int] | None) -> ClipRow:
        """Return the clip of a line, its video spelled as the class folder is."""
        match = _LINE.fullmatch(text)
        source = rows.root.relative(match[1] if match else text)
        folder, name = posixpath.split(source)
        class_folder = posixpath.basename(folder)
        if not class_folder:
            raise BadRow(f"the path {source} has no folder that would name its class")
        number = declared_number(class_folder, int(match[2]) if match else None, numbers)
        stem, suffix = posixpath.splitext(name)
        spelled, _ = ucf_name(class_folder, stem) or (stem, None)
        return rows.row(line, f"{folder}/{spelled}{suffix}", class_folder, number, split=word)

    def candidates(self, options: ListingOptions, row: ClipRow, start: str) -> Iterator[str]:
        """Iterate over the path as the class is spelled, and as the lists spell the files of HandstandPushups."""
        yield row.video
        folder, name = posixpath.split(row.video)
        other = _OTHER_SPELLING.get(posixpath.basename(folder))
        if other:
            name = name.replace(posixpath.basename(folder), other)
            yield posixpath.join(folder, name)
            yield posixpath.join(posixpath.dirname(folder), other, name)
