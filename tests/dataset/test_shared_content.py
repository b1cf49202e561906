"""Clips that show the same frames, in two splits or under two labels."""

from __future__ import annotations

import io
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commanding import clipmill
from footage import write_film, x264
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature import publish_miniature

from clipmill.dataset.clip_table import clip_schema
from clipmill.dataset.shared_content import find_shared_content
from clipmill.layout import CLIPS, version_path
from clipmill.storage import open_storage


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """A version whose clip table any other takes the place of: (storage, name)."""
    mini = publish_miniature(tmp_path_factory.mktemp("mini"), clips=1)
    return open_storage(str(mini.path)), mini.version


def row(number, split="train", label=0, file="f", frames="d", start=None, end=None, trimmed=None):
    known = {
        "clip_id": f"c{number}",
        "split": split,
        "label_index": label,
        "label_text": f"l{label}"[: 3 * (label >= 0)],
    }
    return known | {"fingerprint": file, "digest": frames, "start": start, "end": end, "trimmed": trimmed}


def shared(version, rows, *, multi_label=False, **how):
    storage, name = version
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, clip_schema(multi_label=multi_label)), out)
    storage.put(version_path(name, CLIPS), out.getvalue())
    found = find_shared_content(storage, name, **how)
    return [
        [tuple(map(str, pair.clips)) for pair in kind.pairs] for kind in (found.in_two_splits, found.under_two_labels)
    ]


def test_what_shares_frames(version):
    whole = [row(0, frames="a"), row(1, "val", frames="b")]
    assert shared(version, whole) == [[("c1", "c0")], []], "one file whole, sampled in two ways"
    assert shared(version, [row(0), row(1, "val", file="g")]) == [[("c1", "c0")], []], "the same frames of two files"
    assert shared(version, [row(0), row(1, "val")]) == [[("c1", "c0")], []], "both: one pair"
    assert shared(version, [row(0), row(1, "val", file="g", frames="e")]) == [[], []]
    assert shared(version, [row(0), row(1, label=1)]) == [[], [("c1", "c0")]]
    assert shared(version, [row(0), row(1, "val", label=1)]) == [[("c1", "c0")], [("c1", "c0")]]
    assert shared(version, [row(0), row(1, label=-1)]) == [[], []], "no label is no other label"
    assert shared(version, [row(0), row(1, "unused")]) == [[], []], "nobody trains or tests on those"


def test_lists_of_labels_are_one_label_or_another(version):
    def of(number, *labels):
        return row(number) | {"label_index": labels, "label_text": [f"l{label}" for label in labels]}

    assert shared(version, [of(0, 1, 2), of(1, 1, 2), of(2)], multi_label=True) == [[], []]
    assert shared(version, [of(0, 1, 2), of(1, 1)], multi_label=True) == [[], [("c1", "c0")]]


def test_parts_of_one_file_that_touch_share_nothing(version):
    touching = [row(0, frames="a", start=0, end=5, trimmed=False), row(1, "val", 1, "f", "b", 5, 9, False)]
    assert shared(version, touching) == [[], []]
    over = [row(0, frames="a", start=0, end=5, trimmed=False), row(1, "val", 1, "f", "b", 4.9, 9, False)]
    assert shared(version, over) == [[("c1", "c0")], []], "one action may begin before another ends"
    cut = [row(0, frames="a", start=0, end=5, trimmed=True), row(1, "val", 0, "f", "b", 5, 9, True)]
    assert shared(version, cut) == [[("c1", "c0")], []], "a cut file under two times is there whole, twice"
    open_end = [row(0, frames="a", start=2, trimmed=False), row(1, "val", 0, "f", "b", 90, 95, False)]
    assert shared(version, open_end) == [[("c1", "c0")], []]


def test_only_so_many_are_named(version):
    rows = [row(number, "val" if number else "train") for number in range(6)]
    storage, name = version
    assert len(shared(version, rows)[0]) == 5
    assert len(shared(version, rows, most=2)[0]) == 2
    found = find_shared_content(storage, name, 2).in_two_splits
    assert found.clips == 5
    assert (found.pairs[0].splits, found.pairs[0].labels) == (("val", "train"), ("l0", "l0"))


