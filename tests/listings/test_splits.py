"""Names of splits, and the random split."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from listed import Listed, touch, write

from clipmill.listings import assign_split
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
    assert assign_split(drawn, row("a", split="train", folds=("train", "test"))) == "val"


def test_groups_do_not_leak():
    options = ListingOptions(("l.csv",), splits=SHARES)
    of_group: dict[str, set[str]] = {}
    for number in range(3000):
        group = f"g{number % 300}"
        of_group.setdefault(group, set()).add(assign_split(options, row(f"c{number}", group)))
    assert all(len(splits) == 1 for splits in of_group.values())
    by_clip = msgspec.structs.replace(options, split_by="clip")
    assert len({assign_split(by_clip, row(f"c{number}", "one")) for number in range(100)}) == 3


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


def test_proportions():
    options = ListingOptions(("l.csv",), splits=SHARES)
    drawn = Counter(assign_split(options, row(f"clip {number}")) for number in range(20_000))
    # four standard deviations of a binomial
    assert abs(drawn["train"] - 16_000) < 4 * (20_000 * 0.8 * 0.2) ** 0.5
    assert abs(drawn["val"] - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5
    assert sum(drawn.values()) == 20_000


def test_splits_that_were_drawn_by_clip_are_no_contradiction():
    rows = [msgspec.structs.replace(row(name, split=name), video="a.avi") for name in ("train", "val")]
    kept, failures = unique_ranges(rows, drawn=True)
    assert ([each.clip_id for each in kept], [each.reason for each in failures]) == (["train"], ["duplicate"])
    kept, failures = unique_ranges(rows)
    assert (kept, [each.reason for each in failures]) == ([], ["bad_row", "bad_row"])


def test_a_share_of_zero_gets_nothing_and_shares_need_not_sum_to_one():
    options = ListingOptions(("l.csv",), splits={"train": 3.0, "val": 1.0, "test": 0.0})
    drawn = Counter(assign_split(options, row(f"{number}")) for number in range(4000))
    assert set(drawn) == {"train", "val"}
    assert 900 < drawn["val"] < 1100


def test_the_split_depends_on_the_seed_and_not_on_the_order_of_shares():
    one = ListingOptions(("l.csv",), splits=SHARES)
    turned = ListingOptions(("l.csv",), splits=dict(reversed(list(SHARES.items()))))
    other = ListingOptions(("l.csv",), splits=SHARES, seed=1)
    rows = [row(f"{number}") for number in range(300)]
    assert [assign_split(one, each) for each in rows] == [assign_split(turned, each) for each in rows]
    assert [assign_split(one, each) for each in rows] != [assign_split(other, each) for each in rows]


def test_the_random_split_is_pinned():
    # Changing this moves clips of published data sets between splits.
    options = ListingOptions(("l.csv",), splits=SHARES)
    drawn = "".join(assign_split(options, row(f"clip{n}"))[1] for n in range(40))
    assert drawn == "rearrarrrrrrrarrraerrarrrrrerrerrearrear"
