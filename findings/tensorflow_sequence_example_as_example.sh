#!/usr/bin/env bash
# TensorFlow 2.21's parse_example reads SequenceExample records without a complaint, and finds every frame missing.
# Input: one SequenceExample with a label in its context and three frames in a feature list.
# Expected: an error, for the record is of another type.
# Seen: `label` is read, `image/encoded` comes as an empty list: context and features have the same field number, and the
# feature lists are an unknown field. The other way round, an Example parses as a SequenceExample that is all context.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uv==0.13.9
venv/bin/uv pip install --quiet --python venv/bin/python \
    tensorflow==2.21.0 numpy==2.4.6
export TF_CPP_MIN_LOG_LEVEL=3

venv/bin/python - <<'PYTHON'
import tensorflow as tf

sequence = tf.train.SequenceExample()
sequence.context.feature["label"].int64_list.value.append(7)
for frame in (b"one", b"two", b"three"):
    sequence.feature_lists.feature_list["image/encoded"].feature.add().bytes_list.value.append(frame)
example = tf.train.Example()
example.features.feature["label"].int64_list.value.append(8)

parsed = tf.io.parse_single_example(
    sequence.SerializeToString(),
    {"label": tf.io.FixedLenFeature([], tf.int64), "image/encoded": tf.io.RaggedFeature(tf.string)},
)
context, lists = tf.io.parse_single_sequence_example(
    example.SerializeToString(),
    {"label": tf.io.FixedLenFeature([], tf.int64)},
    {"image/encoded": tf.io.RaggedFeature(tf.string)},
)
print("TensorFlow", tf.__version__, "(expected of both: an error)")
print("a SequenceExample read as Example: label", int(parsed["label"]), "frames", parsed["image/encoded"].numpy().tolist())
print("an Example read as SequenceExample: label", int(context["label"]), "frames", lists["image/encoded"].to_list())
same = int(parsed["label"]) == 7 and parsed["image/encoded"].shape == 0 and int(context["label"]) == 8
raise SystemExit(0 if same else "the behaviour has changed")
PYTHON
