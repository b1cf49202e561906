#!/usr/bin/env bash
# Keras 3.15.1 on JAX: `fit` begins and ends a PyDataset's epoch once more than it trains, and with steps_per_epoch makes
# every second epoch shorter.
# Input: a PyDataset of 7 batches that writes down its hooks, given to `fit` for two epochs; then the same for three
# epochs with steps_per_epoch=5.
# Expected: begin, end, begin, end; three epochs of 5 steps.
# Seen: begin and end come three times, the first for a batch by which the optimizer is built, so a data set that counts its
# epochs there is one ahead; the epochs have 5, 2 and 5 steps, and a warning says that the input ran out of data.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    keras==3.15.1 jax==0.10.2

KERAS_BACKEND=jax venv/bin/python - <<'PYTHON'
from importlib.metadata import version

import keras
import numpy as np


class Batches(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.hooks = []

    def __len__(self):
        return 7

    def __getitem__(self, step):
        return np.ones((2, 3), "float32"), np.ones((2, 1), "float32")

    def on_epoch_begin(self):
        self.hooks.append("begin")

    def on_epoch_end(self):
        self.hooks.append("end")


class Steps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.steps = []

    def on_epoch_begin(self, epoch, logs=None):
        self.steps.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.steps[-1] += 1


model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
two, three, steps = Batches(), Batches(), Steps()
model.fit(two, epochs=2, verbose=0)
model.fit(three, epochs=3, steps_per_epoch=5, verbose=0, callbacks=[steps])
print("keras", version("keras"), "jax", version("jax"))
print("hooks: expected begin end begin end, got", *two.hooks)
print("steps: expected 5 5 5, got", *steps.steps)
as_described = two.hooks == ["begin", "end"] * 3 and steps.steps == [5, 2, 5]
raise SystemExit(0 if as_described else "the behaviour has changed")
PYTHON
