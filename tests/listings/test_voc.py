"""Folders of images beside folders of masks, as VOC, DAVIS and CamVid have them."""

from __future__ import annotations

from pathlib import Path

import pytest
from listed import Listed

LAYOUTS = {
    "VOC": (
        ["JPEGImages/a.jpg", "JPEGImages/b.jpg", "JPEGImages/c.jpg", "SegmentationClass/a.png",
         "SegmentationClass/b.png"],
        {"ImageSets/Segmentation/train.txt": "a\n", "ImageSets/Segmentation/val.txt": "b \n", "Annotations/a.xml": ""},
        {"JPEGImages/a.jpg": ("SegmentationClass/a.png", "train", None),
         "JPEGImages/b.jpg": ("SegmentationClass/b.png", "val", None)},
    ),
    "DAVIS 2017": (
        [f"{top}/480p/{clip}/00000.{suffix}" for top, suffix in (("JPEGImages", "jpg"), ("Annotations", "png"))
         for clip in ("bear", "car")],
        {"ImageSets/2017/train.txt": "bear\n", "ImageSets/2017/val.txt": "car\n"},
        {"JPEGImages/480p/bear/00000.jpg": ("Annotations/480p/bear/00000.png", "train", "480p/bear"),
         "JPEGImages/480p/car/00000.jpg": ("Annotations/480p/car/00000.png", "val", "480p/car")},
    ),
    "DAVIS 2016": (
        ["JPEGImages/480p/bear/00000.jpg", "Annotations/480p/bear/00000.png"],
        {"ImageSets/480p/val.txt": "/JPEGImages/480p/bear/00000.jpg /Annotations/480p/bear/00000.png \n"},
        {"JPEGImages/480p/bear/00000.jpg": ("Annotations/480p/bear/00000.png", "val", "480p/bear")},
    ),
    "CamVid": (
        ["train/1.png", "trainannot/1.png", "val/2.png", "valannot/2.png", "test/3.png"],
        {},
        {"train/1.png": ("trainannot/1.png", "train", None), "val/2.png": ("valannot/2.png", "val", None)},
    ),
}  # fmt: skip


def lay_out(folder: Path, images: list[str], texts: dict[str, str]) -> None:
    for path, text in {**dict.fromkeys(images, "x"), **texts}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_mask_is_a_row_with_its_image(tmp_path, layout):
    images, texts, expected = LAYOUTS[layout]
    lay_out(tmp_path, images, texts)
    listed = Listed(tmp_path)
    assert listed.options.format == "voc"
    assert {clip.video: (clip.extra["mask"], clip.split, clip.group) for clip in listed.clips} == expected
    assert not listed.failures


def test_a_mask_without_an_image_is_a_bad_row(tmp_path):
    lay_out(tmp_path, ["JPEGImages/a.jpg", "SegmentationClass/a.png", "SegmentationClass/gone.png"], {})
    listed = Listed(tmp_path)
    assert [clip.video for clip in listed.clips] == ["JPEGImages/a.jpg"]
    (failure,) = listed.failures
    assert (failure.source, failure.reason) == ("SegmentationClass/gone.png", "bad_row")
    assert failure.message == "no image JPEGImages/gone for this mask"


def test_class_folders_are_no_pairs(tmp_path):
    lay_out(tmp_path, ["walk/a.jpg", "run/b.jpg"], {})
    assert Listed(tmp_path).options.format == "tree"
