"""A CNN on each frame and an LSTM over them, trained by Keras, with a checkpoint from which training goes on exactly.

Stop it and start it again: it goes on with the epoch, the order of clips and the optimizer's state that it had.

    python examples/cnn_lstm.py --epochs 15
"""

from __future__ import annotations

import json

import tensorflow as tf
from common import by_group, parse, report

import clipmill
from clipmill.reader import CentreWindow, RandomWindow, Resize


def make_model(classes: int, frames: int, size: int, width: int) -> tf.keras.Model:
    """Map frames (clips, frames, size, size, 3) uint8 to logits."""
    layers, ops = tf.keras.layers, tf.keras.ops
    clip = tf.keras.Input((frames, size, size, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(clip)
    # What changed since the frame before, beside each frame: without it, small CNNs hardly see motion.
    x = ops.concatenate([x[:, 1:], x[:, 1:] - x[:, :-1]], axis=-1)
    x = ops.reshape(x, (-1, size, size, 6))
    for filters, stride in ((width, 4), (2 * width, 2), (2 * width, 2)):
        x = layers.Conv2D(filters, 5, stride, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    # The grid of places is kept: which way things move depends on where they are.
    x = ops.reshape(x, (-1, frames - 1, x.shape[1] * x.shape[2] * x.shape[3]))
    x = layers.LSTM(4 * width)(x)
    return tf.keras.Model(clip, layers.Dense(classes)(x))


def main() -> None:
    arguments = parse(__doc__, epochs=15)
    frames, size, width = (16, 224, 64) if arguments.full else (16, 64, 16)
    tf.keras.utils.set_random_seed(0)
    data = clipmill.open(arguments.data)
    train, held_out = by_group(data)
    augment = [Resize((size, size))]
    batches = train.batches(RandomWindow(frames, 2), augment=augment, batch_size=16, shuffle=True, seed=0)
    weights, place = arguments.out / "cnn_lstm.keras", arguments.out / "cnn_lstm.json"
    if place.exists():
        model = tf.keras.models.load_model(weights)
        batches.load_state_dict(json.loads(place.read_text()))
        print(f"going on at epoch {batches.epoch + 1}")
    else:
        model = make_model(len(data.labels), frames, size, width)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(tf.keras.optimizers.Adam(2e-3), loss, metrics=["accuracy"])

    def save(epoch: int, logs: dict[str, float]) -> None:
        model.save(weights)
        place.write_text(json.dumps(batches.state_dict()))

    saving = tf.keras.callbacks.LambdaCallback(on_epoch_end=save)
    if batches.epoch < arguments.epochs:
        ours = batches.tf("frames", "label")
        model.fit(ours, initial_epoch=batches.epoch, epochs=arguments.epochs, callbacks=[saving])

    true: list[int] = []
    taken: list[int] = []
    for clips, label, length in held_out.batches(CentreWindow(frames, 2), augment=augment, batch_size=16).tf(
        "frames", "label", "length"
    ):
        real = length > 0  # rows that fill up the last batch
        true += label[real].numpy().tolist()
        taken += tf.argmax(model(clips, training=False), axis=1)[real].numpy().tolist()
    report(true, taken, data.labels, arguments.out / "cnn_lstm.png")


if __name__ == "__main__":
    main()
