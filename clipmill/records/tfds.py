"""`tfds`, the default: an Example with `video` and `label`, a drop-in for TFDS's ucf101."""

from __future__ import annotations

from clipmill.records.column_types import read_columns
from clipmill.records.columns import column_fields
from clipmill.records.example import ExampleSchema
from clipmill.records.fields import FLOAT, INT, INTS, LABEL, LABELS, SECONDS, TEXT, TEXTS, Field


class TfdsSchema(ExampleSchema):
    """Opens with `tfds.builder_from_directory`; times are int64 microseconds, -1 for none."""

    def __init__(self, name: str, multi_label: bool, declared: str = "") -> None:
        fields = (
            Field("id", "clip_id", TEXT),
            Field("source", "source", TEXT),
            Field("dataset", "dataset", TEXT),
            Field("label", "label_index", LABELS if multi_label else LABEL),
            Field("label_text", "label_text", TEXTS if multi_label else TEXT),
            Field("start", "start", SECONDS),
            Field("end", "end", SECONDS),
            Field("fps", "fps", FLOAT),
            Field("height", "height", INT),
            Field("width", "width", INT),
            Field("num_frames", "num_frames", INT),
            Field("timestamp", "timestamps", INTS),
            Field("frame_index", "frame_index", INTS),
        )
        columns = read_columns(declared)
        further = column_fields(columns, [*(field.key for field in fields), "video"], {})
        super().__init__(name, 1, (*fields, *further), frames="video", columns=columns)
