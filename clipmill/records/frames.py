"""`frames`: an Example with `frames` and flat scalars, as hand-written input pipelines expect."""

from __future__ import annotations

from clipmill.records.column_types import read_columns
from clipmill.records.columns import column_fields
from clipmill.records.example import ExampleSchema
from clipmill.records.fields import FLOAT, INT, INTS, LABEL, LABELS, SECONDS, TEXT, TEXTS, Field


class FramesSchema(ExampleSchema):
    """JPEGs in `frames`, and num_frames, height, width, channels, class_label, class_text, filename."""

    def __init__(self, name: str, multi_label: bool, declared: str = "") -> None:
        fields = (
            Field("num_frames", "num_frames", INT),
            Field("height", "height", INT),
            Field("width", "width", INT),
            Field("channels", "channels", INT),
            Field("class_label", "label_index", LABELS if multi_label else LABEL),
            Field("class_text", "label_text", TEXTS if multi_label else TEXT),
            Field("filename", "source", TEXT),
            Field("id", "clip_id", TEXT),
            Field("dataset", "dataset", TEXT),
            Field("start", "start", SECONDS),
            Field("end", "end", SECONDS),
            Field("fps", "fps", FLOAT),
            Field("timestamps", "timestamps", INTS),
            Field("frame_index", "frame_index", INTS),
        )
        columns = read_columns(declared)
        further = column_fields(columns, [*(field.key for field in fields), "frames"], {})
        super().__init__(name, 1, (*fields, *further), frames="frames", columns=columns)
