"""KeepSignatures: keep the signatures of a published version with it, and the pairs of clips that show the same."""

from __future__ import annotations

import apache_beam as beam

from clipmill.leaks.published import keep_signatures
from clipmill.options import BuildOptions
from clipmill.storage import open_storage


class KeepSignatures(beam.PTransform):
    """Keeps what SignClips made with the version that was published."""

    def __init__(self, options: BuildOptions) -> None:
        super().__init__()
        self._options = options

    def expand(self, published: beam.PCollection) -> beam.PCollection:
        """Take the name of the published version, "" if there is none."""
        return published | "Keep" >> beam.Map(_keep, self._options).with_output_types(str)


def _keep(version: str, options: BuildOptions) -> str:
    if version:
        keep_signatures(open_storage(options.out), version)
    return version
