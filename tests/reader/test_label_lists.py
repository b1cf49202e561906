"""Reading clips that have lists of labels: batches are multi-hot, and so is what goes by classes."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.errors import UsageError
from clipmill.reader.clip_table import LabelLists, of_pairs
from clipmill.reader.sampling.samplers import FirstFrames


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    """30 clips of one or two of three classes, two of them of none."""
    path = tmp_path_factory.mktemp("several") / "out"
    return publish_miniature(path, clips=30, lengths=[5, 9], unlabelled=(4, 9), multi_label=True)


def wanted(mini: Miniature) -> dict[str, list[float]]:
    return {row["clip_id"]: [float(label in row["label_index"]) for label in range(3)] for row in mini.rows}


def test_labels_of_batches_are_multi_hot(several):
    data = clipmill.open(str(several.path))
    seen = {}
    for split in data.splits:
        batches = data[split].batches(FirstFrames(2), batch_size=4, shuffle=True)
        shape, dtype = batches.shapes()["label"]
        assert shape[1:] == (3,) and dtype == np.float32
        for batch in batches:
            assert batch["label"].shape == (len(batch["id"]), 3) and batch["label"].dtype == np.float32
            seen |= dict(zip(batch["id"].tolist(), batch["label"].tolist(), strict=True))
    assert seen == wanted(several)


def test_rows_without_a_clip_are_marked_by_their_length_alone(several):
    val = clipmill.open(str(several.path))["val"]
    for host in range(4):
        for batch in val.batches(FirstFrames(2), batch_size=8, hosts=(host, 4)):
            for name, label, length in zip(batch["id"], batch["label"], batch["length"], strict=True):
                assert length == 0 or label.tolist() == wanted(several)[name]


def test_the_listings_own_numbers_are_not_to_be_had(several):
    clips = clipmill.open(str(several.path)).all
    with pytest.raises(UsageError, match="field 'label_source': not one of frames, label"):
        clips.batches(FirstFrames(2), batch_size=2, fields=("frames", "label_source"))


def test_tensorflow_and_its_records_have_the_same_labels(several):
    pytest.importorskip("tensorflow")
    clips = clipmill.open(str(several.path)).all
    for path in ("indexed", "streaming"):
        shuffle = False if path == "indexed" else "shards"
        batches = clips.batches(FirstFrames(2), batch_size=5, shuffle=shuffle, path=path)
        found = {}
        for batch in itertools.islice(batches.tf().as_numpy_iterator(), len(batches)):
            assert batch["label"].dtype == np.float32
            found |= {name.decode(): label for name, label in zip(batch["id"], batch["label"].tolist(), strict=True)}
        assert found == wanted(several)


def test_a_random_cut_holds_its_share_of_every_class(several):
    rest, val = clipmill.open(str(several.path)).all.split(val=0.3, by="clip")
    assert len(rest) + len(val) == 30
    labels = wanted(several)
    for label in range(3):
        clips = sum(row[label] for row in labels.values())
        assert abs(sum(labels[name][label] for name in val.ids.to_pylist()) - 0.3 * clips) <= 2


def test_balanced_weights_go_by_the_rarest_class(tmp_path):
    several = publish_miniature(
        tmp_path / "out", clips=20, lengths=[5], labels=("a", "b", "c", "d", "e"), multi_label=True
    )
    clips = clipmill.open(str(several.path)).all
    batches = clips.batches(FirstFrames(1), batch_size=100, shuffle=True, weights="balanced", clips_per_epoch=20_000)
    counts = Counter(label for row in several.rows for label in row["label_index"])
    rarest = {row["clip_id"]: 1 / min(counts[label] for label in row["label_index"]) for row in several.rows}
    drawn = Counter(clips.ids.to_pylist()[clip] for clip in batches.planner.plan(0).sequence().tolist())
    for name, weight in rarest.items():
        assert drawn[name] / 20_000 == pytest.approx(weight / sum(rarest.values()), rel=0.15)


def test_a_mix_with_clips_of_one_label(several, tmp_path):
    one = publish_miniature(tmp_path / "one", labels=("diving", "rowing"), unlabelled=(1,))
    both = clipmill.mix(
        {"several": (clipmill.open(str(several.path)).all, 1), "one": (clipmill.open(str(one.path)).all, 1)}
    )
    assert both.labels == ["boxing", "diving", "juggling", "rowing"]
    places = {"boxing": 0, "diving": 1, "juggling": 2, "rowing": 3}
    batch = both.batches(FirstFrames(1), batch_size=60, shuffle=True).at(0, 0)
    for name, label, member in zip(batch["id"], batch["label"], batch["dataset"], strict=True):
        texts = (several, one)[member].records[name].label_text
        texts = [texts] if isinstance(texts, str) else texts
        assert np.flatnonzero(label).tolist() == sorted(places[text] for text in texts if text)


def test_captions_have_all_labels(several):
    clips = clipmill.open(str(several.path)).all
    texts = {row["clip_id"]: ", ".join(row["label_text"]) for row in several.rows}
    assert {name: clips.label_names(place) for place, name in enumerate(clips.ids.to_pylist())} == texts


def test_lists_are_taken_by_row():
    lists = LabelLists(np.array([3, 1, 2, 5], np.int32), np.array([0, 1, 1, 3, 4]))
    assert [lists.of(row).tolist() for row in range(4)] == [[3], [], [1, 2], [5]]
    places, labels = lists.pairs(np.array([2, 1, 0, 2]))
    assert (places.tolist(), labels.tolist()) == ([0, 0, 1, 2, 3, 3], [1, 2, -1, 3, 1, 2])
    taken = of_pairs(places[labels >= 0], labels[labels >= 0], 4)
    assert [taken.of(row).tolist() for row in range(4)] == [[1, 2], [], [3], [1, 2]]
