"""The report of a data set: what it says is what is published, all of it is in the page, and all is escaped."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from commanding import built, clipmill, refused
from miniature import publish_miniature
from plain_build import write_videos
from scenery import publish_frames, scenery

import clipmill as clipmill_package
from clipmill.leaks.find import find_leaks
from clipmill.pipeline.page import blocks
from clipmill.pipeline.page.orders import through_buffer
from clipmill.pipeline.page.plots import COLORS
from clipmill.pipeline.page.report import report
from clipmill.reader.evenness import unevenness

#: Elements that have no end.
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Collects what a test asks of a page; every element must be closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.language: str | None = None
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.alts: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.sections: dict[str, str] = {}
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = self._section = ""
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        if tag == "html":
            self.language = found.get("lang")
        self.ids += [str(found["id"])] if "id" in found else []
        self.addresses += [str(found[name]) for name in ("src", "href", "xlink:href", "action") if name in found]
        if tag == "img":
            self.alts.append(found.get("alt") or "")
        if found.get("role") == "img":
            self.alts.append(found.get("aria-label") or "")
        if tag == "section":
            self._section = str(found["aria-labelledby"])
            self.sections[self._section] = ""
        if tag == "table":
            self._rows = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th"):
            self._rows[-1].append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        if self._open[-1] == "caption":
            self._caption = data
        if self._open[-1] in ("td", "th"):
            self._rows[-1][-1] += data
        if self._section:
            self.sections[self._section] += data


def contrast(one: str, other: str) -> float:
    """The ratio of luminances, as WCAG 2.2 defines it."""

    def luminance(color: str) -> float:
        color = color.strip("#")
        color = color if len(color) == 6 else "".join(2 * digit for digit in color)
        values = [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two builds of a folder: six clips, then eight, one of them twice; one broken, one cut; in two splits."""
    folder = tmp_path_factory.mktemp("nights")
    videos, out = folder / "videos", folder / "out"
    words = (videos, "--out", out, "--workers", 1, "--split", "train=0.6,val=0.4", "--split-by", "clip", "--yes")
    write_videos(videos, {f"{label}/{number}": 4 + number for label in ("run", "walk") for number in range(3)})
    built(*words)
    write_videos(videos, {"walk/8": 12})
    (videos / "run" / "same.avi").write_bytes((videos / "walk" / "8.avi").read_bytes())
    (videos / "walk" / "broken.avi").write_bytes(b"no video")
    (videos / "walk" / "cut.avi").write_bytes((videos / "walk" / "8.avi").read_bytes()[:-900])
    built(*words, "--max-failures", 2)
    return out


@pytest.fixture(scope="module")
def page(nights: Path) -> Page:
    return Page(report(str(nights)))


def numbers(cells: list[str]) -> list[int]:
    return [int(re.sub(r"[ ,].*", "", cell)) for cell in cells]


def test_a_page_holds_all_that_it_shows(page: Page) -> None:
    assert not set(page.tags) & {"script", "link", "iframe", "object", "embed", "form"}
    outside = [address for address in page.addresses if not address.startswith(("#", "data:image/"))]
    assert outside == []
    inside = {address[1:] for address in page.addresses if address.startswith("#")}
    assert inside <= set(page.ids) and len(set(page.ids)) == len(page.ids)
    assert page.alts and all(page.alts)


def test_a_page_has_a_language_and_headings_in_order(page: Page) -> None:
    assert page.language == "en"
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(next_ <= level + 1 for level, next_ in pairwise(levels))


def test_text_and_marks_stand_out_from_their_ground() -> None:
    styles = (Path(blocks.__file__).parent / "page.html").read_text()
    for ground in re.findall(r"--ground: (#\w+)", styles):
        palette = next(row for row in re.findall(r":root \{(.*?)\}", styles) if f"--ground: {ground}" in row)
        for ink in re.findall(r"--(?:ink|faint|link): (#\w+)", palette):
            assert contrast(ink, ground) >= 4.5  # WCAG 2.2, 1.4.3: text
        for color in COLORS:
            assert contrast(color, ground) >= 3 or ground == "#fff"  # 1.4.11: what is drawn
    assert len(re.findall("--ground:", styles)) == 3  # light, dark, print


