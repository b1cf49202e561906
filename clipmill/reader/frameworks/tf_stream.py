"""The streaming path by TensorFlow's own operations, which read files and records, parse and decode JPEGs.

Which frames are taken, and what is done to them, is computed by the same functions as on
every other path, and whole frames are decoded with the accurate DCT; so the batches are
the same, to the pixel.

One pass over the dataset, for a host that begins at a step:

    for each of its lanes:
        TFRecordDataset(file).skip(..).take(..)     the records of the lane, file after file
        filter                                      drop records between them that are not in the set
        batch(window), gather(order), unbatch       each window in the order that `Lanes.shuffled` says
        filter(turn >= late)                        drop turns of the first window that are before the step
    choose_from_datasets                            one record of each lane in turn
    map(sample)                                     parse, draw, decode, augment
    batch                                           rows become batches

Invariant: the k-th record that comes out is the clip at the k-th of this host's positions. Nothing checks it later,
since a record's id is not read: if a lane were one record off, labels (taken by position from the clip table) would
stand beside the frames of other clips. It holds by two rules. All positions are counted from the epoch's start:
windows begin where `Lanes.window` says, not where the pass begins. And a lane always begins to read at the start of
a window; its turns before the step are dropped after the shuffle, since before it they could be anywhere in the
window.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from clipmill.errors import UsageError
from clipmill.layout import shard_path
from clipmill.reader.access.frame_ranges import StoredFrames
from clipmill.reader.access.range_cache import ReadableStorage
from clipmill.reader.draws import Ints
from clipmill.reader.frameworks.base import EpochReader
from clipmill.reader.loading.loader import Loader, ReadClip
from clipmill.reader.loading.recipe import ClipRequest, View
from clipmill.reader.order.permutations import Lanes
from clipmill.records.base import FrameFacts, Schema

if TYPE_CHECKING:
    # Only named in signatures: importing it takes seconds and 450 MB.
    import tensorflow as tf


def stream(tf: Any, batches: EpochReader, reader: EpochReader, specs: dict[str, tf.TensorSpec]) -> tf.data.Dataset:
    """Make a dataset whose every pass goes from the step of `batches` to the end of its epoch.

    Args:
        tf: the tensorflow module.
        batches: the reader, which moves on with each batch that is handed out.
        reader: the same reader with the fields wanted.
        specs: of those fields and `step`.

    Raises:
        UsageError: an option that TensorFlow's operations cannot follow.
    """
    _check(reader)
    names = list(specs)

    def one_pass(_: Any) -> tf.data.Dataset:
        epoch, step = tf.numpy_function(lambda: tuple(map(np.int64, batches.begin())), [], [tf.int64] * 2)
        epoch.set_shape(())
        step.set_shape(())
        rows = _Rows(tf, reader, {name: spec for name, spec in specs.items() if name != "step"})
        batch = rows.records(epoch, step).map(rows.sample, num_parallel_calls=reader.threads, deterministic=True)
        size = -(-(reader.options.batch_size or 1) // reader.host[1])
        batch = batch.batch(size, drop_remainder=reader.options.drop_remainder)
        return batch.enumerate(step).map(lambda index, values: count(epoch, index, values))

    def advance(epoch: Any, step: Any) -> Any:
        batches.advance(int(epoch), int(step))
        return step

    def count(epoch: Any, step: Any, values: Any) -> Any:
        done = tf.numpy_function(advance, [epoch, step], tf.int64)
        done.set_shape(())
        found = {**dict(zip([name for name in names if name != "step"], values, strict=False)), "step": done}
        return {name: tf.ensure_shape(found[name], specs[name].shape) for name in names}

    return tf.data.Dataset.from_tensors(0).flat_map(tf.autograph.experimental.do_not_convert(one_pass))


class _Rows:
    """Makes the single clips of an epoch by TensorFlow's operations."""

    def __init__(self, tf: Any, reader: EpochReader, specs: dict[str, tf.TensorSpec]) -> None:
        self._tf = tf
        self._reader = reader
        self._loader: Loader = reader.loader()
        self._specs = specs
        source = self._loader.frame_reader(0)
        self._schema = source.schema
        self._root = _tensorflow_root(source.storage)

    def records(self, epoch: Any, step: Any) -> tf.data.Dataset:
        """Make a dataset of (epoch, position, record) of this host's clips from a step on, in order."""
        tf, (index, count) = self._tf, self._reader.host
        lanes = self._reader.planner.lanes(0).lanes
        mine = [lane for lane in range(lanes) if lane % count == index]
        by_lane = [self._lane(epoch, step, lane) for lane in mine]
        size = self._reader.options.batch_size or 1
        end = min(self._reader.planner.plan(0).steps * size, self._reader.planner.size)
        positions = tf.data.Dataset.range(step * size + index, np.int64(end), count)
        turns = positions.map(lambda position: (position % lanes) // count)
        records = tf.data.Dataset.choose_from_datasets(by_lane, turns, stop_on_empty_dataset=False)
        return tf.data.Dataset.zip(positions, records).map(lambda position, record: (epoch, position, record))

    def _lane(self, epoch: Any, step: Any, lane: int) -> tf.data.Dataset:
        tf = self._tf
        kinds = [tf.string, tf.int64, tf.int64, tf.bool, tf.int64, tf.int64, tf.int64]
        found = tf.numpy_function(lambda e, s: self._files(int(e), int(s), lane), [epoch, step], kinds)
        for value, rank in zip(found, (1, 1, 1, 1, 1, 0, 0), strict=True):
            value.set_shape([None] * rank)
        paths, skips, takes, keep, order, window, late = found
        files = tf.data.Dataset.from_tensor_slices((paths, skips, takes))
        records = files.flat_map(lambda path, skip, take: tf.data.TFRecordDataset(path).skip(skip).take(take))
        kept = tf.data.Dataset.zip(records, tf.data.Dataset.from_tensor_slices(keep)).filter(lambda _, wanted: wanted)
        windows = kept.map(lambda record, _: record).batch(window)
        orders = tf.data.Dataset.from_tensor_slices(order).batch(window)
        shuffled = tf.data.Dataset.zip(windows, orders).map(tf.gather).unbatch()
        # Not `skip`: TensorFlow 2.21 crashes on `skip` by a computed number inside `flat_map`.
        return shuffled.enumerate().filter(lambda turn, _: turn >= late).map(lambda _, record: record)

    def _files(self, epoch: int, step: int, lane: int) -> tuple[Any, ...]:
        """Return what a lane reads from a step on.

        Returns:
            Paths; records of each to skip and then to read; which of those read are in the set;
            for each turn the place in its window of the record to give; the window's size;
            and how many turns of the first window are before the step.
        """
        order: Lanes = self._reader.planner.lanes(epoch)
        size = self._reader.options.batch_size or 1
        turn = max(0, -(-(step * size - lane) // order.lanes))
        count = order.lane_size(lane)
        begin = order.window(lane, min(turn, max(0, count - 1)))[0]
        turns = np.arange(begin, count)
        window = order.window(lane, 0)[1]
        in_window = order.shuffled(lane, turns) - turns // window * window
        rows = self._loader.clips.rows[order.clips(lane, turns)]
        paths, skips, takes, keep = [], [], [], []
        shards = self._loader.clips.table.shard[rows]
        ordinals = self._ordinals[rows]
        for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(shards)) + 1):
            if not len(run):
                continue
            first, last = int(ordinals[run[0]]), int(ordinals[run[-1]])
            wanted = np.zeros(last - first + 1, bool)
            wanted[ordinals[run] - first] = True
            name = self._loader.clips.table.shards[shards[run[0]]][0]
            paths.append(f"{self._root}/{shard_path(name)}")
            skips.append(first)
            takes.append(last - first + 1)
            keep.append(wanted)
        flags = np.concatenate(keep) if keep else np.empty(0, bool)
        ints = (np.array(values, np.int64) for values in (skips, takes))
        return np.array(paths, object), *ints, flags, in_window, np.int64(window), np.int64(turn - begin)

    @cached_property
    def _ordinals(self) -> Ints:
        """(clips,) the number of each clip's record in its shard."""
        table = self._loader.clips.table
        order = np.lexsort((table.offset, table.shard))
        shards = table.shard[order]
        out = np.empty(len(order), np.int64)
        out[order] = np.arange(len(order)) - np.searchsorted(shards, shards)
        return out

    def sample(self, epoch: Any, position: Any, record: Any) -> tuple[Any, ...]:
        """Make the fields of one clip from its record."""
        tf = self._tf
        if not self._specs:
            return (position,)  # the step alone is asked for, and a dataset needs something to make batches of
        jpegs, times, numbers = _parse(tf, self._schema, record)
        wanted = tf.numpy_function(lambda e, p, t: self._wanted(e, p, t), [epoch, position, times], tf.int64)
        wanted.set_shape((None,))
        chosen = tf.gather(jpegs, wanted)
        if self._loader.decode:
            chosen = tf.map_fn(_decode(tf), chosen, fn_output_signature=tf.TensorSpec((None, None, 3), tf.uint8))
        inputs = [epoch, position, times, numbers, wanted, chosen]
        specs = list(self._specs.values())
        made = tf.numpy_function(lambda *given: self._finish(*given), inputs, [spec.dtype for spec in specs])
        for value, spec in zip(made, specs, strict=True):
            value.set_shape(spec.shape[1:])
        return tuple(made)

    def _drawn(self, epoch: Any, position: Any, times: Any) -> tuple[ClipRequest, list[View]]:
        step, number = divmod(int(position), self._reader.options.batch_size or 1)
        request = self._loader.request(int(epoch), self._reader.planner.plan(int(epoch)).step(step), number)
        return request, self._loader.draw(request, times)

    def _wanted(self, epoch: Any, position: Any, times: Any) -> Ints:
        _, views = self._drawn(epoch, position, times)
        wanted = np.unique(np.concatenate([view.picked for view in views]))
        return wanted[wanted >= 0]

    def _finish(self, epoch: Any, position: Any, times: Any, numbers: Any, wanted: Any, chosen: Any) -> list[Any]:
        request, views = self._drawn(epoch, position, times)
        encoded = dict(zip(wanted.tolist(), chosen, strict=True))
        arrays = self._loader.arrays(1, request.length, request.clip, self._reader.buffers)
        self._loader.write(ReadClip(request, views, StoredFrames(encoded, FrameFacts(times, numbers))), arrays, 0)
        return [arrays[name][0] for name in self._specs]


def _parse(tf: Any, schema: Schema, record: Any) -> tuple[Any, Any, Any]:
    """Return JPEGs, times and numbers of a record's frames."""
    keys = schema.frame_keys
    kinds = dict(zip(keys, (tf.string, tf.int64, tf.int64), strict=True))
    if schema.sequence:
        lists = {key: tf.io.FixedLenSequenceFeature([], kind) for key, kind in kinds.items()}
        _, found = tf.io.parse_single_sequence_example(record, sequence_features=lists)
        return found[keys.frames], found[keys.times], found[keys.numbers]
    found = tf.io.parse_single_example(record, {key: tf.io.VarLenFeature(kind) for key, kind in kinds.items()})
    return found[keys.frames].values, found[keys.times].values, found[keys.numbers].values


def _decode(tf: Any) -> Any:
    return lambda jpeg: tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")


def _tensorflow_root(storage: ReadableStorage) -> str:
    return storage.root.replace("s3a://", "s3://")


def _check(reader: EpochReader) -> None:
    options, (_, hosts) = reader.options, reader.host
    if options.dct_scale or options.on_error == "skip":
        raise UsageError(
            'path="streaming" with .tf(): leave out dct_scale and on_error="skip", which TensorFlow does not have'
        )
    if len(reader.clips.members) > 1:
        raise UsageError('path="streaming" with .tf(): does not read a mix; use path="indexed"')
    odd = reader.planner.lanes(0).lanes % hosts or (options.batch_size or 1) % hosts
    if hosts > 1 and (odd or not options.drop_remainder):
        raise UsageError(
            f'path="streaming" with .tf() on {hosts} hosts: needs drop_remainder=True, '
            f"and a batch_size and lanes that {hosts} divides"
        )
