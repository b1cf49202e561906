"""Names of splits, and the random split."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed import Listed, touch, write

from clipmill.listings import assign_split, draw_splits, lacking, strata
from clipmill.listings.splits import split_name, split_of_file
from clipmill.messages import ClipRow
from clipmill.options import ListingOptions
from clipmill.sources.duplicates import unique_ranges

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def row(clip_id, group=None, split="", folds=()):
    return ClipRow(clip_id, clip_id, split, "x", None, group, None, None, folds, "l.csv", 1, {})


def test_split_names():
    names = ["validate", "Validation", "valid", "DEV", "training", " testing ", "val", "extra", "val-unseen", ""]
    assert [split_name(name) for name in names] == [
        *("val", "val", "val", "val", "train", "test", "val", "extra", "val_unseen", "")
    ]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.csv", "train"),
        ("k400/val_list.txt", "val"),
        ("kinetics-400_val.csv", "val"),
        ("kinetics_600_validate.csv", "val"),
        ("trainlist01.txt", "train"),
        ("hmdb51_test_split_1_videos.txt", "test"),
        ("testing.jsonl", "test"),
        ("trainval.csv", ""),
        ("train_val.csv", ""),
        ("latest.csv", ""),
        ("contest_entries.csv", ""),
        ("test/mine.csv", ""),
        ("development.csv", ""),
    ],
)
def test_split_from_a_file_name(name, split):
    assert split_of_file(name) == split


def test_where_a_split_comes_from():
    options = ListingOptions(("l.csv",), fold=2)
    assert assign_split(options, row("a")) == "train"
    assert assign_split(options, row("a", split="val")) == "val"
    assert assign_split(options, row("a", folds=("train", "test"))) == "test"
    assert assign_split(options, row("a", folds=("train", ""))) == "unused"
    drawn = msgspec.structs.replace(options, splits={"val": 1.0})
    assert split_of(drawn, [row("a", split="train", folds=("train", "test"))]) == ["val"]


def split_of(options: ListingOptions, rows: list[ClipRow]) -> list[str]:
    counted = Counter(who for each in rows for who in strata(options, each))
    cuts = draw_splits(options, ((*who, clips) for who, clips in counted.items()))
    return [assign_split(options, each, cuts) for each in rows]


def in_groups(sizes: dict[str, list[int]]) -> list[ClipRow]:
    """Rows of classes whose groups have these sizes."""
    return [
        msgspec.structs.replace(row(f"{label}{group}_{clip}", f"{label} {group}"), label=label)
        for label, groups in sizes.items()
        for group, size in enumerate(groups)
        for clip in range(size)
    ]


def test_groups_do_not_leak():
    options = ListingOptions(("l.csv",), splits=SHARES)
    rows = [msgspec.structs.replace(row(f"c{n}", f"g{n % 300}"), label="ab"[n % 7 == 0]) for n in range(3000)]
    of_group: dict[str, set[str]] = {}
    for each, split in zip(rows, split_of(options, rows), strict=True):
        of_group.setdefault(each.group, set()).add(split)
    assert all(len(splits) == 1 for splits in of_group.values())
    by_clip = msgspec.structs.replace(options, split_by="clip")
    assert len(set(split_of(by_clip, [row(f"c{number}", "one") for number in range(100)]))) == 3


@pytest.mark.parametrize(
    ("shares", "groups", "found"),
    [
        ({"train": 0.8, "val": 0.2}, [2] * 5, {"train": 8, "val": 2}),
        ({"train": 0.7, "val": 0.15, "test": 0.15}, [1] * 25, {"train": 17, "val": 4, "test": 4}),
        ({"train": 0.7, "val": 0.15, "test": 0.15}, [1] * 5, {"train": 3, "val": 1, "test": 1}),
        ({"train": 0.8, "val": 0.2}, [5, 5], {"train": 5, "val": 5}),
        ({"train": 0.8, "val": 0.2}, [5], {"train": 5}),
        ({"train": 3.0, "val": 1.0, "test": 0.0}, [1] * 8, {"train": 6, "val": 2}),
    ],
)
def test_shares_hold_inside_every_class(shares, groups, found):
    rows = in_groups({label: groups for label in "abcde"})
    drawn = split_of(ListingOptions(("l.csv",), splits=shares), rows)
    for label in "abcde":
        assert Counter(split for each, split in zip(rows, drawn, strict=True) if each.label == label) == found


@given(st.data())
def test_shares_are_met_to_a_group_and_a_clip_moves_no_other_class(data):
    sizes = {label: data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=12)) for label in "ab"}
    options = ListingOptions(("l.csv",), splits={"train": 0.6, "val": 0.4}, seed=data.draw(st.integers(0, 9)))
    rows = in_groups(sizes)
    before = dict(zip([each.clip_id for each in rows], split_of(options, rows), strict=True))
    for label, groups in sizes.items():
        clips = [split for name, split in before.items() if name.startswith(label)]
        assert abs(clips.count("val") - 0.4 * len(clips)) <= max(groups)
    gone = data.draw(st.sampled_from(rows))
    left = [each for each in rows if each != gone]
    moved = [each for each, split in zip(left, split_of(options, left), strict=True) if split != before[each.clip_id]]
    assert {each.label for each in moved} <= {gone.label} and len({each.group for each in moved}) <= 1


def test_the_split_depends_on_the_seed_and_on_no_order():
    one = ListingOptions(("l.csv",), splits=SHARES)
    turned = ListingOptions(("l.csv",), splits=dict(reversed(list(SHARES.items()))))
    other = ListingOptions(("l.csv",), splits=SHARES, seed=1)
    rows = [row(f"{number}") for number in range(300)]
    assert split_of(one, rows) == split_of(turned, rows) == split_of(one, rows[::-1])[::-1]
    assert split_of(one, rows) != split_of(other, rows)


def test_the_random_split_is_pinned():
    # Changing this moves clips of published data sets between splits.
    options = ListingOptions(("l.csv",), splits=SHARES)
    drawn = "".join(split[1] for split in split_of(options, [row(f"clip{n}") for n in range(40)]))
    assert drawn == "rarrrarrrrrrrrrrraerrrrrrrrerrarrerrrerr"


def test_a_class_that_a_split_must_lack_is_said():
    options = ListingOptions(("l.csv",), splits={"train": 0.8, "val": 0.2})
    counted = Counter(who for each in in_groups({"a": [3], "b": [2] * 5}) for who in strata(options, each))
    cuts = draw_splits(options, ((*who, clips) for who, clips in counted.items()))
    assert lacking(options, cuts) == {"val": ["a"]}


def test_clips_of_one_source_do_not_part(tmp_path):
    rows = "".join(f"{n}.mp4,whole,,\n{n}.mp4,a,0,3\n{n}.mp4,b,4,6\n" for n in range(100))
    read = Listed(write(tmp_path / "l.csv", "path,label,start,end\n" + rows), splits={"train": 0.5, "val": 0.5})
    found: dict[str, set[str]] = {}
    for clip in read.clips:
        found.setdefault(clip.video, set()).add(read.splits()[clip.clip_id])
    assert sorted(map(len, found.values())) == [1] * 100
    assert set.union(*found.values()) == {"train", "val"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.txt", "{} 0\n{} 1\n"),
        ("l.csv", "path,label\n{},a\n{},b\n"),
        ("l.jsonl", '{{"path": "{}"}}\n{{"path": "{}", "start": 1}}\n'),
    ],
)
def test_the_group_of_names_as_ucf_writes_them(tmp_path, name, text):
    folder = "HandstandPushups"
    names = f"{folder}/v_HandStandPushups_g01_c01.avi", f"{folder}/v_HandStandPushups_g01_c02.avi"
    read = Listed(write(tmp_path / name, text.format(*names)))
    tree = Listed(touch(tmp_path / "UCF-101", *names))
    assert [clip.group for clip in read.clips] == [clip.group for clip in tree.clips] == ["v_HandstandPushups_g01"] * 2
    others = "x/v_X_g01.avi", "x/my_v_X_g01_c01.avi"
    assert [clip.group for clip in Listed(write(tmp_path / "l.txt", "{} 0\n{} 1\n".format(*others))).clips] == [
        None
    ] * 2
    own = write(tmp_path / "l.csv", f"path,group\n{names[0]},mine\n")
    assert [clip.group for clip in Listed(own).clips] == ["mine"]


def test_splits_that_were_drawn_by_clip_are_no_contradiction():
    rows = [msgspec.structs.replace(row(name, split=name), video="a.avi") for name in ("train", "val")]
    kept, failures = unique_ranges(rows, drawn=True)
    assert ([each.clip_id for each in kept], [each.reason for each in failures]) == (["train"], ["duplicate"])
    kept, failures = unique_ranges(rows)
    assert (kept, [each.reason for each in failures]) == ([], ["bad_row", "bad_row"])
