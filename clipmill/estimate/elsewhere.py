"""Looking before a build for videos that are not where their rows say and will be found by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from clipmill.errors import ClipError
from clipmill.estimate.census import Census, rows_of
from clipmill.ledger import Reason
from clipmill.messages import ClipRow, SourceRows
from clipmill.options import BuildOptions
from clipmill.sources.by_name import choose, files_named, key_of_row
from clipmill.sources.clips import source_tasks
from clipmill.sources.find import find_source
from clipmill.storage import Storage, open_storage

#: In larger listings only the videos of the census's sample are looked for.
MOST_ROWS = 20_000


class Elsewhere(NamedTuple):
    """The videos that were found by name.

    Attributes:
        paths: path of the file found, by the video as its row names it.
        looked_for: how many videos were looked for.
    """

    paths: dict[str, str]
    looked_for: int


def look_elsewhere(census: Census, options: BuildOptions) -> Elsewhere:
    """Look for the videos of a listing, or of a sample of it; only on a local disk, where that is cheap."""
    videos = open_storage(options.videos)
    found = look_for(videos, census.sample, options) if videos.local else Elsewhere({}, 0)
    few = census.clips <= MOST_ROWS
    return look_for(videos, rows_of(options, census), options) if found.paths and few else found


def look_for(videos: Storage, rows: Iterable[ClipRow], options: BuildOptions) -> Elsewhere:
    """Look by name for the videos of rows that are not where the rows say."""
    by_video = {row.video: row for row in rows}
    taken: set[str] = set()
    absent: dict[str, list[SourceRows]] = defaultdict(list)
    for row in by_video.values():
        for _, task in source_tasks([row], options):
            try:
                taken.add(task.paths[find_source(videos, task.paths)[0]])
            except ClipError as error:
                if error.reason == Reason.MISSING:
                    absent[key_of_row(row, options.listing)].append(SourceRows(row.video, [row], []))
    files: dict[str, list[str]] = defaultdict(list)
    for name, path in files_named(videos, options, absent) if absent else ():
        files[name].append(path)
    chosen = (each for name, sources in absent.items() for each in choose(sources, files[name], taken, options))
    return Elsewhere({source.video: path for source, path, _ in chosen if path}, len(by_video))
