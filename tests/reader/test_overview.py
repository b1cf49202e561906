"""What a notebook draws: data sets, splits, mixes, clips and batches as HTML, with nothing fetched and all escaped."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from miniature import Miniature, publish_miniature

import clipmill
from clipmill.reader import Dataset, FirstFrames, Normalise, markup
from clipmill.reader.overview import clips_of_classes

EVIL = '<script>alert("x")</script>&amp;'


class Page(HTMLParser):
    """Collects a page's tags, addresses, cells by row, and alternative texts; every tag must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.alts: list[str] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        found = dict(attrs)
        self.sources += [str(found[name]) for name in ("src", "href") if name in found]
        if tag == "img":
            self.alts.append(found.get("alt") or "")
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
        if tag != "img":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def drawn(thing: Any) -> Page:
    page = Page(thing._repr_html_())
    assert not page.tags & {"script", "link", "iframe", "style"}
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert all(page.alts)
    return page


def picture(source: str) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(base64.b64decode(source.partition(",")[2]), np.uint8), cv2.IMREAD_COLOR)


def test_a_data_set_shows_its_splits_classes_and_a_picture(data: Dataset, mini: Miniature) -> None:
    page = drawn(data)
    by_name = {row[0]: row[1:] for row in page.rows}
    for split in ("train", "val"):
        lengths = sorted(row["frames"] for row in mini.rows if row["split"] == split)
        cells = by_name[split]
        assert cells[:2] == [str(len(lengths)), str(sum(lengths))]
        assert (cells[3], cells[5], cells[6]) == (str(lengths[0]), str(lengths[-1]), "64x48")
    assert by_name["class"] == ["train", "val"]
    for label in data.labels:
        counts = [
            sum(row["label_text"] == label and row["split"] == split for row in mini.rows) for split in ("train", "val")
        ]
        assert by_name[label] == list(map(str, counts))
    assert "no label" in by_name
    (source,) = page.sources
    assert picture(source).shape[0] == markup.HEIGHT and "diving" in page.alts[0]


def test_splits_mixes_and_empty_sets(data: Dataset) -> None:
    assert drawn(data["val"]).rows[1][:2] == ["val", "13"]
    mixed = clipmill.mix({"a": (data["val"], 1), "b": (data["train"], 1)})
    assert drawn(mixed).rows[1][:2] == ["clips", "40"] and drawn(mixed).sources
    assert drawn(data["val"][:0]).sources == []


def test_batches_show_their_fields_and_the_coming_clips(data: Dataset) -> None:
    batches = data["train"].batches(FirstFrames(3), batch_size=6, shuffle=True, views=2)
    page = drawn(batches)
    fields = {row[0]: row[1:] for row in page.rows[1:]}
    assert fields["frames"] == ["?x2x3x48x64x3", "uint8"] and fields["label"] == ["?", "int64"]
    ids = batches.at(0, 0)["id"].tolist()
    assert [alt.split(":")[0] for alt in page.alts] == ids[:4] and (batches.epoch, batches.step) == (0, 0)
    next(iter(batches))
    assert [alt.split(":")[0] for alt in drawn(batches).alts] == batches.at(0, 1)["id"].tolist()[:4]
    assert drawn(data["train"].batches(FirstFrames(2), augment=[Normalise()], batch_size=2)).sources
    assert drawn(data["train"].batches(FirstFrames(2), batch_size=2, decode=False)).sources == []


def test_names_are_escaped(tmp_path: Path) -> None:
    publish_miniature(tmp_path, clips=4, labels=[EVIL, "b"])
    data = clipmill.open(str(tmp_path))
    for thing in (data, data["train"], data["train"][0], data["train"].batches(batch_size=1)):
        page = drawn(thing)
        assert EVIL in " ".join(page.alts)
    assert EVIL in [row[0] for row in drawn(data).rows]


def test_a_damaged_shard_leaves_the_tables(tmp_path: Path) -> None:
    publish_miniature(tmp_path, clips=4)
    data = clipmill.open(str(tmp_path))
    for shard in (tmp_path / "shards").glob("*.frames"):
        shard.unlink()
    for thing in (data, data["train"].batches(FirstFrames(2), batch_size=2)):
        html = thing._repr_html_()
        assert "no picture: " in html and re.search("<table", html) and "<img" not in html


def test_of_many_classes_the_smallest_stand_in_the_table(tmp_path: Path) -> None:
    names = [f"class {number:02d}" for number in range(40)]
    publish_miniature(tmp_path, clips=79, lengths=[1], labels=names, sizes=[(16, 16)], clips_per_shard=40)
    data = clipmill.open(str(tmp_path))
    assert clips_of_classes(data.all) == {name: 2 if name != "class 39" else 1 for name in names}
    page = drawn(data)
    table = page.rows[[row[0] for row in page.rows].index("class") + 1 :]
    assert len(table) == 30 and table[0][0] == "class 39"
    assert "details" in page.tags


@pytest.mark.parametrize("length, most, expected", [(1, 8, [0]), (9, 3, [0, 4, 8]), (4, 8, [0, 1, 2, 3])])
def test_evenly(length: int, most: int, expected: list[int]) -> None:
    assert markup.evenly(length, most) == expected


def test_a_strip_puts_frames_of_any_size_beside_each_other() -> None:
    frames = [np.full((48, 64, 3), 10, np.uint8), np.full((200, 100, 3), 200, np.uint8)]
    made = markup.strip(frames, 50)
    assert made.shape == (50, 67 + 3 + 25, 3) and made.dtype == np.uint8
    assert (made[:, :67] == 10).all() and (made[:, 70:] == 200).all()
