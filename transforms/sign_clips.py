"""SignClips: make the signatures of clips, by which those that show the same are found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from clipmill.errors import ClipError, StorageError
from clipmill.messages import Clip, Verdict
from clipmill.options import BuildOptions
from clipmill.signatures.clip_signatures import kept_tables
from clipmill.storage import open_storage
from clipmill.transforms.children import InChildren
from clipmill.transforms.joining import JoinByKey
from clipmill.workers.jobs import Job, SignJob

#: Clips of more seconds have a job of their own.
_LONG = 60.0


class SignClips(beam.PTransform):
    """Signs the clips whose keys no version and no earlier run has a signature of.

    Args:
        verdict: a PCollection of one `Verdict`; nothing is signed behind a closed gate.

    Returns:
        The same verdict, once the signatures of all clips are kept: writing shards removes the fragments that they
        are made of.
    """

    def __init__(self, options: BuildOptions, verdict: beam.PCollection) -> None:
        super().__init__()
        self._options = options
        self._verdict = verdict

    def expand(self, clips: beam.PCollection) -> beam.PCollection:
        """Sign `Clip` rows, one of each key."""
        keyed = clips | "ByKey" >> beam.WithKeys(lambda clip: clip.clip_key).with_output_types(tuple[str, Clip])
        known = (
            clips.pipeline
            | "Once" >> beam.Impulse()
            | "ReadKnown" >> beam.FlatMap(_known, self._options).with_output_types(tuple[str, str])
        )
        signed = (
            {"clips": keyed, "known": known}
            | "Join" >> JoinByKey(clips=Clip, known=str)
            | "Sign" >> beam.ParDo(_Sign(self._options), pvalue.AsSingleton(self._verdict)).with_output_types(int)
            | "CountSamples" >> beam.CombineGlobally(sum)
        )
        return self._verdict | "Signed" >> beam.Map(_once, pvalue.AsSingleton(signed)).with_output_types(Verdict)


def _known(_: bytes, options: BuildOptions) -> Iterator[tuple[str, str]]:
    for table in kept_tables(open_storage(options.out)):
        yield from ((key, "") for key in table["clip_key"].to_pylist())


def _once(verdict: Verdict, _: int) -> Verdict:
    return verdict


class _Sign(InChildren):
    def process(self, joined: tuple[str, dict[str, list[Any]]], verdict: Verdict) -> Iterator[int]:
        found = joined[1]
        if not verdict.is_open or not found["clips"] or found["known"]:
            return
        clip = found["clips"][0]  # others of this key have the same frames
        yield from self.fly(clip) if clip.duration > _LONG else self.fly_together(clip)

    def job(self, clip: Clip) -> Job:
        return SignJob([clip], self._options.out)

    def job_of_many(self, clips: Sequence[Clip]) -> Job:
        return SignJob(list(clips), self._options.out)

    def finished(self, clip: Clip, result: Any) -> Iterator[int]:
        if isinstance(result, ClipError):
            raise StorageError(f"{clip.clip_id}: its signature: {result.message}; run the build again")
        # One of a job of its own has a list.
        yield result[0] if isinstance(result, list) else result
