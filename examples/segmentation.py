"""A small U-Net on images with masks, trained by Keras, with a checkpoint from which training goes on exactly.

Stop it and start it again: it goes on with the epoch, the order of pairs and the optimizer's state that it had. Without
--data it draws scenes of discs and squares. Pascal VOC, whose value 255 (a border between objects) counts nothing:

    clipmill build VOC2012/ --format voc --schema pairs --out voc
    python examples/segmentation.py --data voc --full --epochs 60
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from common import by_group, parse
from PIL import Image

import clipmill
from clipmill.reader import ClipSet, ColourJitter, HorizontalFlip, RandomResizedCrop, Resize
from clipmill.reader.contact_sheet import png

IGNORED = 255
#: VOC's palette: bits 0, 3 and 6 of a class are the highest three of its red, the next ones those of green and blue.
COLOURS = np.array([[sum((n >> 3 * bit + c & 1) << 7 - bit for bit in range(3)) for c in range(3)] for n in range(256)])


def make_scenes(folder: Path) -> str:
    """Draw 160 images of a disc (1) and a square (2) on noise, four of each scene; returns the data set's path."""
    (folder / "scenes").mkdir(exist_ok=True)
    rows, columns = np.mgrid[:64, :64]
    lines = ["path,mask,group"]
    for number in range(160):
        scene, draw = np.random.default_rng(number // 4), np.random.default_rng([7, number])
        mask = np.zeros((64, 64), np.uint8)
        (y, x), radius = draw.integers(12, 52, 2), draw.integers(7, 13)
        mask[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = 1
        (y, x), side = draw.integers(0, 44, 2), draw.integers(10, 20)
        mask[y : y + side, x : x + side] = 2
        # Each thing has the colour of its scene, so shapes tell them apart and colours do not.
        image = scene.integers(30, 226, (3, 3))[mask] + draw.normal(0, 12, (64, 64, 1))
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / f"scenes/{number}.png")
        Image.fromarray(mask).save(folder / f"scenes/{number}_mask.png")
        lines.append(f"{number}.png,{number}_mask.png,{number // 4}")
    (folder / "scenes/pairs.csv").write_text("\n".join([*lines, ""]))
    out = str(folder / "pairs")
    clipmill.build(str(folder / "scenes/pairs.csv"), out=out, schema="pairs", encoding="png")
    return out


def make_model(classes: int, size: int, width: int) -> tf.keras.Model:
    """Map images (pairs, size, size, 3) uint8 to logits of each pixel: a U-Net (Ronneberger et al., 2015)."""
    layers = tf.keras.layers

    def block(x: tf.Tensor, filters: int) -> tf.Tensor:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        return x

    image = tf.keras.Input((size, size, 3))
    x, passed = layers.Rescaling(1 / 127.5, offset=-1)(image), []
    for level in range(3):
        passed.append(block(x, width << level))
        x = layers.MaxPooling2D()(passed[-1])
    x = block(x, width << 3)
    for level in (2, 1, 0):
        x = layers.Conv2DTranspose(width << level, 2, 2)(x)
        x = block(layers.Concatenate()([x, passed[level]]), width << level)
    return tf.keras.Model(image, layers.Conv2D(classes, 1)(x))


def highest(pairs: ClipSet) -> int:
    """Return the highest class in the masks."""
    batches = pairs.batches(batch_size=1, fields=["mask"])
    return max(int(batch["mask"][batch["mask"] != IGNORED].max(initial=0)) for batch in batches)


def evaluate(model: tf.keras.Model, held_out: ClipSet, size: int, classes: int, picture: Path) -> None:
    """Print the mean intersection over union of classes; draw images, masks and what the model takes for them."""
    counts = np.zeros((classes, classes), np.int64)
    drawn = []
    for image, mask, ids in held_out.batches(augment=[Resize((size, size))], batch_size=8).tf("image", "mask", "id"):
        taken = tf.argmax(model(image, training=False), axis=-1).numpy()
        for pixels, true, found, name in zip(image.numpy(), mask.numpy(), taken, ids.numpy(), strict=True):
            if not name:  # a row that fills up the last batch
                continue
            known = true != IGNORED
            counts += np.bincount(classes * true[known] + found[known], minlength=classes**2).reshape(classes, classes)
            drawn.append(np.concatenate([pixels, COLOURS[true], COLOURS[found]], axis=1).astype(np.uint8))
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    picture.write_bytes(png(np.concatenate(drawn[:8])))
    share = np.mean(counts.diagonal()[union > 0] / union[union > 0])
    background = counts[0].sum() / counts.sum() / np.count_nonzero(union)  # where all is said to be background
    print(f"held out: {len(held_out)} pairs, chance {background:.2f}, mean IoU {share:.2f} -> {picture}")


def main() -> None:
    arguments = parse(__doc__, epochs=20, make=make_scenes)
    size, width = (256, 32) if arguments.full else (64, 8)
    tf.keras.utils.set_random_seed(0)
    train, held_out = by_group(clipmill.open(arguments.data))
    augment = [RandomResizedCrop((size, size), scale=(0.5, 1)), HorizontalFlip(), ColourJitter(0.2)]
    batches = train.batches(augment=augment, batch_size=8, shuffle=True, seed=0)
    weights, place = arguments.out / "segmentation.keras", arguments.out / "segmentation.json"
    if place.exists():
        model = tf.keras.models.load_model(weights)
        batches.load_state_dict(json.loads(place.read_text()))
        print(f"going on at epoch {batches.epoch + 1}")
    else:
        model = make_model(highest(train) + 1, size, width)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED)
        model.compile(tf.keras.optimizers.Adam(2e-3), loss)

    def save(epoch: int, logs: dict[str, float]) -> None:
        model.save(weights)
        place.write_text(json.dumps(batches.state_dict()))

    saving = tf.keras.callbacks.LambdaCallback(on_epoch_end=save)
    if batches.epoch < arguments.epochs:
        pairs = batches.tf("image", "mask")
        model.fit(pairs, initial_epoch=batches.epoch, epochs=arguments.epochs, callbacks=[saving])
    evaluate(model, held_out, size, model.output_shape[-1], arguments.out / "segmentation.png")


if __name__ == "__main__":
    main()
