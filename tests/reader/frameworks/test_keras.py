"""Keras takes batches as its own kind of data set: whole epochs, each step once, validation as long as it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from clipmill.errors import MissingExtra, UsageError
from clipmill.reader import Batches, CentreWindow, Chunks, Dataset, RandomCrop, RandomWindow

pytestmark = pytest.mark.tensorflow
keras = pytest.importorskip("keras")


class _Seen(keras.callbacks.Callback):
    """Counts the steps of training and of validation, and keeps where the reader stood after each epoch."""

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self.batches = batches
        self.steps: list[int] = []
        self.validated: list[int] = []
        self.places: list[tuple[int, int]] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.steps.append(0)
        self.validated.append(0)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.steps[-1] += 1

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.validated[-1] += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.places.append((self.batches.epoch, self.batches.step))


def small_model() -> Any:
    model = keras.Sequential(
        [keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False)]
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_model_is_fitted_on_whole_epochs(data: Dataset, shuffle: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = data["train"].batches(RandomWindow(2), augment=[RandomCrop(8)], batch_size=4, shuffle=True)
    held_out = data["val"].batches(CentreWindow(2), augment=[RandomCrop(8)], batch_size=5)
    seen = _Seen(batches)
    given, steps = batches.keras(), []
    run = given._reader.run

    def noted(epoch: int, step: int, **ahead: Any) -> Any:
        for batch in run(epoch, step, **ahead):
            steps.append((epoch, int(batch["step"])))
            yield batch

    monkeypatch.setattr(given._reader, "run", noted)
    small_model().fit(given, validation_data=held_out.keras(), epochs=3, verbose=0, callbacks=[seen], shuffle=shuffle)
    assert seen.steps == [len(batches)] * 3 == [7, 7, 7]
    assert seen.validated == [len(held_out)] * 3 == [3, 3, 3]
    assert seen.places == [(1, 0), (2, 0), (3, 0)]
    # Keras looks at two batches before, to learn what they hold.
    assert steps == [(0, 0), (0, 1), *((epoch, step) for epoch in range(3) for step in range(7))]


def test_a_look_at_the_first_batch_is_no_epoch(data: Dataset) -> None:
    """As Keras on JAX and PyTorch does to build a model; it ends an epoch before the first one begins, too."""
    batches = data["train"].batches(CentreWindow(2), batch_size=4, shuffle=True)
    given = batches.keras()
    given.on_epoch_end()
    given.on_epoch_begin()
    looked = given[0]
    given.on_epoch_end()
    assert batches.epoch == 0
    given.on_epoch_begin()
    assert np.array_equal(given[5][0], looked[0])  # the reader's order, whatever Keras asks for
    for step in range(6):
        last = given[step]
    given.on_epoch_end()
    assert batches.epoch == 1 and np.array_equal(last[0], batches.at(0, 6)["frames"])


def test_prediction_is_in_the_order_of_the_clips(data: Dataset) -> None:
    batches = data["val"].batches(CentreWindow(1), augment=[RandomCrop(8)], batch_size=5)
    model = small_model()
    found = model.predict(batches.keras("frames"), verbose=0)
    expected = np.concatenate([model.predict_on_batch(batch["frames"]) for batch in batches.run(0, 0)])
    assert np.allclose(found, expected) and len(found) == len(data["val"])


def test_steps_hold_the_fields_asked_for(data: Dataset) -> None:
    batches = data["train"].batches(CentreWindow(2), batch_size=4)
    frames, label = batches.keras()[3]
    expected = batches.at(0, 3)
    assert np.array_equal(frames, expected["frames"]) and np.array_equal(label, expected["label"])
    (names,) = batches.keras("id")[6]
    assert names.tolist() == batches.at(0, 6)["id"].tolist()
    with pytest.raises(IndexError, match="step 7: an epoch has 7"):
        batches.keras()[7]
    with pytest.raises(UsageError, match="field 'video'"):
        batches.keras("video")


def test_a_state_between_epochs_goes_on_with_the_next(data: Dataset) -> None:
    def reader() -> Batches:
        return data["train"].batches(RandomWindow(2), augment=[RandomCrop(8)], batch_size=4, shuffle=True)

    first = reader().keras()
    small_model().fit(first, epochs=2, verbose=0)
    later = reader().keras()
    later.load_state_dict(first.state_dict())
    assert later.batches.epoch == 2
    assert np.array_equal(later[0][0], reader().at(2, 0)["frames"])


def test_epochs_of_unlike_length_are_refused(data: Dataset) -> None:
    for options in ({"max_frames_per_batch": 60}, {"sampler": Chunks(4), "batch_size": 4}):
        with pytest.raises(UsageError, match=r"differ in their number of batches.* batches\.tf"):
            data["train"].batches(shuffle=True, **options).keras()


def test_without_keras_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "keras.utils", None)
    monkeypatch.delitem(sys.modules, "clipmill.reader.frameworks.keras", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'clipmill\[tensorflow\]'"):
        data["train"].batches(CentreWindow(2), batch_size=2).keras()


def test_what_is_no_data_set_of_keras_says_how_to_make_one(data: Dataset) -> None:
    batches = data["train"].batches(CentreWindow(2), augment=[RandomCrop(8)], batch_size=4)
    with pytest.raises(ValueError, match=r"frameworks take batches\.keras\(\)"):
        small_model().fit(batches)
