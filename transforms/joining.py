"""Grouping rows by key, packed: a local shuffle holds every value in memory, and packed rows take the least."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apache_beam as beam

from clipmill.transforms.coders import StructCoder


class JoinByKey(beam.PTransform):
    """Groups several collections of (key, row) by key.

    Beam's own CoGroupByKey pickles what is not a plain value.

    Args:
        kinds: the rows' type in each collection, by name.

    Returns:
        (key, {name: rows}); every name is there, in no order of rows.
    """

    def __init__(self, **kinds: type) -> None:
        super().__init__()
        self._kinds = kinds

    def expand(self, collections: dict[str, beam.PCollection | tuple[beam.PCollection, ...]]) -> beam.PCollection:
        """Group collections of (str, row), given by the names of `kinds`; one name may have several."""
        packed = []
        coders = [StructCoder(kind) for kind in self._kinds.values()]
        for tag, (name, coder) in enumerate(zip(self._kinds, coders, strict=True)):
            found = collections[name]
            for number, rows in enumerate(found if isinstance(found, tuple) else (found,)):
                label = f"Pack_{name}_{number}"
                packed.append(rows | label >> beam.Map(_pack_tagged, tag, coder).with_output_types(tuple[str, bytes]))
        return (
            packed
            | "Together" >> beam.Flatten()
            | "Group" >> beam.GroupByKey()
            | "Unpack" >> beam.Map(_unpack_tagged, list(self._kinds), coders)
        )


class GroupRows(beam.PTransform):
    """Groups one collection of (key, row) by key: (key, rows)."""

    def __init__(self, kind: type) -> None:
        super().__init__()
        self._kind = kind

    def expand(self, rows: beam.PCollection) -> beam.PCollection:
        """Group a collection of (str, row)."""
        coder = StructCoder(self._kind)
        return (
            rows
            | "Pack" >> beam.Map(_pack, coder).with_output_types(tuple[str, bytes])
            | "Group" >> beam.GroupByKey()
            | "Unpack" >> beam.Map(_unpack, coder)
        )


def _pack(keyed: tuple[str, Any], coder: StructCoder) -> tuple[str, bytes]:
    return keyed[0], coder.encode(keyed[1])


def _unpack(keyed: tuple[str, Iterable[bytes]], coder: StructCoder) -> tuple[str, list[Any]]:
    return keyed[0], [coder.decode(value) for value in keyed[1]]


def _pack_tagged(keyed: tuple[str, Any], tag: int, coder: StructCoder) -> tuple[str, bytes]:
    return keyed[0], bytes((tag,)) + coder.encode(keyed[1])


def _unpack_tagged(
    keyed: tuple[str, Iterable[bytes]], names: list[str], coders: list[StructCoder]
) -> tuple[str, dict[str, list[Any]]]:
    key, values = keyed
    found: list[list[Any]] = [[] for _ in coders]
    for value in values:
        found[value[0]].append(coders[value[0]].decode(memoryview(value)[1:]))
    return key, dict(zip(names, found, strict=True))
