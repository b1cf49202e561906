"""Turning batches into a `keras.utils.PyDataset`, which `model.fit` takes on every backend of Keras."""

from __future__ import annotations

from typing import Any

from clipmill.errors import MissingExtra, UsageError
from clipmill.reader.frameworks.base import EpochReader

try:
    from keras.utils import PyDataset
except ImportError:
    raise MissingExtra("batches.keras", "tensorflow") from None

#: Threads of Keras that ask for batches: one is waited for while the next is made by the reader's own threads.
_ASKING = 2


class KerasBatches(PyDataset):  # type: ignore[misc]
    """Batches as tuples of arrays for `model.fit`, `evaluate` and `predict`: each epoch of Keras is one of the reader's.

    Keras may ask for the steps of an epoch in any order (`shuffle=True`, its default); each step has its own batch
    whatever the order. When Keras ends an epoch, the reader goes to the next one, so a state that is saved between
    two epochs continues there. A state in the middle of an epoch begins that epoch again: `Batches.tf` goes on in it.

    Args:
        batches: what is read.
        fields: in the order of the tuple: inputs, then targets, then sample weights.

    Raises:
        UsageError: epochs differ in their number of batches, which Keras asks for once.
    """

    def __init__(self, batches: EpochReader, fields: tuple[str, ...]) -> None:
        super().__init__(workers=_ASKING, max_queue_size=_ASKING)
        if not batches.planner.constant:
            raise UsageError(
                "batches.keras: these epochs differ in their number of batches, and Keras asks for it once; give it "
                "batches.tf(...), or use batch_size and no Chunks"
            )
        self.batches = batches
        self.fields = fields
        self._reader = batches.only(fields)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, step: int) -> tuple[Any, ...]:
        if not 0 <= step < len(self):
            raise IndexError(f"step {step}: an epoch has {len(self)}")
        batch = self._reader.at(self.batches.epoch, step)
        return tuple(batch[field] for field in self.fields)

    def on_epoch_end(self) -> None:
        """Go to the reader's next epoch."""
        self.batches.set_epoch(self.batches.epoch + 1)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the batches; see `Batches.state_dict`."""
        return self.batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a state; see `Batches.load_state_dict`."""
        self.batches.load_state_dict(state)
