"""Which fields batches hold."""

from __future__ import annotations

from collections.abc import Collection

from clipmill.errors import UsageError
from clipmill.reader.clips import Clips
from clipmill.reader.loading.batch_arrays import FIELDS, ON_REQUEST
from clipmill.reader.loading.pairs import PAIR_FIELDS
from clipmill.reader.options import ReaderOptions
from clipmill.reader.sampling.samplers import Chunks


def fields_of(clips: Clips, options: ReaderOptions, wanted: Collection[str] | None) -> tuple[str, ...]:
    """Return the fields of batches of some clips, in their order; all but those on request where none is named.

    Raises:
        UsageError: such batches have no field of a name.
    """
    have = [
        field
        for field in (PAIR_FIELDS if clips.pairs else FIELDS)
        if (field != "dataset" or clips.table.dataset is not None)
        and (field != "reset" or isinstance(options.sampler, Chunks))
        and (field != "label_source" or clips.classes is None)
    ]
    for field in wanted or ():
        if field not in have and field != "step":
            raise UsageError(f"field {field!r}: not one of {', '.join(have)}, step")
    return tuple(field for field in have if (field not in ON_REQUEST if wanted is None else field in wanted))
