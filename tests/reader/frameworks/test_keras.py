"""Keras takes batches as its own kind of data set: whole epochs, each step once, validation as long as it is."""

from __future__ import annotations

import pickle
import sys
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


@pytest.mark.parametrize(("shuffle", "direct"), [(True, True), (False, True), (True, False)])
def test_a_model_is_fitted_on_whole_epochs(
    data: Dataset, shuffle: bool, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = data["train"].batches(RandomWindow(2), augment=[RandomCrop(8)], batch_size=4, shuffle=True)
    held_out = data["val"].batches(CentreWindow(2), augment=[RandomCrop(8)], batch_size=5)
    seen = _Seen(batches)
    given, steps = batches if direct else batches.keras(), []
    validation = held_out if direct else held_out.keras()
    run = Batches.run

    def noted(reader: Batches, epoch: int, step: int, **ahead: Any) -> Any:
        for batch in run(reader, epoch, step, **ahead):
            steps.extend([(epoch, int(batch["step"]))] if reader.clips is batches.clips else [])
            yield batch

    monkeypatch.setattr(Batches, "run", noted)
    small_model().fit(given, validation_data=validation, epochs=3, verbose=0, callbacks=[seen], shuffle=shuffle)
    assert seen.steps == [len(batches)] * 3 == [7, 7, 7]
    assert seen.validated == [len(held_out)] * 3 == [3, 3, 3]
    assert seen.places == [(1, 0), (2, 0), (3, 0)]
    # On TensorFlow Keras looks at two batches before, on other backends at one or none, to learn what they hold.
    assert steps[-21:] == [(epoch, step) for epoch in range(3) for step in range(7)]
    assert steps[:-21] in ([], [(0, 0)], [(0, 0), (0, 1)])


def test_batches_are_evaluated_and_predicted_as_they_are(data: Dataset) -> None:
    def batches(**options: Any) -> Batches:
        return data["val"].batches(CentreWindow(2), augment=[RandomCrop(8)], batch_size=5, **options)

    model = small_model()
    found, expected = model.predict(batches(workers=1), verbose=0), model.predict(batches().keras("frames"), verbose=0)
    assert np.array_equal(found, expected) and len(found) == len(data["val"])
    assert model.evaluate(batches(), verbose=0) == pytest.approx(model.evaluate(batches().keras(), verbose=0))


def test_a_pass_that_keras_left_in_the_middle_is_none_of_the_next(data: Dataset) -> None:
    batches = data["train"].batches(RandomWindow(2), augment=[RandomCrop(8)], batch_size=4, shuffle=True)
    held_out = data["val"].batches(CentreWindow(2), augment=[RandomCrop(8)], batch_size=5)
    model, seen = small_model(), _Seen(batches)
    model.fit(batches, validation_data=held_out, validation_steps=2, epochs=2, verbose=0, callbacks=[seen])
    assert seen.validated == [2, 2] and seen.places == [(1, 0), (2, 0)]
    model.fit(batches, steps_per_epoch=3, validation_data=held_out, verbose=0, callbacks=[seen])
    assert seen.steps == [7, 7, 3] and seen.validated[-1] == 3
    with pytest.warns(UserWarning, match="ran out of data"):  # as Keras does with 7 steps of any data set of its own
        model.fit(batches, steps_per_epoch=5, epochs=3, verbose=0, callbacks=[seen])
    assert seen.steps[3:] == [5, 2, 5]
    place = batches.epoch
    model.fit(batches, verbose=0, callbacks=[seen])
    assert seen.steps[-1] == 7 and batches.epoch > place


def test_batches_are_otherwise_as_they_are_without_keras(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def batches() -> Batches:
        return data["train"].batches(RandomWindow(2), batch_size=4, shuffle=True)

    beside = batches()
    sent = pickle.loads(pickle.dumps(beside))
    monkeypatch.delitem(sys.modules, "keras.utils")
    without = batches()
    assert isinstance(beside, Batches) and isinstance(beside, keras.utils.PyDataset)
    assert type(sent) is type(without) is Batches and repr(beside) == repr(sent) == repr(without)
    for a, b, c in zip(beside, sent, without, strict=True):
        assert a.keys() == c.keys() and all(np.array_equal(a[field], c[field]) for field in c)
        assert b["id"].tolist() == c["id"].tolist()


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
        with pytest.raises(UsageError, match=r"differ in their number of batches.* batches\.tf"):
            small_model().fit(data["train"].batches(shuffle=True, **options))


def test_without_keras_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, data: Dataset) -> None:
    monkeypatch.setitem(sys.modules, "keras.utils", None)
    monkeypatch.delitem(sys.modules, "clipmill.reader.frameworks.keras", raising=False)
    monkeypatch.delattr(sys.modules["clipmill.reader.frameworks"], "keras", raising=False)
    with pytest.raises(MissingExtra, match=r"pip install 'clipmill\[tensorflow\]'"):
        data["train"].batches(CentreWindow(2), batch_size=2).keras()


def test_batches_that_are_older_than_keras_say_what_to_do(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before:
        before.delitem(sys.modules, "keras.utils")
        batches = data["train"].batches(CentreWindow(2), augment=[RandomCrop(8)], batch_size=4)
    with pytest.raises(ValueError, match=r"takes batches made after `import keras`, or batches\.keras\(\)"):
        small_model().fit(batches)
