"""An export as a job for a runner."""

from __future__ import annotations

from clipmill.export.run import ExportTask, is_done
from clipmill.options.defaults import new_run
from clipmill.pipeline.job import Job, graphs
from clipmill.storage import open_storage

#: Records of the largest clip that an export may hold at once, beside row groups of 64 MB and the like.
_COPIES = 3
_GROUPS = 256 << 20


def export_job(task: ExportTask, largest: int) -> Job:
    """Return the job of an export.

    Args:
        largest: bytes of its largest record.
    """
    return Job(
        name=task.dataset,
        run=new_run(),
        word="--dest",
        out=task.dest,
        places=(task.out, task.dest),
        scratch=f"{task.out}/work/dataflow",
        memory=_COPIES * largest + _GROUPS,
        disk=2 * task.options.shard_bytes,
        graph=lambda root, _: graphs().export_graph(root, task),
        counts=None,
        ended=lambda: is_done(open_storage(task.dest)),
        stop=lambda: True,
        kept="the files that are done are kept, and the same command writes the others",
    )
