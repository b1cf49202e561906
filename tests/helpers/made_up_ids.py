"""Ids of clips that there need not be."""

from __future__ import annotations

import pyarrow as pa

from clipmill.reader.order.id_hashes import IdHashes


def hashes_of(count: int) -> IdHashes:
    """The hashes of ids that differ in little."""
    return IdHashes(pa.chunked_array([[f"clip_{number:03}" for number in range(count)]], pa.string()))