CLIPS_OF_FEW = st.lists(
    st.tuples(
        st.sampled_from("tvu"), st.sampled_from([-1, 0, 1]), st.sampled_from("fg"), st.integers(0, 9), st.integers(1, 9)
    )
)


@settings(max_examples=60, deadline=None)
@given(clips=CLIPS_OF_FEW, most=st.sampled_from([None, 1]))
def test_a_clip_is_named_where_another_shares_its_frames_and_never_else(version, clips, most):
    names = {"t": "train", "v": "val", "u": "unused"}
    rows = [
        row(number, names[split], label, file, f"{file}{start}{length}", start, start + length, False)
        for number, (split, label, file, start, length) in enumerate(clips)
    ]

    def share(one, other):
        return one["fingerprint"] == other["fingerprint"] and max(one["start"], other["start"]) < min(
            one["end"], other["end"]
        )

    def leak(one, other):
        return share(one, other) and one["split"] != other["split"] and "unused" not in (one["split"], other["split"])

    def relabelled(one, other):
        return one["digest"] == other["digest"] and -1 != one["label_index"] != other["label_index"] != -1

    found = shared(version, rows)
    by_id = {known["clip_id"]: known for known in rows}
    for pairs, wrong in zip(found, (leak, relabelled), strict=True):
        assert all(wrong(by_id[one], by_id[other]) for one, other in pairs)
        assert len({one for one, _ in pairs}) == len(pairs)
        assert bool(pairs) == any(wrong(one, other) for one in rows for other in rows)
    # Without the clips that are named, nothing is shared any more.
    for pairs, wrong in zip(found, (leak, relabelled), strict=True):
        kept = [known for known in rows if known["clip_id"] not in {one for one, _ in pairs}]
        assert not any(wrong(one, other) for one in kept for other in kept)


def test_build_verify_and_inspect_name_both_ids(tmp_path):
    """One video under two names: in two splits, and in two classes."""
    for name, frames in [("a", 10), ("b", 12)]:
        write_film(tmp_path / f"{name}.mp4", frames, options=x264())
        shutil.copy(tmp_path / f"{name}.mp4", tmp_path / f"copy_of_{name}.mp4")
    rows = ["a.mp4,run,train", "copy_of_a.mp4,run,test", "b.mp4,walk,train", "copy_of_b.mp4,jump,train"]
    (tmp_path / "l.csv").write_text("\n".join(["path,label,split", *rows, ""]))
    out = tmp_path / "out"
    words = ("build", tmp_path / "l.csv", "--out", out, "--workers", 1)

    refused = clipmill(*words, "--strict-splits")
    assert refused.code == 1
    message = "clips in two splits share frames, 1 in all, as copy_of_a (test) and a (train): nothing is published"
    assert message in refused.err.splitlines()[-1]
    assert not (out / "CURRENT").exists()

    said, verified, inspected = clipmill(*words), clipmill("verify", out), clipmill("inspect", out)
    assert (said.code, verified.code, inspected.code) == (0, 0, 0)
    for text in (said.out, verified.err, inspected.out):
        assert "warning: 1 clip shares frames with another split, as copy_of_a (test) and a (train)" in text
        assert "warning: 1 clip has the frames of another class, as copy_of_b (jump) and b (walk)" in text

    again = clipmill(*words, "--strict-splits", "--json")
    assert again.code == 1, "what is published already is held to it as well"
    for found in (again.json, clipmill("verify", out, "--json").json, clipmill("inspect", out, "--json").json):
        assert found["shared"]["in_two_splits"]["pairs"][0]["clips"] == ["copy_of_a", "a"]
        assert found["shared"]["under_two_labels"]["pairs"][0]["labels"] == ["jump", "walk"]
    assert clipmill("verify", out, "--strict-splits").code == 1
    assert clipmill("verify", out, "--strict-splits", "--json").code == 1
