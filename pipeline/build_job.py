"""A build as a job for a runner."""

from __future__ import annotations

from typing import Any

import msgspec

from clipmill import layout
from clipmill.dataset.publish import OUTCOME, stop_publishing
from clipmill.options import BuildOptions
from clipmill.pipeline.job import Elsewhere, Job, graphs
from clipmill.storage import open_storage

_GB = 1 << 30
#: Frames of a source that keep their size are taken to be no larger than these.
_LARGE = 1920 * 1080


def build_job(options: BuildOptions, base: str | None) -> Job:
    """Return the job of a build.

    Args:
        base: the version that is published now.
    """
    listing = options.listing

    def graph(root: Any, elsewhere: Elsewhere | None) -> None:
        told = elsewhere._asdict() if elsewhere else {}
        graphs().build_graph(root, msgspec.structs.replace(options, **told), base)

    def ended() -> bool:
        return open_storage(options.out).stat(layout.run_path(options.run, OUTCOME)) is not None

    return Job(
        name=options.name,
        run=options.run,
        word="--out",
        out=options.out,
        places=tuple(p for p in (*listing.listings, listing.videos, listing.labels, options.out) if p is not None),
        scratch=f"{options.out}/work/dataflow",
        memory=_decoding_bytes(options),
        # Shards, up to twice their target, wait there for their upload.
        disk=2 * options.shard_bytes,
        graph=graph,
        counts=layout.run_path(options.run, "counts"),
        ended=ended,
        stop=lambda: stop_publishing(options),
        kept="nothing was published, and what was decoded is kept for the next run",
    )


def _decoding_bytes(options: BuildOptions) -> int:
    frames = options.frames
    if frames.size:
        stored = frames.size[0] * frames.size[1]
    elif frames.short_side:
        stored = frames.short_side**2 * 16 // 9
    else:
        stored = _LARGE
    # libav's reference frames and ours; a clip's JPEGs while they are copied, at most 1 GiB, here twenty seconds.
    return 64 * max(stored, _LARGE) + min(_GB, 600 * stored // 4)
