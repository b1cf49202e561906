"""A clip to serialize, and the records' messages as protobuf itself reads them."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from clipmill.records.base import ClipRecord

NAMES = ["tfds", "frames", "mediaseq"]

CLIP = ClipRecord(
    clip_id="v_Biking_g07_c02",
    source="Biking/v_Biking_g07_c02.avi",
    dataset="ucf",
    label_index=10,
    label_text="Biking",
    start=1.25,
    end=2.5,
    fps=25.0,
    width=320,
    height=240,
    timestamps=[0, 40_000, 80_000],
    frame_index=[0, 2, 4],
)
FRAMES = [b"\xff\xd8 one \xff\xd9", b"\xff\xd8" + bytes(300) + b"\xff\xd9", b"\xff\xd8 three \0\0"]


def protobuf_classes():
    """Example and SequenceExample of protobuf itself, from the messages' definitions."""
    file = descriptor_pb2.FileDescriptorProto(name="example.proto", package="t", syntax="proto3")
    field = descriptor_pb2.FieldDescriptorProto
    repeated, message = field.LABEL_REPEATED, field.TYPE_MESSAGE

    def define(name, *fields, parent=None):
        added = (parent.nested_type if parent else file.message_type).add(name=name)
        for number, (key, kind, label, type_name) in enumerate(fields, 1):
            added.field.add(name=key, number=number, type=kind, label=label, type_name=type_name)
        return added

    for name, kind in (("Bytes", field.TYPE_BYTES), ("Float", field.TYPE_FLOAT), ("Int64", field.TYPE_INT64)):
        define(f"{name}List", ("value", kind, repeated, None))
    lists = [(f"{n.lower()}_list", message, field.LABEL_OPTIONAL, f".t.{n}List") for n in ("Bytes", "Float", "Int64")]
    feature = define("Feature", *lists)
    feature.oneof_decl.add(name="kind")
    for item in feature.field:
        item.oneof_index = 0
    define("FeatureList", ("feature", message, repeated, ".t.Feature"))
    for name, key, value in (("Features", "feature", "Feature"), ("FeatureLists", "feature_list", "FeatureList")):
        entry = "".join(word.title() for word in key.split("_")) + "Entry"
        owner = define(name, (key, message, repeated, f".t.{name}.{entry}"))
        entry_message = define(
            entry,
            ("key", field.TYPE_STRING, field.LABEL_OPTIONAL, None),
            ("value", message, field.LABEL_OPTIONAL, f".t.{value}"),
            parent=owner,
        )
        entry_message.options.map_entry = True
    define("Example", ("features", message, field.LABEL_OPTIONAL, ".t.Features"))
    define(
        "SequenceExample",
        ("context", message, field.LABEL_OPTIONAL, ".t.Features"),
        ("feature_lists", message, field.LABEL_OPTIONAL, ".t.FeatureLists"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return [
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"t.{n}")) for n in ("Example", "SequenceExample")
    ]


Example, SequenceExample = protobuf_classes()


def serialize(schema, clip, frames):
    head = schema.head(clip, [len(frame) for frame in frames])
    return head + b"".join(schema.prefix(len(frame)) + frame for frame in frames)
