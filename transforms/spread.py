"""Spreading rows over all workers."""

from __future__ import annotations

import apache_beam as beam

from clipmill.transforms.coders import StructCoder


class Spread(beam.PTransform):
    """Reshuffles rows, packed: Beam's Reshuffle pickles what is not a plain value.

    Args:
        kind: the rows' type.
    """

    def __init__(self, kind: type) -> None:
        super().__init__()
        self._kind = kind

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Spread rows of one type."""
        coder = StructCoder(self._kind)
        return (
            rows
            | "Pack" >> beam.Map(coder.encode).with_output_types(bytes)
            | "Deal" >> beam.Reshuffle()
            | "Unpack" >> beam.Map(coder.decode).with_output_types(self._kind)
        )
