"""Further columns of the listing in records, as Features.

In an Example an empty cell is "", -1 or NaN, so that a fixed-length parse finds a value; a SequenceExample leaves the
feature out, as it does with times.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping

from clipmill.errors import UsageError
from clipmill.records.column_types import cell
from clipmill.records.fields import COLUMN, FLOAT, INT, TEXT, Field, Kind

#: By type; `encode` takes a cell's text, or None, and raises ValueError where it is no such value.
KINDS = {
    "text": Kind(lambda text: TEXT.encode(cell("text", text)), TEXT.decode, TEXT.tfds),
    "int64": Kind(lambda text: INT.encode(cell("int64", text)), lambda found: str(operator.index(found[0])), INT.tfds),
    "float": Kind(lambda text: FLOAT.encode(cell("float", text)), lambda found: str(found[0] + 0.0), FLOAT.tfds),
}


def column_fields(
    columns: Mapping[str, str], taken: Iterable[str], keys: Mapping[str, str], other: str = ""
) -> list[Field]:
    """Return the fields of columns.

    Args:
        columns: the type of each.
        taken: keys that the schema has already.
        keys: the key of a column, where it is not `other` and its name.
        other: what stands before the names in keys.

    Raises:
        UsageError: two features would have one key.
    """
    fields, taken = [], set(taken)
    for name, kind in columns.items():
        key = keys.get(name, other + name)
        if key in taken:
            raise UsageError(
                f"--record-columns {name}: records of this schema have a feature {key} already: rename the column, or "
                "declare a schema of your own (docs/records.md)"
            )
        taken.add(key)
        fields.append(Field(key, COLUMN + name, KINDS[kind]))
    return fields
