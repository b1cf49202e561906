"""Images with masks from folders and tables to batches: bit for bit, and one draw for both."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest
from building import clips, published, records
from commanding import built, clipmill, refused
from PIL import Image

import clipmill as package
from clipmill.reader import (
    ColourJitter,
    CropOrPad,
    FirstFrames,
    Function,
    HorizontalFlip,
    Normalise,
    RandomResizedCrop,
    RandomRotation,
)
from clipmill.reader.markup import coloured
from clipmill.records import get_schema

SIZES = [(40, 30), (24, 36), (40, 30), (50, 50)]


def image_and_mask(number):
    """An image whose red is eight times its mask's value, so that a test sees whether both were moved alike."""
    width, height = SIZES[number % len(SIZES)]
    rows, columns = np.mgrid[0:height, 0:width]
    mask = ((rows // 6 + columns // 5 + number) % 16).astype(np.uint8)
    return np.stack([mask * 8, columns.astype(np.uint8), np.full_like(mask, 128)], axis=2), mask


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    lines = ["path,mask,label,split"]
    for number in range(8):
        image, mask = image_and_mask(number)
        Image.fromarray(image).save(folder / f"i{number}.png")
        Image.fromarray(mask.astype(np.uint16) * 300 if number == 5 else mask).save(folder / f"m{number}.png")
        lines.append(f"i{number}.png,m{number}.png,{'ab'[number % 2]},{'val' if number > 5 else 'train'}")
    Image.fromarray(image_and_mask(1)[1]).save(folder / "small.png")
    for number in (8, 9, 10):
        Image.fromarray(image_and_mask(number)[0]).save(folder / f"i{number}.png")
    lines += ["i8.png,none.png,a,train", "i9.png,,a,train", "i10.png,small.png,b,train", "gone.png,m1.png,b,train"]
    (folder / "l.csv").write_text("\n".join([*lines, ""]))
    return folder


WORDS = ("--schema", "pairs", "--workers", 1, "--max-missing", 5, "--max-failures", 5)


@pytest.fixture(scope="module", params=["raw", "png", "jpeg"])
def out(request, table):
    folder = table / request.param
    built(table / "l.csv", "--out", folder, *WORDS, "--encoding", request.param)
    return folder


def test_pairs_come_out_as_they_went_in(out):
    data = package.open(str(out)).all
    batches = data.batches(batch_size=1)
    assert (len(batches), batches.shapes()["mask"]) == (8, ((1, None, None), np.dtype(np.int32)))
    for batch in batches:
        number = int(batch["id"][0][1:])
        image, mask = image_and_mask(number)
        np.testing.assert_array_equal(batch["mask"][0], mask.astype(int) * 300 if number == 5 else mask)
        if out.name == "jpeg":
            assert np.abs(batch["image"][0].astype(int) - image).mean() < 8
        else:
            np.testing.assert_array_equal(batch["image"][0], image)
        assert data.labels[batch["label"][0]] == "ab"[number % 2]


def test_rows_that_are_no_pairs_are_in_the_ledger(out, table):
    found = clipmill("failures", out, "--json").json["failures"]
    assert sorted((row["source"], row["reason"], row["message"]) for row in found) == [
        ("gone.png", "missing", f"no such file: {table}/gone.png"),
        ("i10.png", "corrupt", "the image has 40x30 pixels, and its mask 24x36"),
        ("i8.png", "bad_row", "there is no mask none.png"),
        ("i9.png", "bad_row", "the row has no mask: name its file in a column mask, or read folders by --format voc"),
    ]


def test_a_rerun_changes_nothing_and_a_new_mask_one_clip(table, tmp_path):
    rows = ["path,mask", *(f"i{number}.png,m{number}.png" for number in range(4))]
    for name in ("i0.png", "i1.png", "i2.png", "i3.png", "m0.png", "m1.png", "m2.png", "m3.png", "small.png"):
        (tmp_path / name).write_bytes((table / name).read_bytes())
    (tmp_path / "l.csv").write_text("\n".join([*rows, ""]))
    first = built(tmp_path / "l.csv", "--out", tmp_path / "out", *WORDS)
    before = published(tmp_path / "out")
    assert not built(tmp_path / "l.csv", "--out", tmp_path / "out", *WORDS)["changed"]
    assert published(tmp_path / "out") == before
    keys = {row["clip_id"]: row["clip_key"] for row in clips(tmp_path / "out")}
    mask = image_and_mask(2)[1]
    Image.fromarray(mask[::-1]).save(tmp_path / "m2.png")
    assert built(tmp_path / "l.csv", "--out", tmp_path / "out", *WORDS)["version"] != first["version"]
    after = {row["clip_id"]: row["clip_key"] for row in clips(tmp_path / "out")}
    assert {name for name in keys if keys[name] != after[name]} == {"i2"}
    (tmp_path / "m2.png").write_bytes((tmp_path / "small.png").read_bytes())
    (tmp_path / "m3.png").unlink()
    built(tmp_path / "l.csv", "--out", tmp_path / "out", *WORDS)
    found = {row["source"]: row for row in clipmill("failures", tmp_path / "out", "--json").json["failures"]}
    assert found["i2.png"]["message"] == "the image has 40x30 pixels, and its mask 24x36"
    assert found["i3.png"]["message"] == "there is no mask m3.png"
    assert (found["i2.png"]["reason"], found["i3.png"]["reason"]) == ("corrupt", "bad_row")


@pytest.mark.parametrize("out", ["raw"], indirect=True)
def test_geometry_goes_through_both_with_one_draw_and_colour_through_the_image(out):
    data = package.open(str(out))["train"]
    steps = [RandomRotation(0), HorizontalFlip(), CropOrPad((44, 44), mask_fill=250)]
    seen = set()
    for epoch in range(3):
        plain = data.batches(augment=steps, batch_size=3, shuffle=True, seed=4)
        bright = data.batches(augment=[*steps, ColourJitter(0.4)], batch_size=3, shuffle=True, seed=4)
        for step in range(len(plain)):
            batch, other = plain.at(epoch, step), bright.at(epoch, step)
            np.testing.assert_array_equal(batch["mask"], other["mask"])
            assert not np.array_equal(batch["image"], other["image"])
            for image, mask, name in zip(batch["image"], batch["mask"], batch["id"], strict=True):
                inside = mask != 250
                scale = 300 if name == "i5" else 1
                np.testing.assert_array_equal(image[..., 0][inside], mask[inside] // scale * 8)
                assert not image[~inside].any()
                seen.add((name, bool(image[inside][0][1])))
    assert len({name for name, _ in seen}) == 6 and len(seen) > 6  # some were flipped, some were not


@pytest.mark.parametrize("out", ["png"], indirect=True)
def test_masks_are_never_blended_and_views_and_functions_work(out):
    data = package.open(str(out))["train"].select(ids=[f"i{number}" for number in range(5)])
    steps = [RandomResizedCrop(20), RandomRotation(30), Function(lambda frames, _: 255 - frames), Normalise()]
    (batch,) = data.batches(augment=steps, batch_size=5, views=2)
    assert (batch["image"].shape, batch["image"].dtype) == ((5, 2, 20, 20, 3), np.float32)
    assert (batch["mask"].shape, batch["mask"].dtype) == ((5, 2, 20, 20), np.int32)
    assert set(np.unique(batch["mask"])) <= set(range(16))
    streamed = data.batches(augment=steps, batch_size=5, views=2, path="streaming")
    for field, expected in next(iter(streamed)).items():
        np.testing.assert_array_equal(batch[field], expected)


def test_what_does_not_go_together_is_refused(out, table, tmp_path):
    data = package.open(str(out))["train"]
    for options in (dict(sampler=FirstFrames(1)), dict(decode=False), dict(lengths=3)):
        with pytest.raises(package.errors.UsageError, match="no frames to choose"):
            data.batches(batch_size=1, **options)
    to = ("export", out, "--dest", tmp_path / "x", "--to")
    assert "has no place for masks, which this data set has; use frames or webdataset" in refused(*to, "parquet")
    assert "leave it out" in refused(*to, "webdataset", "--one-video")
    build = ("build", table / "l.csv", "--out", tmp_path / "out")
    assert "works with --schema pairs alone" in refused(*build, "--encoding", "raw")
    assert "as they are" in refused(*build, "--schema", "pairs", "--short-side", 64)
    assert clipmill("verify", out, "--deep").code == 0


@pytest.mark.parametrize("out", ["png"], indirect=True)
def test_a_pair_is_drawn_beside_each_other(out):
    clip = package.open(str(out))["train"][0]
    drawn = clip.strip(height=clip.height)
    np.testing.assert_array_equal(drawn[:, : clip.width], clip.frames[0])
    np.testing.assert_array_equal(drawn[:, -clip.width :], coloured(clip.mask))


def test_pairs_are_exported_as_files(out, tmp_path):
    clipmill("export", out, "--to", "frames", "--dest", tmp_path / "files")
    assert (tmp_path / "files/val.txt").read_text() == "i6\ni7\n"
    clipmill("export", out, "--to", "webdataset", "--dest", tmp_path / "tars")
    in_tars = {}
    for path in (tmp_path / "tars").glob("*.tar"):
        with tarfile.open(path) as tar:
            in_tars |= {member.name: tar.extractfile(member).read() for member in tar}
    suffix = "jpg" if out.name == "jpeg" else "png"
    for number in range(8):
        split = "val" if number > 5 else "train"
        image, mask = image_and_mask(number)
        found = tmp_path / f"files/masks/{split}/i{number}.png"
        np.testing.assert_array_equal(np.asarray(Image.open(found)), mask.astype(int) * 300 if number == 5 else mask)
        picture = tmp_path / f"files/images/{split}/i{number}.{suffix}"
        stored = np.asarray(Image.open(picture))
        assert np.abs(stored.astype(int) - image).max() == 0 if suffix == "png" else stored.shape == image.shape
        assert in_tars[f"i{number}.mask.png"] == found.read_bytes()
        assert in_tars[f"i{number}.image.{suffix}"] == picture.read_bytes()
        assert json.loads(in_tars[f"i{number}.json"])["clip_id"] == f"i{number}"


LAYOUTS = {
    "voc2011_labelme_semantic": ("JPEGImages", "SegmentationClass", ".jpg", 3),
    "davis2016": ("JPEGImages", "Annotations", ".jpg", 40),
    "camvid": ("test", "testannot", ".png", 10),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_real_pairs_come_out_bit_for_bit(shared_data, tmp_path, name):
    images, masks, suffix, count = LAYOUTS[name]
    top = shared_data / "masks" / name
    for encoding in ("raw", "jpeg" if suffix == ".jpg" else "png"):
        out = tmp_path / encoding
        words = ("--format", "voc", "--schema", "pairs", "--encoding", encoding, "--workers", 1)
        assert built(top, "--out", out, *words)["clips"] == count
        schema = get_schema("pairs-raw" if encoding == "raw" else "pairs")
        split = "test" if name == "camvid" else "train"
        for _, record in records(out, split):
            said, (image, mask) = schema.parse(record)
            expected = np.asarray(Image.open(top / said.source))
            indices = np.asarray(Image.open((top / said.source.replace(images, masks, 1)).with_suffix(".png")))
            if encoding == "raw":
                assert image == expected.tobytes() and mask == indices.tobytes()
            else:
                np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(mask))), indices)
                if encoding == "jpeg":
                    assert image == (top / said.source).read_bytes()
                else:
                    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(image))), expected)
