"""Publishing what was made: `clipmill build` as a process of its own, once all hosts have made their share."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from clipmill.dataset.run_lock import others
from clipmill.errors import ClipmillError, DataError, Interrupted, TryAgain, UsageError
from clipmill.layout import current_version
from clipmill.pipeline.first_epoch.listed import ListedClips
from clipmill.pipeline.first_epoch.maker import NICE, ClipMaker
from clipmill.reader.access.frame_ranges import StoredFrames
from clipmill.reader.clip_table import ClipTable
from clipmill.reader.clips import Clips, Member
from clipmill.reader.coming import ComingClip
from clipmill.reader.dataset import Dataset
from clipmill.records.base import FrameFacts
from clipmill.storage import Storage

log = logging.getLogger("clipmill.first_epoch")

#: Where hosts say what they have done: work/first_epoch/<identity of the listing>/<host>-of-<hosts>, .../published
MARKS = "work/first_epoch"
_SAID = "published"
#: Seconds between two looks at what other hosts have done, and after which a host counts as gone that gives no sign.
_LOOK, _GONE = 5.0, 600.0
_ERRORS: dict[int, type[ClipmillError]] = {1: DataError, 2: UsageError, 3: TryAgain, 130: Interrupted}


class _Said(msgspec.Struct, frozen=True):
    """What the first host tells the others: the version, or how the build ended that published none."""

    version: str | None
    code: int
    message: str

    def check(self) -> None:
        """Raise what the build ended with."""
        if self.code:
            raise _ERRORS.get(self.code, TryAgain)(self.message)


class Publication:
    """Publishes a listing once its clips are made, and finds its clips in what was published.

    Args:
        words: of the command `clipmill build` that the listing and the options amount to.
        storage: of the output.
        listed: the clips.
        maker: makes them.
        identity: of the listing and the options.
        run: of this process, by which other runs know it.
    """

    def __init__(
        self, words: Sequence[str], storage: Storage, listed: ListedClips, maker: ClipMaker, identity: str, run: str
    ) -> None:
        self._words = list(words)
        self._storage = storage
        self._listed = listed
        self._maker = maker
        self._marks = f"{MARKS}/{identity}"
        self._run = run
        self._ended = threading.Event()
        self._error: Exception | None = None
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._thread: threading.Thread | None = None
        self.dataset: Dataset | None = None
        maker.when_drained = self.begin

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()  # processes of `workers=` go on with the clips that they have

    def begin(self) -> None:
        """Publish in the background as soon as all clips are made."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._publish, name="clipmill-publisher", daemon=True)
            self._thread.start()

    def wait(self) -> Dataset:
        """Wait until the data set is published.

        Raises:
            ClipmillError: what `clipmill build` would end with.
        """
        self.begin()
        self._ended.wait()
        if self._error is not None:
            raise self._error
        assert self.dataset is not None
        return self.dataset

    def stop(self) -> None:
        """Stop publishing; the next run goes on with it."""
        self._stopped = True
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def clips(self, member: Member, version: str | None = None) -> Clips | None:
        """Return a member's clips in the published version; see `clipmill.reader.clips.Publication`."""
        data = self.dataset if version is None else self._version(version)
        if data is None:
            return None
        if member.dataset.fold is not None:
            data = data.fold(member.dataset.fold)
        if member.split is not None:
            return data[member.split] if member.split in data.splits else None
        wanted = self._listed.ids.take(pa.array(member.rows))
        rows = np.flatnonzero(pc.is_in(data.table.ids, value_set=wanted.combine_chunks()).to_numpy())
        return data.clip_set(rows.astype(np.int32)) if len(rows) else None

    def _version(self, version: str) -> Dataset | None:
        if self.dataset is not None and self.dataset.version == version:
            return self.dataset
        return Dataset(self._storage, version) if version == current_version(self._storage) else None

    def _publish(self) -> None:
        try:
            self._maker.drained.wait()
            self._maker.check()
            if self._stopped:
                raise Interrupted("the listing was closed; what was decoded is kept")
            index, count = self._maker.host
            mine = f"{index}-of-{count}"
            if count > 1:
                self._storage.put(f"{self._marks}/{mine}", b"")
            version = self._await_first(mine) if index else self._build(count)
            self.dataset = data = Dataset(self._storage, version)
            self._maker.replace(_PublishedClips(data, self._listed))
        except Exception as error:
            self._error = error
            if not self._stopped:
                log.warning("not published: %s", error)
        finally:
            self._ended.set()

    def _build(self, hosts: int) -> str | None:
        """Publish, on the first host; returns the version."""
        if hosts > 1:
            self._await_others(hosts)
        command = [sys.executable, "-m", "clipmill", "build", *self._words]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICE)
        assert self._process.stdout is not None
        last = ""
        for line in self._process.stdout:
            last = line.strip() or last
            log.info("%s", last)
        code = self._process.wait()
        version = None if code else current_version(self._storage)
        said = _Said(version, code, last.removeprefix("clipmill: "))
        if hosts > 1:
            self._storage.put(f"{self._marks}/{_SAID}", msgspec.json.encode(said))
        said.check()
        # Not in the log, which nobody sees who did not ask for it: it may be all that one waits for.
        print(f"clipmill: {self._storage.root} is published; the next epoch reads it", file=sys.stderr)
        return version

    def _await_others(self, hosts: int) -> None:
        """Wait until every host has made its share, or gives no sign of life; the build makes what is left."""
        signs = time.monotonic()
        while True:
            done = {path.rpartition("/")[2] for path, _ in self._storage.list(self._marks)}
            if all(f"{index}-of-{hosts}" in done for index in range(hosts)):
                return
            if others(self._storage, self._run):
                signs = time.monotonic()
            if time.monotonic() - signs > _GONE:
                log.warning("some of %d hosts are gone; the build makes what they have not", hosts)
                return
            time.sleep(_LOOK)

    def _await_first(self, mine: str) -> str | None:
        """Wait until the first host has published, after this one's mark; returns the version."""
        signs = time.monotonic()
        while time.monotonic() - signs < _GONE:
            there = {path.rpartition("/")[2]: stat.modified for path, stat in self._storage.list(self._marks)}
            # What an earlier run said is older than the mark. Both times are by the storage's clock.
            if there.get(_SAID, 0.0) >= there[mine]:
                said = msgspec.json.decode(self._storage.read(f"{self._marks}/{_SAID}"), type=_Said)
                said.check()
                return said.version
            if others(self._storage, self._run):
                signs = time.monotonic()
            time.sleep(_LOOK)
        raise TryAgain("the first of the hosts, which publishes, is gone; open the listing again, or build it")


class _PublishedClips:
    """Gives the clips of a listing from the version that was published of it."""

    def __init__(self, data: Dataset, listed: ListedClips) -> None:
        self._table = data.table
        found = pc.index_in(listed.ids, value_set=data.table.ids.combine_chunks())
        self._rows = found.fill_null(-1).to_numpy()

    def __call__(self, number: int) -> ComingClip:
        row = int(self._rows[number])
        if row < 0:
            raise DataError("it is not in the published version; clipmill failures OUT says why")
        return _PublishedClip(self._table, row)


class _PublishedClip:
    def __init__(self, table: ClipTable, row: int) -> None:
        self.frames = int(table.frames[row])
        self.size: tuple[int, int] | None = (int(table.height[row]), int(table.width[row]))
        self._reader, self._place = table.frame_reader(row), table.place(row)

    def facts(self) -> FrameFacts:
        return self._reader.read_facts(self._reader.locate(self._place), self._reader.ranges_of(self._place.shard))

    def read(self, wanted: Sequence[int], facts: bool) -> StoredFrames:
        located = self._reader.locate(self._place)
        return self._reader.read_frames(located, self._reader.ranges_of(self._place.shard), wanted, facts)
