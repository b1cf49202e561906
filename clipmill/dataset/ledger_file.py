"""runs/<id>/failures.parquet: the ledger of a run."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
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
    [pa.field(name, pa.int64() if name == "row" else pa.string()) for name in Failure.__struct_fields__ if name != "of"]
)
#: The same in memory, where there may be millions of rows: columns of few values are dictionaries.
_HELD = pa.schema(
    [
        pa.field(field.name, pa.dictionary(pa.int32(), pa.string()))
        if field.name in ("split", "stage", "reason")
        else field
        for field in _SCHEMA
    ]
)


class Ledger(msgspec.Struct, frozen=True):
    """A ledger's counts, and some of its rows.

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
            batches.append(pa.record_batch(columns, schema=_HELD))
        table = pa.Table.from_batches(batches, _HELD).unify_dictionaries()
        batches.clear()
        first: dict[str, list[Failure]] = {}
        with tempfile.TemporaryFile(prefix="clipmill-") as file:
            with pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
                for part in _sorted(table):
                    writer.write_table(part)
                    _add_first_of_each(part, first)
            file.seek(0)
            with storage.writer(run_path(run, NAME)) as out:
                shutil.copyfileobj(file, out, 1 << 20)
        shown = [failure for failures in first.values() for failure in failures]
        return cls(_counts(table, "reason"), _counts(table, "split"), shown)


def read_ledger(storage: Storage, run: str, reason: str | None = None) -> list[Failure]:
    """Read the rows of a run's ledger, in the order of the listing: all, or those of one reason."""
    table = pq.ParquetFile(pa.BufferReader(storage.read(run_path(run, NAME)))).read(use_threads=False)
    if reason is not None:
        table = table.filter(pc.equal(table["reason"], reason))
    return [Failure(**row) for row in table.to_pylist()]


def _counts(table: pa.Table, column: str) -> dict[str, int]:
    return dict(sorted(Counter({v["values"]: v["counts"] for v in pc.value_counts(table[column]).to_pylist()}).items()))


def _sorted(table: pa.Table) -> Iterator[pa.Table]:
    """Iterate over a table's rows in the order of the listing, part by part."""
    # There may be millions of rows, so they are copied part by part.
    keys = [(name, "ascending") for name in ("listing", "row", "source", "clip_id")]
    order = pc.sort_indices(table, sort_keys=keys)
    for start in range(0, len(order), _BATCH):
        yield table.take(order.slice(start, _BATCH)).cast(_SCHEMA)


def _add_first_of_each(part: pa.Table, first: dict[str, list[Failure]]) -> None:
    """Add a part's rows of each reason, up to a few of each."""
    for reason in pc.unique(part["reason"]).to_pylist():
        known = first.setdefault(reason, [])
        if len(known) < _SHOWN:
            rows = part.filter(pc.equal(part["reason"], reason)).slice(0, _SHOWN - len(known))
            known += [Failure(**row) for row in rows.to_pylist()]
