#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: a shorter first pass over a tf.data.Dataset shortens later epochs of `fit`.
# Input: a dataset of unknown cardinality whose first pass gives 3 batches and every later one 6, as a reader gives that
# goes on in the middle of an epoch.
# Expected: epochs of 3, 6, 6, 6, 6 steps, since a pass ends where its data end.
# Seen: 3, 4, 4, 4, 4: Keras takes the steps that it asked for in the first epoch, the vain one included, as the length of
# the data set. Each later epoch is the first 4 batches of a new pass, and a third of the data is never trained on.
# With a known cardinality of 6 (`assert_cardinality` is refused for a short pass; `repeat().take(6)` is not) it is right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    tensorflow==2.21.0 keras==3.15.1 numpy==2.3.5

TF_CPP_MIN_LOG_LEVEL=3 venv/bin/python -W ignore - <<'PYTHON'
import keras
import tensorflow as tf

print("keras", keras.__version__, "tensorflow", tf.__version__)


class Steps(keras.callbacks.Callback):
    """Counts the steps of each epoch."""

    def __init__(self):
        super().__init__()
        self.counts = []

    def on_epoch_begin(self, epoch, logs=None):
        self.counts.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.counts[-1] += 1


passes = []


def one_pass():
    """Three batches, and six from the second pass on."""
    passes.append(0)
    for _ in range(3 if len(passes) == 1 else 6):
        passes[-1] += 1
        yield tf.ones((2, 4)), tf.ones((2, 1))


spec = (tf.TensorSpec((2, 4)), tf.TensorSpec((2, 1)))
dataset = tf.data.Dataset.from_generator(one_pass, output_signature=spec)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
steps = Steps()
model.fit(dataset, epochs=5, verbose=0, callbacks=[steps])
print("steps of each epoch: expected [3, 6, 6, 6, 6], got", steps.counts)
raise SystemExit(0 if steps.counts[0] == 3 and max(steps.counts[1:]) < 6 else "the behaviour has changed")
PYTHON
