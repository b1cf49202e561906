"""What every listing format has in common: how it is recognised, divided into slices and read."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from clipmill.errors import ListingError
from clipmill.layout import Label, LabelNumber
from clipmill.ledger import Failure, Reason, Stage
from clipmill.listings import text_lines
from clipmill.listings.class_resolution import Declaration
from clipmill.listings.label_lists import as_lists
from clipmill.listings.paths import BadRow, Root, common_root, group_of, without_suffix
from clipmill.listings.splits import known_split, split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.storage import is_url, open_storage, split_path

#: A path that begins above the folder that it starts in, in a line of a listing.
_CLIMB = re.compile(r"""(?:^|[\s,;"'])((?:\.\./)+)""")


class ListingSlice(msgspec.Struct, frozen=True, array_like=True):
    """A piece of a listing that one worker reads.

    Attributes:
        listing: a file or folder of `ListingOptions.listings`.
        start, end: range of bytes in a file, whole lines, half open.
        row: number of the line at `start`, from 1.
        folder: within a folder, the one to read ("" for itself).
        split, label: what the folder stands for; no label where videos stand beside class folders, or there are none.
    """

    listing: str
    start: int = 0
    end: int = 0
    row: int = 1
    folder: str = ""
    split: str = ""
    label: str | None = None


@dataclass(frozen=True)
class Look:
    """The first lines or the names by which a listing's format is detected.

    Attributes:
        path: absolute, or a URL.
        is_file: else it is a folder.
        head: the first lines of a file that are not blank.
        folders, files: what stands directly in a folder.
        columns: names of columns that were said (--columns), by role.
    """

    path: str
    is_file: bool
    head: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The file's own name, or those of the files in the folder."""
        return (posixpath.basename(self.path),) if self.is_file else self.files

    @property
    def folder(self) -> str:
        """The folder itself, or the one that the file stands in."""
        return posixpath.dirname(self.path) if self.is_file else self.path


def look_at(path: str, columns: Mapping[str, str] | None = None) -> Look:
    """Read what is at a path: the first lines of a file, or the names in a folder.

    Raises:
        ListingError: nothing, an empty file, or one that is not text.
    """
    storage, name = split_path(path)
    if name and storage.stat(name) is not None:
        return Look(path, True, head=tuple(text_lines.head(path)), columns=columns or {})
    folders, files = open_storage(path).children()
    if not folders and not files:
        raise ListingError(f"{path}: there is no such file, and no folder with anything in it")
    return Look(path, False, folders=folders, files=files)


class Format:
    """One listing format. These methods suit text files with one row a line.

    Attributes:
        name: as in --format.
        accepts: what it reads, for error messages.
        names_decide: its rows name their classes, so their numbers are not compared with --labels.
        has_folds: its lists are of several official splits, of which --fold chooses one.
    """

    name: str
    accepts: str
    names_decide: bool = False
    has_folds: bool = False

    def matches(self, look: Look) -> bool:
        """Return whether a listing is of this format."""
        raise NotImplementedError

    def settle(self, options: ListingOptions, looks: list[Look]) -> ListingOptions:
        """Check the listings, and fill in what was left open: the root, by default where the listings stand.

        Raises:
            ListingError: a listing cannot be of this format.
        """
        for look in looks:
            if not self.matches(look):
                raise ListingError(f"{look.path}: this is not {self.accepts} (--format {self.name})")
        if options.videos is not None:
            return options
        return msgspec.structs.replace(options, videos=default_root(looks))

    def has_lists(self, options: ListingOptions) -> bool:
        """Return whether some of its rows have a list of labels; the options are settled."""
        return False

    def slices(self, options: ListingOptions) -> list[ListingSlice]:
        """Return the slices that can be read in parallel."""
        return [ListingSlice(path, *cut) for path in options.listings for cut in text_lines.cuts(path)]

    def read(self, options: ListingOptions, slice_: ListingSlice) -> Iterator[ClipRow | Failure]:
        """Iterate over the rows of a slice, good and bad."""
        raise NotImplementedError

    def candidates(self, options: ListingOptions, row: ClipRow, start: str) -> Iterator[str]:
        """Iterate over the paths where a row's video may be, relative to a root, most likely first.

        Args:
            start: the root, relative to the folder of all roots.
        """
        yield row.video

    def taken_as(self, options: ListingOptions) -> str:
        """Describe what the columns were taken as; "" where there are none, or their names say it."""
        return ""

    def names(self, row: ClipRow) -> list[str]:
        """Return the names that a row's file may have in any folder, most likely first; the shortest is last."""
        return [row.video]

    def classes(self, options: ListingOptions) -> Declaration | None:
        """Return the classes that the listing itself declares, None if it declares none."""
        return None


class RowParser:
    """Makes rows and ledger rows of one listing, with the checks that all formats share.

    Attributes:
        options: of the listing.
        split: of rows that do not give one, "" if unknown.
        root: where paths start.
    """

    def __init__(self, options: ListingOptions, listing: str, split: str = "") -> None:
        assert options.videos is not None, "resolve the options first"
        self.options = options
        self.listing = listing
        self.split = split
        self.root = Root(options, listing)

    def row(
        self,
        line: int,
        video: str,
        label: Label | None,
        number: LabelNumber,
        *,
        clip_id: str = "",
        split: str = "",
        group: str | None = None,
        start: float | None = None,
        end: float | None = None,
        extra: dict[str, str] | None = None,
        frame_range: tuple[int | None, int | None] | None = None,
    ) -> ClipRow:
        """Return a good row; by default its id is the video's path without the suffix, its split the listing's.

        Where the listing gives no group, it is the one in a UCF file's name; else, for a row
        with a time range, the video.

        Raises:
            BadRow: it has not as many numbers of labels as labels.
        """
        if self.options.label_lists:
            label, number = as_lists(label, number)
        if not split and not self.split:
            split = _split_of_path(video, label)
        if not group:
            ranged = start is not None or end is not None or frame_range is not None
            group = group_of(video) or (video if ranged else None)
        return ClipRow(
            clip_id=clip_id or without_suffix(video).lstrip("/"),
            video=video,
            split=split or self.split,
            label=label,
            label_number=number,
            group=group,
            start=start,
            end=end,
            folds=(),
            listing=self.listing,
            row=line,
            extra=extra or {},
            frame_range=frame_range,
        )

    def bad(self, line: int, why: BadRow | str, video: str = "", split: str = "") -> Failure:
        """Return the ledger's row for a bad row."""
        return Failure(
            listing=self.listing,
            row=line,
            clip_id="",
            source=self.root.shown(video),
            split=split or self.split,
            stage=Stage.READ_LISTING.value,
            reason=Reason.BAD_ROW.value,
            message=str(why),
        )


def _split_of_path(video: str, label: Label | None) -> str:
    """Return the split whose name a path begins with, "" if none; a class may be called train."""
    folder, slash, _ = video.partition("/")
    is_class = folder in label if isinstance(label, tuple) else folder == label
    return known_split(folder) if slash and not is_class else ""


def rows_of_lines(
    options: ListingOptions, slice_: ListingSlice, clips: Callable[[RowParser, int, str], Iterable[ClipRow]]
) -> Iterator[ClipRow | Failure]:
    """Iterate over the rows of a text file, from each line that is neither blank nor a comment.

    Args:
        clips: returns the clips of a line, given its number and its text; raises BadRow for a line that has none.
    """
    rows = RowParser(options, slice_.listing, split_of_file(slice_.listing))
    for line, raw in text_lines.read(slice_.listing, slice_.start, slice_.end, slice_.row):
        if raw.strip() and not text_lines.is_comment(raw):
            try:
                yield from clips(rows, line, text_lines.text_of(raw))
            except BadRow as error:
                yield rows.bad(line, error)


def default_root(looks: list[Look]) -> str:
    """Return the deepest folder that holds all listings, and what their first rows name above them with "..".

    Raises:
        ListingError: there is none.
    """
    own = folder_of_all([look.folder for look in looks])
    above = [_above(look) for look in looks]
    wide = common_root(above)
    return wide if wide.strip("/") and is_url(wide) == is_url(own) else own


def _above(look: Look) -> str:
    """Return the folder that the first lines of a listing reach from its own by ".."."""
    climbs = [found.count("../") for line in look.head for found in _CLIMB.findall(line)]
    folder = look.folder
    for _ in range(max(climbs, default=0)):
        folder = posixpath.dirname(folder)
    return folder


def folder_of_all(folders: Sequence[str]) -> str:
    """Return the deepest folder that holds all of these.

    Raises:
        ListingError: there is none.
    """
    root = common_root(list(folders))
    if not root or (is_url(folders[0]) and not is_url(root)):
        raise ListingError("the listings or roots have no folder in common: build them one by one, or move them")
    return root
