"""Opening a listing as a data set that is built while it is read."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clipmill.errors import DataError, UsageError
from clipmill.estimate.census import take_census
from clipmill.layout import PAIRS
from clipmill.options import BuildOptions
from clipmill.pipeline.build import check_census
from clipmill.pipeline.cli.arguments import build_options
from clipmill.pipeline.cli.config import words_of
from clipmill.pipeline.cli.main import parse
from clipmill.pipeline.first_epoch.listed import ListedClips
from clipmill.pipeline.first_epoch.maker import ClipMaker
from clipmill.pipeline.first_epoch.publication import Publication
from clipmill.pipeline.output_folder import check_out
from clipmill.reader.dataset import Dataset, encoded
from clipmill.storage import open_storage
from clipmill.video.decoder_version import check_decoder

log = logging.getLogger("clipmill.first_epoch")


def open_listing(listing: Sequence[str], out: str, options: Mapping[str, Any]) -> ListedDataset:
    """Open a listing as a data set that is built while it is read.

    Args:
        listing: folders of videos, or files that list them.
        out: where the data set goes.
        options: those of `clipmill build`, as short_side=256.

    Raises:
        UsageError: the listing, an option or the output is wrong.
        DataError: every row of the listing is bad.
    """
    check_decoder()
    words = [*listing, "--out", out, *words_of(options, "open()")]
    arguments = parse(["build", *words])
    if arguments.runner != "local":
        raise UsageError(f"runner={arguments.runner}: what trains makes the clips itself; leave it out, or build first")
    chosen = build_options(arguments)
    known_later = {
        "schema='pairs'": chosen.schema == PAIRS,
        "segment_seconds": chosen.segment_seconds,
        "split_by='similar'": chosen.listing.splits and chosen.listing.split_by == "similar",
    }
    for what, given in known_later.items():
        if given:
            raise UsageError(f"{what}: does not go with build=; build first, then open {out}")
    storage = open_storage(chosen.out)
    check_out(storage)
    read: list[bytes] = []
    census = take_census(chosen, 1, read)
    check_census(census, chosen)
    if census.bad_rows:
        rows = f"{census.bad_rows:,} of {census.bad_rows + census.clips:,} rows are bad, as {census.bad_examples[0]}"
        if not census.clips:
            raise DataError(rows)
        log.warning("%s", rows)
    if storage.disk is not None:
        os.makedirs(storage.root, exist_ok=True)  # children may write in this folder alone
    return ListedDataset(chosen, words, ListedClips(chosen, census, read))


class ListedDataset(Dataset):
    """A listing whose clips are made as they are asked for, and published once all are there.

    It is read like every data set. `clips` has the columns that the listing gives.

    Attributes:
        path: of the data set that it becomes.
        version: a name for the listing and the options, which states of a reader hold.
        name: the data set's name.
        labels: names of the classes.
    """

    def __init__(self, options: BuildOptions, words: Sequence[str], listed: ListedClips) -> None:
        storage = open_storage(options.out)
        made = hashlib.sha256(listed.identity.encode() + msgspec.json.encode([options.frames, options.trimmed]))
        self.path = storage.root
        self.local = storage.local
        self.version = f"listing-{made.hexdigest()[:16]}"
        self.name = options.name
        self.labels = listed.labels
        self._columns = listed
        self._fold = None
        self._names, self._codes = encoded(listed.read(["split"])["split"])
        self._maker = ClipMaker(options, listed)
        self._publishing = Publication(words, storage, listed, self._maker, made.hexdigest()[:16], options.run)
        self._publication = self._publishing
        self.table = self._maker.table

    def __repr__(self) -> str:
        made, failed = self._maker.progress
        return f"<{self.name}, being built at {self.path}: {made} of {len(self.table.frames)} clips, {failed} failed>"

    def publish(self) -> Dataset:
        """Make all clips that are left, publish the data set, and return it.

        Raises:
            ClipmillError: what `clipmill build` would end with, as a DataError for a budget that was passed.
        """
        self._maker.follow((), self._maker.host)
        return self._publishing.wait()

    def close(self) -> None:
        """Stop making clips and publishing; what was decoded is kept, and the next `open` or build goes on with it."""
        self._publishing.stop()
        self._maker.close()
