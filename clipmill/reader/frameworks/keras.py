"""Batches as a `keras.utils.PyDataset`, which `model.fit` takes on every backend of Keras."""

from __future__ import annotations

import threading
from collections.abc import Generator
from functools import cache
from typing import Any, TypeVar

from clipmill.errors import MissingExtra, UsageError
from clipmill.reader.frameworks.base import EpochReader
from clipmill.reader.loading.batch_arrays import Arrays

try:
    from keras.utils import PyDataset
except ImportError:
    raise MissingExtra("batches.keras", "tensorflow") from None

Reader = TypeVar("Reader")


class Epochs(PyDataset):  # type: ignore[misc]
    """Batches as tuples of arrays for `model.fit`, `evaluate` and `predict`: an epoch of Keras is one of the reader's.

    Within an epoch of Keras the batches come in the reader's own order, whatever `shuffle` Keras was given, and are
    made ahead by the reader's threads. When Keras ends an epoch the reader goes to the next one, so a state that is
    saved between two epochs continues there. A state in the middle of an epoch begins that epoch again: `Batches.tf`
    goes on in it, and `Batches.tf(...).repeat()` is what Keras needs for its `steps_per_epoch`.

    Attributes:
        batches: whose epochs these are; it moves on with them.
    """

    batches: EpochReader

    def __init__(self, reader: EpochReader, fields: tuple[str, ...]) -> None:
        super().__init__()
        self._tuple = fields
        self._reader = reader.only(fields)
        self._pass: Generator[Arrays, None, None] | None = None
        self._given = 0
        # A thread of TensorFlow asks for steps, and may still do so when another one ends the epoch.
        self._turn = threading.Lock()

    def __len__(self) -> int:
        return len(self.batches)

    @property
    def num_batches(self) -> int:
        """Count the batches of an epoch.

        Raises:
            UsageError: epochs differ in their number of batches, which Keras asks for once.
        """
        if not self.batches.planner.constant:
            raise UsageError(
                "batches.keras: these epochs differ in their number of batches, and Keras asks for it once; give it "
                "batches.tf(...), or use batch_size and no Chunks"
            )
        return len(self.batches)

    def __getitem__(self, step: int) -> tuple[Any, ...]:
        if not 0 <= step < len(self):
            raise IndexError(f"step {step}: an epoch has {len(self)}")
        with self._turn:
            if self._pass is None or self._given == len(self):
                # Before its first epoch Keras looks at the first steps, to learn what they hold; with steps_per_epoch
                # TensorFlow asks for steps between the epochs, too.
                batch = self._reader.at(self.batches.epoch, step)
            else:
                self._given += 1
                batch = next(self._pass)
        return tuple(batch[field] for field in self._tuple)

    def _end(self) -> None:
        """End the pass; where only the first of several batches was given, Keras has looked at it to build a model."""
        if self._pass is None:
            return
        self._pass.close()
        self._pass = None
        if self._given > 1 or self._given == len(self):
            self.batches.set_epoch(self.batches.epoch + 1)

    def on_epoch_begin(self) -> None:
        """Begin the reader's epoch."""
        with self._turn:
            self._end()
            self._given = 0
            # Made anew: between epochs batches of a listing may have gone over to its published clips.
            self._reader = self.batches.only(self._tuple)
            self._pass = self._reader.run(self.batches.epoch, 0)

    def on_epoch_end(self) -> None:
        """Go to the reader's next epoch; Keras also calls this before its first one."""
        with self._turn:
            self._end()


class KerasBatches(Epochs):
    """Epochs of batches whose fields are chosen; see `Epochs`.

    Args:
        batches: what is read.
        fields: in the order of the tuple: inputs, then targets, then sample weights; by default frames and labels, or
            images and masks.

    Raises:
        UsageError: epochs differ in their number of batches.
    """

    def __init__(self, batches: EpochReader, fields: tuple[str, ...]) -> None:
        super().__init__(batches, fields or _inputs_and_targets(batches))
        self.batches = batches
        _ = self.num_batches

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the batches; see `Batches.state_dict`."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; see `Batches.load_state_dict`."""
        self.batches.load_state_dict(state)


@cache
def also_epochs(reader: type[Reader]) -> type[Reader]:
    """Return the class of batches that Keras takes as they are: it asks for an instance of its own class.

    Args:
        reader: `Batches`, which is made before this module in the order of imports.
    """

    class BatchesAndEpochs(reader, Epochs):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **options: Any) -> None:
            reader.__init__(self, *args, **options)
            self._sent = tuple(self.__dict__)
            Epochs.__init__(self, self, _inputs_and_targets(self))

        @property
        def batches(self) -> EpochReader:  # type: ignore[override]
            """This reader itself."""
            return self

        def __reduce__(self) -> tuple[Any, ...]:
            # The process that it is sent to may have no Keras, and locks are not sent.
            return _alone, (reader, {name: self.__dict__[name] for name in self._sent})

    BatchesAndEpochs.__module__ = reader.__module__
    BatchesAndEpochs.__name__ = BatchesAndEpochs.__qualname__ = reader.__name__
    return BatchesAndEpochs


def _inputs_and_targets(batches: EpochReader) -> tuple[str, ...]:
    return ("image", "mask") if batches.clips.pairs else ("frames", "label")


def _alone(reader: type[Reader], attributes: dict[str, Any]) -> Reader:
    """Make a reader of its attributes."""
    made = object.__new__(reader)
    made.__dict__.update(attributes)
    return made
