"""The child process: takes jobs from one pipe, answers on another.

    python -m clipmill.workers.child JOBS_FD ANSWERS_FD MEMORY_BYTES [network|local WRITABLE_FOLDER...]

It ends when the job pipe closes, also in the middle of a job, so that no child
outlives a parent that was killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from clipmill.errors import ClipError, StorageError
from clipmill.ledger import Reason
from clipmill.workers.confinement import Confinement, confine
from clipmill.workers.jobs import (
    DecodeJob,
    Job,
    LookJob,
    PackJob,
    Reply,
    ResolveJob,
    ResolveManyJob,
    SampleJob,
    ShardJob,
    SignJob,
    decode_job,
)


def main(argv: list[str]) -> int:
    """Serve jobs until the parent closes the pipe."""
    jobs_fd, answers_fd, memory = map(int, argv[:3])
    confined = Confinement.of_words(argv[3:])
    if confined is not None:
        confine(confined)  # before there is another thread, which would not be confined
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    memory = memory if most == resource.RLIM_INFINITY else min(memory, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    # A child that dies of a bug in libav is one failed clip, not a core file.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    incoming: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(Connection(jobs_fd, writable=False), incoming), daemon=True).start()
    answers = Connection(answers_fd, readable=False)
    while True:
        answers.send_bytes(_answer(incoming.get()))


def _listen(pipe: Connection, incoming: queue.SimpleQueue[bytes]) -> None:
    with contextlib.suppress(Exception):
        while True:
            incoming.put(pipe.recv_bytes())
    os._exit(0)


def _answer(packed: bytes) -> bytes:
    job = decode_job(packed)
    try:
        return _encode(Reply(msgspec.Raw(msgspec.msgpack.encode(_run(job)))))
    except ClipError as error:
        return _failed(Reason(error.reason).value, error.message)
    except FileNotFoundError as error:
        return _failed("store", f"{error.filename or error}: gone while it was needed")
    except StorageError as error:
        return _failed("store", str(error))
    except MemoryError:
        limit = resource.getrlimit(resource.RLIMIT_AS)[0] / (1 << 30)
        return _failed(Reason.CRASHED.value, f"the decoder needed more than {limit:.1f} GiB of memory")
    except Exception as error:
        if isinstance(job, ShardJob):
            return _failed("bug", traceback.format_exc())
        # A bug that one odd video triggers costs that video; if every video does, --max-failures stops the build.
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = str(error).strip() or "no message"
        what = f"{type(error).__name__}: {text.splitlines()[0]} ({os.path.basename(where.filename)}:{where.lineno})"
        return _failed(Reason.CRASHED.value, f"internal error in the decoder: {what}")


def _failed(kind: str, message: str) -> bytes:
    return _encode(Reply(error=(kind, message)))


def _encode(reply: Reply) -> bytes:
    return msgspec.msgpack.encode(reply)


def _run(job: Job) -> Any:
    if isinstance(job, ResolveJob | ResolveManyJob):
        # Loads libav, which a child that only writes shards need not have; likewise below.
        from clipmill.sources import find, probe

        if isinstance(job, ResolveManyJob):
            return probe.resolve_sources(job.tasks, job.videos, job.known)
        with find.reading_source():
            return probe.resolve_source(job.task, job.videos, job.known)
    if isinstance(job, DecodeJob | PackJob | SampleJob | LookJob):
        _one_thread()
        # Loads libav, OpenCV and TurboJPEG.
        from clipmill.decoding import clip_estimate, decode_span, look_at_source

        if isinstance(job, PackJob):
            return decode_span.decode_pack(job.tasks, job.videos, job.out, job.options)
        if isinstance(job, SampleJob):
            return clip_estimate.sample_clip(job.task, job.videos, job.frames)
        if isinstance(job, LookJob):
            return look_at_source.look_at_source(job.paths, job.videos, job.options)
        return decode_span.decode_task(job.task, job.videos, job.out, job.options)
    if isinstance(job, SignJob):
        _one_thread()
        # Loads OpenCV, TurboJPEG and Arrow.
        from clipmill.decoding.sign_clips import sign_clips

        return sign_clips(job.clips, job.out)
    # Loads numpy and the record schemas, which a child that decodes need not have.
    from clipmill.shards.write import assemble_shard

    return assemble_shard(job.out, job.shard, job.schema, job.dataset, job.clips)


def _one_thread() -> None:
    # Not at the top: a child that probes or writes shards needs no OpenCV.
    import cv2

    cv2.setNumThreads(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
