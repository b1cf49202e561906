"""The jobs of child processes, and how they and their results are packed."""

from __future__ import annotations

from typing import Any

import msgspec

from clipmill.messages import CachedProbe, Clip, ClipSample, ClipTask, ProbedSource, ShardDone, SourceTask, SpanDone
from clipmill.options import FrameOptions
from clipmill.sources.looks import Look


class ResolveJob(msgspec.Struct, frozen=True, tag="resolve"):
    """Find, fingerprint and probe a source, unless a note on it holds; gives a `ProbedSource`."""

    task: SourceTask
    videos: str
    known: list[CachedProbe] = []


class ResolveManyJob(msgspec.Struct, frozen=True, tag="resolve-many"):
    """Resolve several sources; gives a list of `ProbedSource`, None for each that must be resolved by itself."""

    tasks: list[SourceTask]
    videos: str
    known: list[list[CachedProbe]]


class DecodeJob(msgspec.Struct, frozen=True, tag="decode"):
    """Decode one span into a fragment; gives a `SpanDone`."""

    task: ClipTask
    videos: str
    out: str
    options: FrameOptions


class PackJob(msgspec.Struct, frozen=True, tag="pack"):
    """Decode small images into one pack; gives a list of `SpanDone`, None for each that must be decoded by itself."""

    tasks: list[ClipTask]
    videos: str
    out: str
    options: FrameOptions


class ShardJob(msgspec.Struct, frozen=True, tag="shard"):
    """Write a shard from its clips' fragments, unless it is there; gives a `ShardDone`."""

    shard: str
    schema: str
    dataset: str
    clips: list[Clip]
    out: str


class SignJob(msgspec.Struct, frozen=True, tag="sign"):
    """Make the signatures of clips of different keys; gives how many samples each has."""

    clips: list[Clip]
    out: str


class SampleJob(msgspec.Struct, frozen=True, tag="sample"):
    """Sample one clip for an estimate; gives a `ClipSample`."""

    task: SourceTask
    videos: str
    frames: int


class LookJob(msgspec.Struct, frozen=True, tag="look"):
    """Look at a source and its first frame; gives a `Look`."""

    paths: list[str]
    videos: str
    options: FrameOptions


Job = ResolveJob | ResolveManyJob | DecodeJob | PackJob | ShardJob | SignJob | SampleJob | LookJob

_RESULTS: dict[type, Any] = {
    ResolveJob: ProbedSource,
    ResolveManyJob: list[ProbedSource | None],
    DecodeJob: SpanDone,
    PackJob: list[SpanDone | None],
    ShardJob: ShardDone,
    SignJob: list[int],
    SampleJob: ClipSample,
    LookJob: Look,
}
_job_decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(Job)


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """A child's answer: a packed result, or (kind, message) of what went wrong.

    Kinds are the reasons of a ClipError, "store" for a StorageError, and "bug".
    """

    result: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: tuple[str, str] | None = None


_reply_decoder = msgspec.msgpack.Decoder(Reply)


def encode_job(job: Job) -> bytes:
    """Encode a job for a child."""
    return msgspec.msgpack.encode(job)


def decode_job(data: bytes) -> Job:
    """Decode a job that a child received."""
    job: Job = _job_decoder.decode(data)
    return job


def decode_reply(data: bytes) -> Reply:
    """Decode a child's answer."""
    return _reply_decoder.decode(data)


def decode_result(job: Job, result: msgspec.Raw) -> Any:
    """Decode the result of a job from its answer."""
    return msgspec.msgpack.decode(result, type=_RESULTS[type(job)])
