"""Shards as others write them: the messages by protobuf itself, with whatever stands around the frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import google_crc32c
from miniature import draw_frame, encode
from protos import protobuf_classes

from clipmill.records.tfrecord import after, before

EXAMPLE, SEQUENCE = protobuf_classes()


class Made(NamedTuple):
    """A clip that others stored: its number is in its frames' pixels."""

    number: int
    name: str
    label: int
    text: str
    frames: list[bytes]


def clips(count: int, lengths: Iterable[int] = (5, 1, 9), first: int = 0, quality: int = 90) -> list[Made]:
    """Clips of unlike length; every second one is upright."""
    lengths = list(lengths)
    made = []
    for number in range(first, first + count):
        size = (64, 48) if number % 2 else (48, 64)
        frames = [encode(draw_frame(number, n, *size), quality) for n in range(lengths[number % len(lengths)])]
        label = number % 3
        made.append(Made(number, f"clip {number}", label, ("archery", "bowling", "diving")[label], frames))
    return made


def _fill(feature: Any, values: list[Any]) -> None:
    kind = {bytes: feature.bytes_list, int: feature.int64_list, float: feature.float_list}[type(values[0])]
    kind.value.extend(values)


def example(features: dict[str, list[Any]]) -> bytes:
    """A tf.train.Example."""
    message = EXAMPLE()
    for key, values in features.items():
        _fill(message.features.feature[key], values)
    return message.SerializeToString()


def sequence_example(context: dict[str, list[Any]], lists: dict[str, list[list[Any]]]) -> bytes:
    """A tf.train.SequenceExample."""
    message = SEQUENCE()
    for key, values in context.items():
        _fill(message.context.feature[key], values)
    for key, steps in lists.items():
        for values in steps:
            _fill(message.feature_lists.feature_list[key].feature.add(), values)
    return message.SerializeToString()


def kinetics(clip: Made) -> bytes:
    """A list of JPEGs in one feature; others stand before and behind it."""
    return example(
        {
            "zz_audio": [b"wave" * 100],
            "video": clip.frames,
            "label": [clip.label],
            "class_text": [clip.text.encode()],
            "id": [clip.name.encode()],
            "aa": [1.5],
        }
    )


def dmvr(clip: Made) -> bytes:
    """One Feature a frame, with times of their own and a list behind them."""
    return sequence_example(
        {
            "example/id": [clip.name.encode()],
            "clip/label/index": [clip.label],
            "clip/label/text": [clip.text.encode()],
            "clip/data_path": [f"{clip.name}.mp4".encode()],
            "image/frame_rate": [12.5],
        },
        {
            "image/encoded": [[frame] for frame in clip.frames],
            "image/timestamp": [[1_000_000 + 80_000 * n] for n in range(len(clip.frames))],
            "zz/floats": [[0.5, 0.25]] * 3,
        },
    )


def numbered(clip: Made) -> bytes:
    """One feature a frame; a map's order is nobody's."""
    keys = {f"frames/{n + 1:04d}": [frame] for n, frame in enumerate(clip.frames)}
    return example({"label": [clip.label], **dict(reversed(keys.items())), "label_text": [clip.text.encode()]})


def write_shard(path: Path, made: Iterable[Made], record: Callable[[Made], bytes]) -> list[tuple[int, int]]:
    """Write a TFRecord file; returns offset and length of each record, framing included."""
    places, data = [], bytearray()
    for clip in made:
        payload = record(clip)
        places.append((len(data), len(payload) + 16))
        data += before(len(payload)) + payload + after(google_crc32c.value(payload))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return places
