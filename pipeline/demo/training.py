"""Training two small models on the demo's motions: one sees frames in order, the other one frame at a time.

No single frame of these clips tells its class, so the second model can only guess. The first one learns the motions,
on clips of groups that it never saw: frames arrive in order, and with the right labels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import clipmill
from clipmill.reader import Batches, CentreCrop, CentreWindow, RandomWindow

# TensorFlow takes this at import; without it, a page of lines about graphics cards.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf

EPOCHS = 12
#: Frames of a window and frames from one to the next: 32 frames, most of a swing there and back.
_WINDOW, _STRIDE = 16, 2
#: Height and width of a frame in pixels.
_SIZE = 64
_BATCH = 16


class Scores(NamedTuple):
    """Shares of the held-out clips whose class is found, from 0 to 1, after an epoch.

    Attributes:
        in_order: by the model that sees frames in order.
        single: by the model that sees one frame at a time.
    """

    in_order: float
    single: float


def train(path: str) -> Iterator[Scores]:
    """Train on the split train and give the scores on val, epoch by epoch.

    Args:
        path: a data set of the demo's motions, with frames of at least 64 pixels a side.
    """
    tf.keras.utils.set_random_seed(0)
    data = clipmill.open(path)
    crop = CentreCrop(_SIZE)
    windows = data["train"].batches(
        RandomWindow(_WINDOW, _STRIDE), augment=[crop], batch_size=_BATCH, shuffle=True, seed=0
    )
    held_out = data["val"].batches(CentreWindow(_WINDOW, _STRIDE), augment=[crop], batch_size=_BATCH)
    models = (_in_order(len(data.labels)), _single_frames(len(data.labels)))
    for model in models:
        model.compile(tf.keras.optimizers.Adam(3e-3), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for _ in range(EPOCHS):
        for frames, label in windows.tf("frames", "label"):
            for model in models:
                model.train_on_batch(frames, label)
        yield Scores(*(_share_found(model, held_out) for model in models))


def _share_found(model: Any, held_out: Batches) -> float:
    found = clips = 0
    for frames, label, length in held_out.tf("frames", "label", "length"):
        real = length > 0  # rows that fill up the last batch have length 0
        right = tf.argmax(model(frames, training=False), axis=1) == label
        found += int(tf.reduce_sum(tf.cast(right & real, tf.int32)))
        clips += int(tf.reduce_sum(tf.cast(real, tf.int32)))
    return found / clips


def _in_order(classes: int) -> Any:
    """Make an R(2+1)D of three blocks on the differences of frames (Tran et al., arXiv:1711.11248).

    Its 3-D convolutions are factored into one in space and one in time, both of which TensorFlow runs fast
    without a graphics card. A grid of 4 x 4 places is kept before the dense layer: which way shapes move
    depends on where they are.
    """
    layers = tf.keras.layers
    frames = tf.keras.Input((_WINDOW, _SIZE, _SIZE, 3))
    x = layers.Rescaling(1 / 127.5)(frames)
    x = x[:, 1:] - x[:, :-1]
    for filters, size, stride in ((16, 5, 4), (32, 3, 2), (64, 3, 2)):
        x = _on_each_frame(layers.Conv2D(filters, size, stride, padding="same", activation="relu"), x)
        x = _over_time(layers.Conv2D(filters, (3, 1), (1 if size == 5 else 2, 1), padding="same", use_bias=False), x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.3)(layers.Flatten()(tf.keras.ops.mean(x, axis=1)))
    return tf.keras.Model(frames, layers.Dense(classes)(x))


def _single_frames(classes: int) -> Any:
    """Make a network of the same size on one frame; what it says of every fourth frame of a window is averaged."""
    layers = tf.keras.layers
    frames = tf.keras.Input((_WINDOW, _SIZE, _SIZE, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(frames[:, ::4])
    for filters, size, stride in ((16, 5, 4), (32, 3, 2), (64, 3, 2)):
        x = _on_each_frame(layers.Conv2D(filters, size, stride, padding="same", use_bias=False), x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Dropout(0.3)(layers.Reshape((_WINDOW // 4, -1))(x))
    return tf.keras.Model(frames, tf.keras.ops.mean(layers.Dense(classes)(x), axis=1))


def _on_each_frame(layer: Any, x: Any) -> Any:
    """Apply a layer to (rows, columns, channels) of each frame, all at once."""
    _, frames, *size = x.shape
    made = layer(tf.keras.ops.reshape(x, (-1, *size)))
    return tf.keras.ops.reshape(made, (-1, frames, *made.shape[1:]))


def _over_time(layer: Any, x: Any) -> Any:
    """Apply a layer to (frames, places, channels)."""
    _, frames, rows, columns, channels = x.shape
    made = layer(tf.keras.ops.reshape(x, (-1, frames, rows * columns, channels)))
    return tf.keras.ops.reshape(made, (-1, made.shape[1], rows, columns, made.shape[-1]))
