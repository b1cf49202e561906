"""`mediaseq`: a SequenceExample with the keys of DMVR, MediaPipe and the TensorFlow Model Garden.

Keys: https://github.com/google-ai-edge/mediapipe/tree/master/mediapipe/util/sequence and
https://github.com/google-deepmind/dmvr. Both names of the label's text are written.
"""

from __future__ import annotations

from clipmill.records.column_types import read_columns
from clipmill.records.columns import column_fields
from clipmill.records.fields import FLOAT, INT, INTS, LABELS, SECONDS, TEXT, TEXTS, Field
from clipmill.records.sequence_example import SequenceExampleSchema


class MediaSequenceSchema(SequenceExampleSchema):
    """Opens with DMVR and the Model Garden; times are int64 microseconds, and left out where there is none."""

    def __init__(self, name: str, multi_label: bool, declared: str = "") -> None:
        text = TEXTS if multi_label else TEXT
        context = (
            Field("example/id", "clip_id", TEXT),
            Field("example/dataset_name", "dataset", TEXT),
            Field("clip/data_path", "source", TEXT),
            Field("clip/media_id", "clip_id", TEXT),
            Field("clip/label/index", "label_index", LABELS if multi_label else INT),
            Field("clip/label/text", "label_text", text),
            Field("clip/label/string", "label_text", text),
            Field("clip/start/timestamp", "start", SECONDS),
            Field("clip/end/timestamp", "end", SECONDS),
            Field("image/format", "format", TEXT),
            Field("image/channels", "channels", INT),
            Field("image/colorspace", "colorspace", TEXT),
            Field("image/height", "height", INT),
            Field("image/width", "width", INT),
            Field("image/frame_rate", "fps", FLOAT),
        )
        lists = (
            Field("image/timestamp", "timestamps", INTS),
            # Known to no other reader; in the same form as the timestamps.
            Field("image/frame_index", "frame_index", INTS),
        )
        constants = {"format": "JPEG", "colorspace": "RGB"}
        # Where the listing has captions they are always there, as DMVR wants them.
        columns = {"caption": "text", **read_columns(declared)}
        further = column_fields(columns, (), {"caption": "caption/string"}, other="clip/column/")
        super().__init__(
            name, 1, (*context, *further), lists, frames="image/encoded", constants=constants, columns=columns
        )
