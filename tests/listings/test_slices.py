"""Listings in slices: wherever a file is cut, the same rows come out."""

from __future__ import annotations

import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listed import Listed, touch, write

from clipmill import listings
from clipmill.errors import ListingError
from clipmill.listings import text_lines
from clipmill.options import ListingOptions

_WORD = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters='"'))
_CELL = _WORD.map(lambda text: text.replace(",", "").replace("\t", "").replace(";", ""))
_END = st.sampled_from([b"\n", b"\r\n"])


def items_of(path, slice_bytes, block_bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_lines, "SLICE_BYTES", slice_bytes)
        patch.setattr(text_lines, "BLOCK_BYTES", block_bytes)
        read = Listed(path)
    return len(read.slices), read.items


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.tuples(_CELL, _CELL), st.just(("", "")), st.tuples(_CELL))),
    _END,
    st.booleans(),
    st.booleans(),
    st.integers(1, 200),
    st.integers(3, 50),
)
def test_any_size_of_slices_gives_the_same_rows_of_csv(rows, end, last_end, bom, slice_bytes, block_bytes):
    data = end.join([b"path,label", *(",".join(cells).encode() for cells in rows)])
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "l.csv"), b"\xef\xbb\xbf" * bom + data + end * last_end)
        _, whole = items_of(path, 1 << 20, 1 << 20)
        assert items_of(path, slice_bytes, block_bytes)[1] == whole
        lines = [",".join(cells) for cells in rows]
        skipped = [not line.strip() or text_lines.is_comment(line.encode()) for line in lines]
        data_rows = [number for number, skip in enumerate(skipped, 2) if not skip]
        assert sorted(item.row for item in whole) == data_rows


@settings(max_examples=30, deadline=None)
@given(st.lists(_WORD, min_size=1), st.integers(1, 100), st.integers(3, 50))
def test_quotes_keep_a_file_whole(notes, slice_bytes, block_bytes):
    rows = "".join(f'x{number}.mp4,"{note}\nsecond line, {note}"\n' for number, note in enumerate(notes))
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "l.csv"), "path,note\n" + rows)
        count, items = items_of(path, slice_bytes, block_bytes)
        assert count == 1
        assert [(item.video, item.row) for item in items] == [
            (f"x{number}.mp4", 2 + 2 * number) for number in range(len(notes))
        ]


@pytest.mark.parametrize("slice_bytes", [1, 7, 40, 1000])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.txt", "".join(f"a/{number}.mp4 {number % 3}\n" for number in range(40)) + "bad\n"),
        ("l.jsonl", "".join(f'{{"path": "a/{number}.mp4"}}\n\n' for number in range(40)) + "bad\n"),
        ("l.csv", "youtube_id,label\n" + "".join(f"id-{number},x\n" for number in range(40)) + "bad\n"),
    ],
)
def test_other_formats_in_slices(tmp_path, name, text, slice_bytes):
    path = write(tmp_path / name, text)
    _, whole = items_of(path, 1 << 20, 1 << 20)
    count, items = items_of(path, slice_bytes, 16)
    assert items == whole
    assert len(whole) == 41
    assert count > 1 or slice_bytes == 1000


def test_slices_cover_a_file_without_gaps(tmp_path, monkeypatch):
    path = write(tmp_path / "l.txt", "".join(f"a/{number}.mp4 1\n" for number in range(5000)))
    monkeypatch.setattr(text_lines, "SLICE_BYTES", 10_000)
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 4096)
    slices = Listed(path).slices
    size = path.stat().st_size
    assert [slice_.start for slice_ in slices] == [0, *(slice_.end for slice_ in slices[:-1])]
    assert slices[-1].end == size
    assert all(10_000 <= slice_.end - slice_.start < 10_100 for slice_ in slices[:-1])


