"""Parquet as a table."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from listed import Listed, write

from clipmill.errors import ListingError


def parquet(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)
    return path


def test_rows_of_every_group_have_their_number(tmp_path):
    table = {
        "file_name": [f"{n}.mp4" for n in range(7)],
        "label": ["run", None, "jump", "run", "", "run", "run"],
        "start": [0.5, None, None, 1, 2, 3, 4],
        "end": [1.5, None, None, 1, 3, 4, 5],
        "video": [b"\0\1"] * 7,
        "frames": [7] * 7,
    }
    read = Listed(parquet(tmp_path / "train.parquet", table, row_group_size=3))
    assert read.options.format == "parquet"
    assert [slice_.row for slice_ in read.slices] == [1, 4, 7]
    assert [(clip.video, clip.label, clip.start, clip.row) for clip in read.clips] == [
        *(("0.mp4", "run", 0.5, 1), ("1.mp4", None, None, 2), ("2.mp4", "jump", None, 3)),
        *(("4.mp4", None, 2.0, 5), ("5.mp4", "run", 3.0, 6), ("6.mp4", "run", 4.0, 7)),
    ]
    assert read.clips[0].extra == {"listing_frames": "7"}
    assert [(failure.row, failure.message) for failure in read.failures] == [
        (4, "bad time range: end 1.0 s is not after start 1.0 s")
    ]


def test_lists_of_labels(tmp_path):
    read = Listed(parquet(tmp_path / "l.parquet", {"path": ["a.mp4", "b.mp4"], "label": [["x", "y"], []]}))
    assert [clip.label for clip in read.clips] == [("x", "y"), ()]


def test_columns_can_be_named(tmp_path):
    path = parquet(tmp_path / "l.parquet", {"key": ["a.mp4"], "caption": ["a cat"]})
    with pytest.raises(ListingError, match="Parquet without a column of paths"):
        Listed(path)
    (clip,) = Listed(path, columns={"path": "key"}).clips
    assert (clip.video, clip.extra) == ("a.mp4", {"caption": "a cat"})


def test_a_damaged_file_is_refused(tmp_path):
    whole = parquet(tmp_path / "l.parquet", {"path": ["a.mp4"]}).read_bytes()
    with pytest.raises(ListingError, match="not a whole Parquet file"):
        Listed(write(tmp_path / "cut.parquet", whole[:-20]))


def test_video2datasets_table_is_read_by_its_keys(tmp_path):
    table = {
        "key": ["000000000", "000000001"],
        "status": ["success", "failed_to_download"],
        "url": ["https://example.com/0", "https://example.com/1"],
        "caption": ["a dog runs", None],
    }
    pq.write_table(pa.table(table), tmp_path / "00000.parquet")
    with pytest.raises(ListingError, match="--columns path="):
        Listed(tmp_path / "00000.parquet")
    read = Listed(tmp_path / "00000.parquet", columns={"path": "key"})
    assert [(clip.video, clip.label, clip.extra["status"]) for clip in read.clips] == [
        ("000000000", None, "success"),
        ("000000001", None, "failed_to_download"),
    ]
