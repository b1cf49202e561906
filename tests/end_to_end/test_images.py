"""Images and folders of frames as clips: the same ledger, ids, labels, splits and reruns as videos."""

from __future__ import annotations

import numpy as np
import pytest
from building import clips, pixels, published
from commanding import built, clipmill
from miniature import draw_frame, read_code
from PIL import Image
from plain_build import write_videos

import clipmill as package
from clipmill.transforms import children
from clipmill.transforms.decode_frames import _Decode

WALK, RUN = 12, 9


def save(path, clip, frame, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_frame(clip, frame)).save(path, **how)


def stored(out, clip_id):
    """The frames of a clip of one of the splits, and their numbers in it."""
    batches = package.open(str(out)).all.select(ids=[clip_id]).batches(batch_size=1)
    (batch,) = batches
    return batch["frames"][0], batch["frame_index"][0].tolist()


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Classes of single images, folders of frames and animations, in splits; and what is wrong with some."""
    top = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        save(top / f"train/still/x{number}.png", 10 + number, 0)
    save(top / "val/still/y.jpg", 20, 0, quality=95)
    for number in range(WALK):
        save(top / f"train/walk/w1/{number}.jpg", 1, number, quality=95)
    for number in range(1, RUN + 1):
        save(top / f"val/walk/w2/frame{number:05d}.bmp", 2, number)
    frames = [Image.fromarray(draw_frame(3, number)) for number in range(5)]
    how = dict(save_all=True, append_images=frames[1:], duration=40)
    frames[0].save(top / "train/walk/moves.webp", lossless=True, **how)
    frames[0].save(top / "train/walk/moves.gif", **how)
    for number in (1, 2, 3, 5, 6):
        save(top / f"train/walk/gap/{number}.png", 4, number)
    whole = (top / "train/walk/w1/0.jpg").read_bytes()
    (top / "train/still/cut.jpg").write_bytes(whole[: len(whole) // 2])
    (top / "train/still/notes.txt").write_text("not a clip")
    return top


@pytest.fixture(scope="module")
def out(tree, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "images"
    built(tree, "--out", folder, "--workers", 1, "--max-failures", 2)
    return folder


def test_an_image_is_a_clip_and_so_is_a_folder_of_frames(out):
    found = {row["clip_id"]: (row["split"], row["label_text"], row["frames"]) for row in clips(out)}
    assert found == {
        **{f"train/still/x{number}": ("train", "still", 1) for number in range(3)},
        "val/still/y": ("val", "still", 1),
        "train/walk/w1": ("train", "walk", WALK),
        "val/walk/w2": ("val", "walk", RUN),
        "train/walk/moves.gif": ("train", "walk", 5),
        "train/walk/moves.webp": ("train", "walk", 5),
    }


def test_frames_are_those_of_the_images_in_order(out):
    for clip, clip_id, first, frames in ((1, "train/walk/w1", 0, WALK), (2, "val/walk/w2", 1, RUN)):
        found, numbers = stored(out, clip_id)
        assert [read_code(frame) for frame in found] == [(clip, first + number) for number in range(frames)]
        assert numbers == list(range(frames))
    for clip_id in ("train/walk/moves.webp", "train/walk/moves.gif"):
        assert [read_code(frame)[1] for frame in stored(out, clip_id)[0]] == list(range(5))
    (still,), _ = stored(out, "train/still/x2")
    assert np.abs(still.astype(int) - draw_frame(12, 0)).mean() < 6


def test_what_is_wrong_is_in_the_ledger(out):
    failures = clipmill("failures", out, "--json").json["failures"]
    assert sorted((row["source"], row["reason"]) for row in failures) == [
        ("train/still/cut.jpg", "corrupt"),
        ("train/walk/gap", "corrupt"),
    ]
    assert "1 frame is missing between 3.png and 5.png" in str(failures)


def test_a_rerun_decodes_nothing_and_a_changed_frame_one_clip(tree, out):
    before = published(out)
    outcome = built(tree, "--out", out, "--workers", 1, "--max-failures", 2)
    assert not outcome["changed"] and published(out) == before
    save(tree / "val/walk/w2/frame00001.bmp", 2, 99)
    outcome = built(tree, "--out", out, "--workers", 1, "--max-failures", 2)
    assert outcome["changed"] and outcome["clips"] == 8
    assert read_code(stored(out, "val/walk/w2")[0][0]) == (2, 99)


def test_rows_name_folders_images_and_ranges_of_frames(tree, tmp_path):
    rows = ["path,label,start_frame,stop_frame", "train/walk/w1,a,,", "train/walk/w1,b,3,7", "train/still/x1.png,a,,"]
    listing = tmp_path / "l.csv"
    listing.write_text("\n".join([*rows, "train,a,,", "train/none,a,,", ""]))
    out = tmp_path / "out"
    built(listing, "--videos", tree, "--out", out, "--workers", 1, "--max-missing", 2, "--every", 2)
    found = {row["clip_id"]: row["frames"] for row in clips(out)}
    assert found == {"train/walk/w1": WALK // 2, "train/walk/w1_f3_f7": 2, "train/still/x1": 1}
    assert [read_code(frame)[1] for frame in pixels(out, "train/walk/w1_f3_f7")[0]] == [3, 5]
    failures = clipmill("failures", out, "--json").json["failures"]
    assert {row["source"]: row["reason"] for row in failures} == {"train": "missing", "train/none": "missing"}


def test_images_beside_videos_are_pictures_of_them(tmp_path):
    (tmp_path / "films/walk").mkdir(parents=True)
    (tmp_path / "films/thumbnails").mkdir()
    write_videos(tmp_path / "films/walk", {"a": 3})
    save(tmp_path / "films/walk/a.jpg", 1, 1)
    save(tmp_path / "films/thumbnails/a.jpg", 1, 1)
    assert clipmill("plan", tmp_path / "films", "--out", tmp_path / "out", "--json").json["clips"] == 1


@pytest.fixture
def together(monkeypatch):
    """The paths that each job for many small images is asked for."""
    asked = []
    job_of_many = _Decode.job_of_many

    def spied(self, tasks):
        asked.append([task.path for task in tasks])
        return job_of_many(self, tasks)

    monkeypatch.setattr(_Decode, "job_of_many", spied)
    return asked


def test_small_images_are_decoded_together_and_nobody_can_tell(tmp_path, monkeypatch, together):
    for number in range(11):
        save(tmp_path / f"small/{'ab'[number % 2]}/{number}.jpg", number, 0, quality=95)
    cut = tmp_path / "small/a/4.jpg"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    one, other = tmp_path / "one/out", tmp_path / "other/out"
    words = (tmp_path / "small", "--workers", 1, "--out")

    monkeypatch.setattr(children, "_TOGETHER", 4)
    assert clipmill("build", *words, one, "--max-failures", 0).code == 1
    packs = one / "work/fragments/packs"
    assert [len(paths) for paths in together] == [4, 4, 3] and len(list(packs.iterdir())) == 3
    # What a run leaves is found, whatever stands together in the next one's jobs; a failure is remembered.
    together.clear()
    save(tmp_path / "small/b/new.jpg", 99, 0)
    assert built(*words, one, "--max-failures", 1)["clips"] == 11
    assert together == [["b/new.jpg"]]
    assert not packs.exists()
    monkeypatch.undo()
    built(*words, other, "--max-failures", 1)
    assert published(one) == published(other)
    found = clipmill("failures", other, "--json").json["failures"]
    assert [(row["source"], row["reason"]) for row in found] == [("a/4.jpg", "corrupt")]


def test_of_small_images_a_changed_one_is_decoded_alone(tmp_path, together):
    for number in range(5):
        save(tmp_path / f"small/a/{number}.png", number, 0)
    words = (tmp_path / "small", "--workers", 1, "--out", tmp_path / "out")
    built(*words)
    together.clear()
    save(tmp_path / "small/a/3.png", 33, 0)
    assert built(*words)["changed"]
    assert together == [["a/3.png"]]
    assert read_code(stored(tmp_path / "out", "a/3")[0][0]) == (33, 0)


def test_davis_frames(shared_data, tmp_path):
    frames = shared_data / "masks/davis2016/JPEGImages/480p/car-shadow"
    (tmp_path / "l.csv").write_text("path,label\ncar-shadow,car\n")
    built(tmp_path / "l.csv", "--videos", frames.parent, "--out", tmp_path / "out", "--workers", 1, "--max-frames", 9)
    (row,) = clips(tmp_path / "out")
    found, _ = pixels(tmp_path / "out", "car-shadow")
    assert (row["frames"], found.shape[0]) == (9, 9)
    for number in (0, 8):
        expected = np.asarray(Image.open(frames / f"{number:05d}.jpg"))
        assert np.abs(found[number].astype(int) - expected).mean() < 4
