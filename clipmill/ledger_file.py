"""runs/<id>/failures.parquet: the ledger of a run."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable
from itertools import islice

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from clipmill.layout import run_path
from clipmill.ledger import Failure
from clipmill.storage import Storage

NAME = "failures.parquet"
_BATCH = 50_000
_SHOWN = 5
_SCHEMA = pa.schema(
    [pa.field(name, pa.int64() if name == "row" else pa.string()) for name in Failure.__struct_fields__]
)


class Ledger(msgspec.Struct, frozen=True):
    """What a ledger comes to.

    Attributes:
        by_reason, by_split: how many rows.
        first: a few rows of each reason.
    """

    by_reason: dict[str, int]
    by_split: dict[str, int]
    first: list[Failure]

    @classmethod
    def write(cls, storage: Storage, run: str, failures: Iterable[Failure]) -> Ledger:
        """Write the ledger of a run, in the order of the listing; rows may come in any order."""
        rows = iter(failures)
        batches = []
        while chunk := list(islice(rows, _BATCH)):
            columns = [[getattr(failure, name) for failure in chunk] for name in _SCHEMA.names]
            batches.append(pa.record_batch(columns, schema=_SCHEMA))
        table = pa.Table.from_batches(batches, _SCHEMA)
        table = table.sort_by([(name, "ascending") for name in ("listing", "row", "source", "clip_id")])
        out = io.BytesIO()
        pq.write_table(table, out, compression="zstd")
        storage.put(run_path(run, NAME), out.getvalue())
        return cls(_counts(table, "reason"), _counts(table, "split"), _first_of_each(table))


def read_ledger(storage: Storage, run: str, reason: str | None = None) -> list[Failure]:
    """The rows of a run's ledger, in the order of the listing: all, or those of one reason."""
    table = pq.ParquetFile(pa.BufferReader(storage.read(run_path(run, NAME)))).read(use_threads=False)
    if reason is not None:
        table = table.filter(pc.equal(table["reason"], reason))
    return [Failure(**row) for row in table.to_pylist()]


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    return dict(sorted(Counter({v["values"]: v["counts"] for v in pc.value_counts(table[column]).to_pylist()}).items()))


def _first_of_each(table: pa.Table) -> list[Failure]:
    first = []
    for reason in pc.unique(table["reason"]).to_pylist():
        rows = table.filter(pc.equal(table["reason"], reason)).slice(0, _SHOWN)
        first += [Failure(**row) for row in rows.to_pylist()]
    return first
