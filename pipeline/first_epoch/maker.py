"""Making clips as they are needed: resolve their videos, decode their spans into fragments.

The same jobs in the same children as in a build, whose fragments and notes they leave: so a run that is killed goes on
where it was, and `clipmill build` finds what is done. Threads of the reader ask and wait. One thread of ours (`_run`)
answers: it alone changes the tables, and tells the others by `_changed`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from queue import SimpleQueue
from typing import Any

from clipmill.dataset.run_lock import alone, live_run
from clipmill.decoding.assemble_clips import group_frames
from clipmill.errors import ClipError, DataError, Interrupted
from clipmill.ledger import Failure, Reason
from clipmill.messages import Clip, ClipRow, ClipTask, Piece, ProbedSource, SpanDone
from clipmill.options import BuildOptions
from clipmill.pipeline.first_epoch.absent import Absent
from clipmill.pipeline.first_epoch.events import Asked, Event, Finished, Found, Order
from clipmill.pipeline.first_epoch.left_behind import LeftBehind
from clipmill.pipeline.first_epoch.listed import ListedClips
from clipmill.pipeline.first_epoch.made import MadeClip, MadeFrames, SpannedClip, stored_counts
from clipmill.pipeline.first_epoch.schedule import Decoding, Job, Resolving, Schedule, Work
from clipmill.reader.coming import ComingClip, MadeElsewhere
from clipmill.sources.cache import Notes, recall_source
from clipmill.sources.clips import settle, source_tasks
from clipmill.storage import open_storage
from clipmill.storage.concurrent import delete_all
from clipmill.workers.confinement import confinement
from clipmill.workers.jobs import DecodeJob, ResolveJob
from clipmill.workers.pool import Pool, result_of

#: By how much the system prefers training to what makes clips and publishes, where both want a core.
NICE = 10


class ClipMaker:
    """Makes the clips of a listing.

    Args:
        options: of the build.
        listed: its clips.

    Attributes:
        table: what reading needs of them; lengths are filled in as they become known.
        host: (index, count) of this process among those that read the listing.
        drained: set once this host's share is made, or making it ended with an error.
        when_drained: is called then.
    """

    def __init__(self, options: BuildOptions, listed: ListedClips) -> None:
        frames = options.frames
        self.table = listed.table(self, frames.size and (frames.size[1], frames.size[0]))
        self.host = 0, 1
        self.drained = threading.Event()
        self.when_drained: Callable[[], None] = lambda: None
        self._options = options
        self._listed = listed
        self._out = open_storage(options.out)
        self._videos = open_storage(options.videos)
        self._labels = {name: number for number, name in enumerate(listed.labels)}
        self._schedule = Schedule(
            lambda number: self._begin(number, self._schedule.then), listed.share(lambda: self.host)
        )
        self._reads = MadeFrames(self._out)
        self._clips: dict[int, MadeClip] = {}
        self._failed: dict[int, tuple[str, str]] = {}
        self._jobs: dict[int, Job] = {}
        self._spanned: dict[int, SpannedClip] = {}
        self._wanted: set[int] = set()
        self._awaited: dict[int, bool] = {}
        self._resolving: set[int] = set()
        self._absent = Absent(options, listed.rows, lambda error: self._events.put(Found(error)))
        self._flying = 0
        self._changed = threading.Condition()
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._published: Callable[[int], ComingClip] | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def __reduce__(self) -> tuple[type[MadeElsewhere], tuple[()]]:
        return MadeElsewhere, ()

    @property
    def progress(self) -> tuple[int, int]:
        """How many clips are made, and how many cannot be."""
        return len(self._clips), len(self._failed)

    # Called by threads of the reader.

    def follow(self, rows: Iterable[int], host: tuple[int, int]) -> None:
        """Make the clips of these rows first, in this order; of all others those of the host's share."""
        self.host = host
        self._events.put(Order(iter(rows), then_all=True))
        self._start()

    def learn(self, rows: Sequence[int]) -> None:
        """Wait until the table holds length and size of these rows' clips, a length of 0 where one cannot be made."""
        self._events.put(Order(iter(rows), then_all=False))
        table = self.table
        for row in rows:
            try:
                clip = self.clip(row, whole=False)
            except DataError:
                table.frames[row] = 0
                continue
            table.frames[row] = clip.frames
            if clip.size is not None:
                table.height[row], table.width[row] = clip.size

    def clip(self, row: int, *, whole: bool) -> ComingClip:
        """Wait until the length of a row's clip is known, or with `whole` for all of its frames.

        Raises:
            DataError: the clip could not be made; the text says why.
        """
        found = self._known(row, whole)
        if found is None:
            self._events.put(Asked(row, whole=whole))
            self._start()
            with self._changed:
                while (found := self._known(row, whole)) is None:
                    self.check()
                    self._changed.wait()
        return found

    def spans(self, row: int, numbers: Sequence[int]) -> list[SpanDone] | None:
        """Wait until some spans of a row's clip are decoded; None once its length is another than was promised."""
        self._events.put(Asked(row, numbers))
        with self._changed:
            while True:
                job = self._jobs.get(row)
                if job is None or row not in self._spanned or self._published is not None:
                    return None
                if all(number in job.done for number in numbers):
                    return [job.done[number] for number in numbers]
                self.check()
                self._changed.wait()

    def check(self) -> None:
        """Raise what ended the making of clips, if anything did."""
        if self._error is not None:
            raise self._error

    def replace(self, published: Callable[[int], ComingClip]) -> None:
        """Take clips from the published version from now on, and stop making any.

        Their fragments are removed, unless other runs may need them.

        Args:
            published: gives the clip of a row, or raises DataError.
        """
        with self._changed:
            self._published = published
            self._reads.published = True
            self._changed.notify_all()
        fragments = [piece.path for clip in self._clips.values() for piece in clip.pieces if not piece.schema]
        with alone(self._out, self._options.run) as is_alone:
            if is_alone:
                delete_all(self._out, fragments)
        self.close()

    def close(self) -> None:
        """Stop making clips; what is decoded stays."""
        self._events.put(None)
        if self._thread is not None:
            self._thread.join()

    def _known(self, row: int, whole: bool) -> ComingClip | None:
        if self._published is not None:
            return self._published(row)
        if row in self._failed:
            reason, message = self._failed[row]
            raise DataError(f"{reason}: {message}")
        made = self._clips.get(row)
        return made if made is not None or whole else self._spanned.get(row)

    def _start(self) -> None:
        with self._changed:
            self.check()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="clipmill-maker", daemon=True)
                self._thread.start()

    # All below is called by the thread of ours.

    def _run(self) -> None:
        options = self._options
        try:
            with ExitStack() as stack:
                stack.enter_context(live_run(self._out, options.run))
                confined = confinement(options.videos, options.out)
                self._pool = Pool(options.workers, options.timeout, confined=confined, nice=NICE)
                stack.callback(self._pool.close, kill=True)
                self._notes = Notes(self._out, self._videos)
                stack.callback(self._notes.write)
                self._left = LeftBehind(options)
                while self._serve():
                    pass
                if self._published is None:
                    raise Interrupted("the listing was closed; what was decoded is kept")
        except BaseException as error:  # the reader's threads raise it
            with self._changed:
                self._error = error
                self._changed.notify_all()
            self._drain()

    def _serve(self) -> bool:
        """Start jobs, and handle the next event; False at the end."""
        while self._flying <= self._pool.workers and (work := self._schedule.next()) is not None:
            self._fly(work)
        if self._schedule.to_the_end and not self._flying and not self._absent.searching and not self.drained.is_set():
            self._notes.write()
            self._drain()
        event = self._events.get()
        if event is None:
            return False
        if isinstance(event, Finished):
            self._flying -= 1
            self._finish(event.work, result_of(event.future))
        elif isinstance(event, Asked):
            self._ask(event)
        elif isinstance(event, Found):
            if event.error is not None:
                raise event.error
            self._found_by_name()
        else:
            self._schedule.follow(*event)
        return True

    def _drain(self) -> None:
        self.drained.set()
        self.when_drained()

    def _fly(self, work: Work) -> None:
        self._flying += 1
        options = self._options
        if isinstance(work, Resolving):
            future = self._pool.submit(ResolveJob(work.task, options.videos, self._left.notes_on(work.rows[0].video)))
        else:
            future = self._pool.submit(DecodeJob(work.task, options.videos, options.out, options.frames))
        future.add_done_callback(lambda done: self._events.put(Finished(work, done)))

    def _ask(self, asked: Asked) -> None:
        """Put first what a reader waits for."""
        number, spans, whole = asked
        self._awaited[number] = whole or self._awaited.get(number, False)
        job = self._jobs.get(number)
        if job is None:
            self._begin(number, self._schedule.now)
        elif spans is not None or whole or number not in self._spanned:
            tasks = job.tasks if spans is None else [job.tasks[at] for at in spans if at < len(job.tasks)]
            self._schedule.now.extend(Decoding(number, task) for task in tasks)

    def _begin(self, number: int, queue: deque[Work]) -> None:
        """Begin a clip: its video is resolved, or its spans are decoded."""
        if number in self._clips or number in self._failed:
            return
        job = self._jobs.get(number)
        if job is not None:
            queue.extend(Decoding(number, task) for task in job.tasks)
            return
        self._wanted.add(number)
        video = self._listed.video_of(number)
        if video not in self._resolving:
            self._resolving.add(video)
            numbers = self._listed.rows_of_video(video)
            self._resolve(numbers, [self._listed.row(n) for n in numbers], "", queue)
        elif queue is self._schedule.now:
            self._schedule.hurry(number)

    def _resolve(self, numbers: Sequence[int], rows: Sequence[ClipRow], found: str, queue: deque[Work]) -> None:
        """Ask a video for its clips, unless a note on it holds."""
        of_row = {id(row): number for number, row in zip(numbers, rows, strict=True)}
        for group, task in source_tasks(rows, self._options, found):
            work = Resolving([of_row[id(row)] for row in group], group, task, found, time.time())
            try:
                notes = self._left.notes_on(rows[0].video) if self._videos.local else ()
                known = recall_source(self._videos, task, notes) if self._videos.local else None
            except ClipError as missing:
                self._resolved(work, missing)
                continue
            if known is None:
                queue.append(work)
            else:
                self._resolved(work, known.source)

    def _finish(self, work: Work, result: Any) -> None:
        if isinstance(work, Decoding):
            self._decoded(work, result)
            return
        if isinstance(result, ProbedSource):
            self._notes.add(work.rows[0].video, work.task, result, work.at)
        self._resolved(work, result)

    def _resolved(self, work: Resolving, answer: ProbedSource | ClipError) -> None:
        if isinstance(answer, ClipError) and answer.reason == Reason.MISSING and not work.found:
            self._absent.add(work, answer)
            return
        resolved = settle(work.rows, answer, self._labels, self._options)
        numbers = {row.clip_id: number for number, row in zip(work.numbers, work.rows, strict=True)}
        for clip, tasks in resolved.jobs:
            number = numbers[clip.row.clip_id]
            there = self._left.clip(clip.whole.clip_key)
            self._jobs[number] = Job(clip, tasks, {} if there is None else {0: there})
            if there is not None:
                self._assemble(number)
            else:
                self._planned(number, tasks)
        for failure in resolved.failures:
            self._fail(numbers[failure.clip_id], failure.reason, failure.message)

    def _planned(self, number: int, tasks: Sequence[ClipTask]) -> None:
        """Go on with a clip whose spans are known."""
        counts = stored_counts([task.span for task in tasks], self._options.frames) if len(tasks) > 1 else None
        if counts is not None:
            with self._changed:
                self._spanned[number] = SpannedClip(self, self._reads, number, counts)
                self._changed.notify_all()
        if number in self._awaited and (counts is None or self._awaited[number]):
            self._schedule.now.extend(Decoding(number, task) for task in tasks)
        elif number in self._wanted:
            self._schedule.then.extend(Decoding(number, task) for task in tasks)

    def _found_by_name(self) -> None:
        for work, missing, path in self._absent.take():
            if path:
                self._resolve(work.numbers, work.rows, path, self._schedule.now)
                continue
            for number in work.numbers:
                self._fail(number, missing.reason, missing.message)

    def _decoded(self, work: Decoding, result: Any) -> None:
        job = self._jobs.get(work.number)
        if job is None or work.task not in job.tasks:
            return  # of a clip that is decoded as one span meanwhile
        span = work.task.span
        if isinstance(result, ClipError):
            failure = Reason(result.reason).value, result.message
            result = SpanDone(work.task.clip_key, span.number, span.of, Piece(""), failure=failure)
        job.done[span.number] = result
        if result.inexact or len(job.done) == len(job.tasks):
            self._assemble(work.number)
            return
        with self._changed:
            spanned = self._spanned.get(work.number)
            if spanned is not None and result.frames != spanned.counts[span.number]:
                del self._spanned[work.number]  # its length is known only once all spans are there
            self._changed.notify_all()

    def _assemble(self, number: int) -> None:
        """Make a clip of its spans, or decode it again as one."""
        job = self._jobs[number]
        spans = [job.done[at] for at in sorted(job.done)]
        result = next(group_frames([job.clip], spans, self._out, self._options))
        if isinstance(result, Failure):
            self._fail(number, result.reason, result.message)
            return
        with self._changed:
            self._spanned.pop(number, None)
            if isinstance(result, Clip):
                table, counts = self.table, [span.frames for span in spans]
                table.frames[number], table.seconds[number] = result.frames, result.duration
                table.height[number], table.width[number] = result.height, result.width
                self._clips[number] = MadeClip(self._reads, result.pieces, counts, (result.height, result.width))
                del self._jobs[number]
            else:
                self._jobs[number] = Job(job.clip, [job.clip.whole], {})
                self._schedule.now.append(Decoding(number, job.clip.whole))
            self._changed.notify_all()

    def _fail(self, number: int, reason: str, message: str) -> None:
        with self._changed:
            self._failed[number] = reason, message
            self._jobs.pop(number, None)
            self._spanned.pop(number, None)
            self._changed.notify_all()