def test_sources_are_looked_at_and_their_first_frames_measured(page: Page) -> None:
    assert page.tables["codecs and pixel formats of files"][1] == ["mpeg4, yuv420p", "8", "100 %"]
    assert page.tables["sizes of files' frames"][1][0] == page.tables["sizes of stored frames"][1][0]
    least, most = map(float, re.findall(r"has ([\d.]+) dB to ([\d.]+) dB", page.sections["bytes"])[0])
    assert 40 <= least <= most
    assert "the first frame of 8 clips" in page.sections["bytes"]


def test_a_failed_video_shows_its_first_frame(page: Page) -> None:
    assert "first frames of videos that failed" in page.sections["failures"]
    assert "walk/cut.avi: truncated" in page.sections["failures"]


def test_without_the_sources_the_page_says_so(nights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(nights, out)
    for run in out.glob("runs/*/run.json"):
        run.write_text(run.read_text().replace(str(nights.parent / "videos"), str(tmp_path / "gone")))
    sections = Page(report(str(out))).sections
    assert "are not where they were" in sections["sources"]
    assert "Measured" not in sections["bytes"]


def test_splits_and_classes_are_counted(page: Page) -> None:
    splits = page.tables["splits"][1:]
    assert sum(int(row[1]) for row in splits) == 8 and [row[0] for row in splits] == ["train", "val"]
    (classes,) = (rows for caption, rows in page.tables.items() if caption.startswith("clips and share of the class"))
    assert classes[0] == ["class", "all", "train", "val"]
    for name, *cells in classes[1:]:
        whole, train, val = numbers(cells)
        assert whole == train + val and (name, whole) in (("run", 4), ("walk", 4))
    asked = dict(page.tables["asked"][1:])
    assert asked["records"] == "tfds" and asked["rows of the listing"] == "10"


def test_lengths_sizes_failures_and_versions_are_told(page: Page) -> None:
    lengths = {row[0]: row[1:] for caption, rows in page.tables.items() if "lengths" in caption for row in rows}
    assert min(int(row[0]) for name, row in lengths.items() if name != "split") == 4
    assert max(int(row[-1]) for name, row in lengths.items() if name != "split") == 12
    assert page.tables["kinds of files"][1] == [".avi", "8", "100 %"]
    (failures,) = (rows for caption, rows in page.tables.items() if caption.startswith("up to three rows"))
    assert failures[1][:3] == ["not_a_video", "1", "walk/broken.avi"]
    (versions,) = (rows for caption, rows in page.tables.items() if caption.startswith("clips and shards that changed"))
    assert len(versions) == 3 and versions[1][2] == "6" and versions[2][2] == "2" and "(current)" in versions[2][0]
    assert "1 clip with all the frames of a clip of another class" in page.sections["shared"]


def test_clips_are_shown_and_what_is_new_among_them(page: Page) -> None:
    assert "new since" in page.sections["sheets"] and "2 clips in all" in page.sections["sheets"]
    pictures = [address for address in page.addresses if address.startswith("data:image/jpeg")]
    # Random, shortest, longest: 8 each; 2 new; 3 of each of two classes; the first frame of one that failed.
    assert len(pictures) == 8 + 8 + 8 + 2 + 6 + 1


def test_padding_and_shuffles_are_measured(page: Page) -> None:
    (padding,) = (rows for caption, rows in page.tables.items() if caption.startswith("empty frames"))
    assert [row[0] for row in padding[1:]] == ["shuffled", "shuffled, by_length=True"]
    orders = page.tables["unevenness of orders"]
    assert orders[1][0] == "no shuffle" and orders[-1][0] == "shuffle=True"


def test_the_command_says_where_the_page_is(nights: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    ran = clipmill("report", nights, "--html", file)
    assert ran.code == 0 and re.fullmatch(rf"-> {file} \(\d+ kB\)\n", ran.out)
    assert Page(file.read_text()).sections.keys() >= {"made", "classes", "sheets", "versions"}
    assert clipmill("report", nights, "--html", file, "--json").json == {
        "html": str(file),
        "bytes": file.stat().st_size,
    }
    assert "no published data set here" in refused("report", tmp_path / "nowhere")


def test_names_are_escaped_and_dollars_are_no_formula(tmp_path: Path) -> None:
    evil = '</svg><script>alert("$x$")</script>'
    publish_miniature(tmp_path, clips=12, labels=[evil, "b & c", "$\\alpha$"], dataset="x")
    text = report(str(tmp_path))
    assert "<script" not in text and "&lt;script&gt;" in text
    page = Page(text)
    (classes,) = (rows for caption, rows in page.tables.items() if caption.startswith("clips and share of the class"))
    assert evil in [row[0] for row in classes]
    assert "$\\alpha$" in page.sections["classes"]


@pytest.mark.parametrize(
    "made",
    [
        {"clips": 1, "lengths": [3], "splits": ["test"]},
        {"clips": 7, "labels": [], "sizes": [(64, 48), (32, 40)]},
        {"clips": 9, "multi_label": True, "unlabelled": [2], "groups": 2},
        {"clips": 5, "schema": "mediaseq", "lengths": [1]},
    ],
    ids=["one clip", "no labels", "lists of labels", "single frames"],
)
def test_small_and_odd_data_sets_have_pages(made: dict[str, object], tmp_path: Path) -> None:
    publish_miniature(tmp_path, **made)  # type: ignore[arg-type]
    page = Page(report(str(tmp_path)))
    assert sum(int(row[1]) for row in page.tables["splits"][1:]) == made["clips"]
    if "groups" in made:
        assert "2 groups, 2 of them in more than one split" in page.sections["shared"]


def test_clips_that_show_the_same_are_told_and_drawn_once_they_were_looked_for(tmp_path: Path) -> None:
    original = scenery(0)
    mirror = [frame[:, ::-1] for frame in original]
    publish_frames(tmp_path / "out", [original, mirror, original[:20]], ["train", "test", "train"])
    assert "Nobody has looked yet" in Page(report(str(tmp_path / "out"))).sections["shared"]
    find_leaks(clipmill_package.open(str(tmp_path / "out")))
    moved = shutil.move(tmp_path / "out", tmp_path / "moved")
    page = Page(report(str(moved)))
    assert "2 pairs of clips of two splits that show the same" in page.sections["shared"]
    rows = page.tables["clips of two splits that show the same"][1:]
    assert {frozenset(row[:2]) for row in rows} == {
        frozenset(("clip_0000", "clip_0001")),
        frozenset(("clip_0002", "clip_0001")),
    }
    assert "1 pair of clips of one split under two labels" in page.sections["shared"]
    drawn = [alt for alt in page.alts if " above clip_" in alt]
    assert len(drawn) == 3 and sum("mirrored" in alt for alt in drawn) == 2


def test_pairs_whose_clips_cannot_be_read_are_told_without_a_picture(tmp_path: Path) -> None:
    publish_frames(tmp_path / "out", [scenery(0), scenery(0)], ["train", "test"])
    find_leaks(clipmill_package.open(str(tmp_path / "out")))
    for sizes in (tmp_path / "out" / "shards").glob("*.frames"):
        sizes.unlink()
    page = Page(report(str(tmp_path / "out")))
    assert not [alt for alt in page.alts if " above clip_" in alt]
    assert ".frames" in page.sections["shared"] and "score 1.00" in page.sections["shared"]


def test_a_damaged_clip_leaves_the_rest(tmp_path: Path) -> None:
    publish_miniature(tmp_path, clips=6, clips_per_shard=2)
    next((tmp_path / "shards").glob("*.frames")).unlink()
    page = Page(report(str(tmp_path)))
    assert "frames is not there" in page.sections["sheets"] or ".frames" in page.sections["sheets"]
    assert any(address.startswith("data:image/jpeg") for address in page.addresses)


def test_a_buffer_gives_every_clip_once_and_is_less_even_the_smaller_it_is() -> None:
    orders = {size: through_buffer(2000, size) for size in (1, 20, 400, 2000, 9999)}
    for order in orders.values():
        assert sorted(order.tolist()) == list(range(2000))
    assert orders[1].tolist() == list(range(2000))
    # The first clip out is one of those that were in the buffer.
    assert orders[20][0] < 20 and orders[400][0] < 400
    part = np.arange(2000) * 16 // 2000
    uneven = [unevenness(part[orders[size]]) for size in (1, 20, 400, 2000)]
    assert uneven == sorted(uneven, reverse=True) and uneven[-1] < 3
