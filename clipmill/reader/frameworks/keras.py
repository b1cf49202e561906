"""Turning batches into a `keras.utils.PyDataset`, which `model.fit` takes on every backend of Keras."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from clipmill.errors import MissingExtra, UsageError
from clipmill.reader.frameworks.base import EpochReader
from clipmill.reader.loading.batch_arrays import Arrays

try:
    from keras.utils import PyDataset
except ImportError:
    raise MissingExtra("batches.keras", "tensorflow") from None


class KerasBatches(PyDataset):  # type: ignore[misc]
    """Batches as tuples of arrays for `model.fit`, `evaluate` and `predict`: an epoch of Keras is one of the reader's.

    Within an epoch of Keras the batches come in the reader's own order, whatever `shuffle` Keras was given, and are
    made ahead by the reader's threads. When Keras ends an epoch the reader goes to the next one, so a state that is
    saved between two epochs continues there. A state in the middle of an epoch begins that epoch again: `Batches.tf`
    goes on in it, and `Batches.tf(...).repeat()` is what Keras needs for its `steps_per_epoch`.

    Args:
        batches: what is read.
        fields: in the order of the tuple: inputs, then targets, then sample weights.

    Raises:
        UsageError: epochs differ in their number of batches, which Keras asks for once.
    """

    def __init__(self, batches: EpochReader, fields: tuple[str, ...]) -> None:
        super().__init__()
        if not batches.planner.constant:
            raise UsageError(
                "batches.keras: these epochs differ in their number of batches, and Keras asks for it once; give it "
                "batches.tf(...), or use batch_size and no Chunks"
            )
        self.batches = batches
        self.fields = fields
        self._reader = batches.only(fields)
        self._pass: Generator[Arrays, None, None] | None = None
        self._given = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> tuple[Any, ...]:
        if not 0 <= step < len(self):
            raise IndexError(f"step {step}: an epoch has {len(self)}")
        # Before its first epoch Keras looks at the first steps, to learn what they hold.
        batch = self._reader.at(self.batches.epoch, step) if self._pass is None else self._next(self._pass)
        return tuple(batch[field] for field in self.fields)

    def _next(self, going: Generator[Arrays, None, None]) -> Arrays:
        self._given += 1
        return next(going)

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
        self._end()
        self._given = 0
        self._pass = self._reader.run(self.batches.epoch, 0)

    def on_epoch_end(self) -> None:
        """Go to the reader's next epoch; Keras also calls this before its first one."""
        self._end()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the batches; see `Batches.state_dict`."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; see `Batches.load_state_dict`."""
        self.batches.load_state_dict(state)
