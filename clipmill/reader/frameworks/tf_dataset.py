"""Turning batches into a tf.data.Dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from clipmill.errors import MissingExtra
from clipmill.reader.frameworks.base import EpochReader
from clipmill.reader.frameworks.tf_stream import stream
from clipmill.reader.loading.batch_arrays import Arrays

if TYPE_CHECKING:
    # Only named in signatures: importing it takes seconds and 450 MB.
    import tensorflow as tf


def to_dataset(batches: EpochReader, fields: tuple[str, ...]) -> tf.data.Dataset:
    """Make a dataset of dicts of tensors, or of tuples if fields are named.

    Each pass over it is one whole epoch, the next pass the next one; after `load_state_dict` the
    first pass is the rest of the epoch that the state stands in. Tensors are taken over from our buffers without
    a copy. Its cardinality is that of an epoch, also where the first pass is shorter, so that Keras takes whole epochs
    behind it. It is unknown where epochs differ (max_frames_per_batch, Chunks), and where path="streaming" begins in
    mid-epoch. With Keras's steps_per_epoch, `repeat()` it: the epochs of Keras then follow each other without a gap.

    `batches.state_dict()` counts what the dataset has handed out, also what a `prefetch`
    after it took: keep the field `step` to know which batch was used last.

    With path="streaming" TensorFlow's own operations read the shards, see `clipmill.reader.frameworks.tf_stream`;
    images with masks, and adopted records, they do not read.

    Args:
        batches: what is read.
        fields: in the order of the tuple.

    Raises:
        MissingExtra: TensorFlow is not installed.
        UsageError: there is no such field.
    """
    tf = import_tensorflow()
    reader = batches.only(fields) if fields else batches
    specs = signature(tf, reader)
    clips = batches.clips
    streams = batches.options.path == "streaming" and not clips.pairs and not clips.adopted
    if streams:
        epochs = stream(tf, batches, reader, specs)
    else:
        epochs = tf.data.Dataset.from_generator(_generator(batches, reader), output_signature=specs)
    if fields:
        epochs = epochs.map(lambda batch: tuple(batch[field] for field in fields))
    if batches.planner.constant and not (batches.goes_on and streams):
        # An endless dataset of which a pass takes one epoch has a known cardinality, and
        # unlike `assert_cardinality` does not fail where a pass is shorter: see `_generator`.
        epochs = epochs.repeat().take(len(batches))
    # TensorFlow must not run ahead by itself: `batches.step` counts what was handed out.
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False
    options.experimental_optimization.map_parallelization = False
    return epochs.with_options(options)


def import_tensorflow() -> Any:
    """Return the tensorflow module.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        # TensorFlow takes seconds to load, and most readers never need it.
        import tensorflow
    except ImportError:
        raise MissingExtra("batches.tf", "tensorflow") from None
    return tensorflow


def signature(tf: Any, batches: EpochReader) -> dict[str, tf.TensorSpec]:
    """Return shape and type of each field, with None for what differs between batches."""
    shapes = batches.shapes()
    kinds = {np.dtype(object): tf.string}
    return {
        field: tf.TensorSpec(shape, kinds.get(dtype, dtype), name=field) for field, (shape, dtype) in shapes.items()
    }


def _generator(batches: EpochReader, reader: EpochReader) -> Callable[[], Iterator[Arrays]]:
    """Return what makes a pass.

    TensorFlow's `repeat` ends where a repetition gives nothing. A pass over the rest of an epoch is asked for more
    than it has, so its generator comes to its end, and `repeat` calls for the next one at once, in the same request:
    that one is empty. A whole epoch's generator never comes to its end: `take` asks for no more than it has.
    """
    ended = False

    def epoch() -> Iterator[Arrays]:
        nonlocal ended
        if ended:
            ended = False
            return
        now, step = batches.begin()
        for batch in reader.run(now, step):
            batches.advance(now, int(batch["step"]))
            yield batch
        ended = step > 0 and batches.planner.constant

    return epoch