@pytest.mark.parametrize("quote", ["", '"'])
def test_reading_holds_a_few_blocks_however_long_the_listing(tmp_path, monkeypatch, quote):
    monkeypatch.setattr(text_lines, "SLICE_BYTES", 1 << 19)
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 1 << 15)
    rows = "".join(f"class_{n % 400}/video_{n:09d}.mp4,{quote}class {n % 400}{quote}\n" for n in range(50_000))
    path = write(tmp_path / "l.csv", "path,label\n" + rows)
    options = listings.resolve(ListingOptions((str(path),)))
    tracemalloc.start()
    slices = listings.slices(options)
    count = sum(1 for slice_ in slices for _ in listings.read_slice(options, slice_))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 50_000
    assert len(slices) == (1 if quote else 4)
    assert peak < 12 * (1 << 15) < path.stat().st_size / 4


def test_a_listing_that_shrinks_is_noticed(tmp_path):
    path = write(tmp_path / "l.csv", "path\n" + "x.mp4\n" * 100)
    options = listings.resolve(ListingOptions((str(path),)))
    slices = listings.slices(options)
    path.write_text("path\nx.mp4\n")
    with pytest.raises(ListingError, match="the listing changed while it was read"):
        [item for slice_ in slices for item in listings.read_slice(options, slice_)]


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_lines, "LINE_BYTES", 1 << 16)
    monkeypatch.setattr(text_lines, "BLOCK_BYTES", 1 << 14)
    path = write(tmp_path / "l.csv", "path,label\nx.mp4," + "y" * (1 << 17))
    with pytest.raises(ListingError, match=r"l\.csv:2: a line of more than"):
        Listed(path)


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """s3://bucket, served by obstore from a local folder."""
    from obstore.store import LocalStore

    from clipmill import storage
    from clipmill.storage import object_store

    def local(self, root):
        self.root = root
        self._store = LocalStore(tmp_path / root.removeprefix("s3://"), mkdir=True)

    monkeypatch.setattr(object_store.ObjectStorage, "__init__", local)
    storage.open_storage.cache_clear()
    yield tmp_path / "bucket"
    storage.open_storage.cache_clear()


def test_listings_on_an_object_store(bucket, monkeypatch):
    touch(bucket / "data", "a/1.mp4", "b/deep/v_b_g01_c01.avi", "b/readme.txt")
    tree = Listed("s3://bucket/data/")
    assert (tree.options.format, tree.options.videos) == ("tree", "s3://bucket/data")
    assert sorted(tree.by_id) == ["a/1", "b/deep/v_b_g01_c01"]
    assert sum(listings.ignored(tree.options, slice_) for slice_ in tree.slices) == 1

    write(bucket / "lists/train.csv", "path,label\ns3://bucket/data/a/1.mp4,a\ns3://other/x.mp4,a\n/data/x.mp4,a\n")
    monkeypatch.setattr(text_lines, "SLICE_BYTES", 20)
    table = Listed("s3://bucket/lists/train.csv", videos="s3://bucket/data")
    assert len(table.slices) > 1
    assert [(clip.video, clip.row) for clip in table.clips] == [("a/1.mp4", 2)]
    assert [failure.row for failure in table.failures] == [3, 4]

    write(bucket / "ucf/trainlist01.txt", "b/v_b_g01_c01.avi 2\r\n")
    write(bucket / "ucf/classInd.txt", "1 a\r\n2 b\r\n")
    official = Listed("s3://bucket/ucf", videos="s3://bucket/data")
    assert [(clip.clip_id, clip.label_number) for clip in official.clips] == [("b/v_b_g01_c01", 2)]

    write(bucket / "lists/k.csv", "youtube_id,label,time_start,time_end\nabcdefghijk,b,1,11\n")
    kinetics = Listed("s3://bucket/lists/k.csv", videos="s3://bucket/data")
    assert "b/abcdefghijk_000001_000011.mp4" in kinetics.candidates("abcdefghijk_000001_000011")


def test_listings_in_several_folders_of_a_bucket(bucket):
    touch(bucket, "data/train/a/1.mp4", "data/val/a/1.mp4")
    read = Listed("s3://bucket/data/train", "s3://bucket/data/val")
    assert read.options.videos == "s3://bucket/data"
    assert read.splits() == {"train/a/1": "train", "val/a/1": "val"}
