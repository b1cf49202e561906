"""A recurrent network on consecutive windows: its state goes on from window to window and is reset where clips begin.

A clip of any length is read in steps of 8 frames, so memory does not grow with it. `batch["reset"]` says which rows
begin a clip. Gradients stay inside a step (truncated back-propagation through time). Keras, TensorFlow.

    python examples/stateful_recurrent.py --epochs 10
"""

from __future__ import annotations

import tensorflow as tf
from common import by_group, parse, report

import clipmill
from clipmill.reader import Chunks, Resize

FRAMES, UNITS = 8, 64


def make_model(classes: int, size: int) -> tf.keras.Model:
    """Map frames (clips, 8, size, size, 3) and a state (clips, units) to logits at its end, and a new state."""
    layers, ops = tf.keras.layers, tf.keras.ops
    frames, state = tf.keras.Input((FRAMES, size, size, 3)), tf.keras.Input((UNITS,))
    x = layers.Rescaling(1 / 127.5, offset=-1)(frames)
    # What changed since the frame before stands beside each frame; the first one has no such frame here.
    x = ops.concatenate([x[:, 1:], x[:, 1:] - x[:, :-1]], axis=-1)
    x = ops.reshape(x, (-1, size, size, 6))
    for filters, stride in ((16, 4), (32, 2), (32, 2)):
        x = layers.Conv2D(filters, 5, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = ops.reshape(x, (-1, FRAMES - 1, x.shape[1] * x.shape[2] * x.shape[3]))
    _, after = layers.GRU(UNITS, return_state=True, return_sequences=True)(x, initial_state=state)
    return tf.keras.Model([frames, state], [layers.Dense(classes)(after), after])


def main() -> None:
    arguments = parse(__doc__, epochs=10)
    size = 224 if arguments.full else 64
    data = clipmill.open(arguments.data)
    train, held_out = by_group(data)
    model = make_model(len(data.labels), size)
    optimizer = tf.keras.optimizers.Adam(2e-3)
    entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    fields = ("frames", "label", "length", "reset")

    @tf.function
    def learn(frames, label, length, reset, state):  # type: ignore[no-untyped-def]
        state *= tf.cast(~reset, tf.float32)[:, None]
        with tf.GradientTape() as tape:
            logits, after = model([frames, state], training=True)
            # Rows whose clip has ended are empty, and count nothing.
            loss = tf.reduce_mean(entropy(label, logits) * tf.cast(length > 0, tf.float32))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss, after

    batches = train.batches(
        Chunks(FRAMES, stride=2), augment=[Resize((size, size))], batch_size=16, shuffle=True, seed=0
    )
    for epoch in range(arguments.epochs):
        progress, state = tf.keras.utils.Progbar(len(batches), unit_name=f"step of epoch {epoch + 1}"), None
        for step, (frames, label, length, reset) in enumerate(batches.tf(*fields), 1):
            state = tf.zeros((len(label), UNITS)) if state is None or len(state) != len(label) else state
            loss, state = learn(frames, label, length, reset, state)
            progress.update(step, [("loss", float(loss))])

    true: list[int] = []
    taken: list[int] = []
    scores = state = None
    rows = held_out.batches(Chunks(FRAMES, stride=2), augment=[Resize((size, size))], batch_size=1)
    for frames, label, _, reset in rows.tf(*fields):
        if bool(reset[0]):
            true.append(int(label[0]))
            taken.append(0)
            scores, state = 0.0, tf.zeros((1, UNITS))
        logits, state = model([frames, state], training=False)
        scores += logits  # what is said after every step counts alike
        taken[-1] = int(tf.argmax(scores[0]))
    report(true, taken, data.labels, arguments.out / "stateful_recurrent.png")


if __name__ == "__main__":
    main()
