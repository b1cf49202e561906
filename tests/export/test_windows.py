"""Windows of the same clips, interleaved, as a stateful model's input pipeline reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from commanding import clipmill, refused
from miniature import Miniature, publish_miniature, read_code
from protos import SequenceExample

from clipmill.records.tfrecord import read_records

LENGTHS = [11, 13, 14, 21, 3, 30]


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory) -> Miniature:
    return publish_miniature(tmp_path_factory.mktemp("mini") / "out", clips=9, lengths=LENGTHS)


def export(mini: Miniature, dest: Path, *words: object) -> dict:
    words = ("--to", "windows", "--sequence-length", 5, "--batch-size", 2, "--split", "train", *words)
    ran = clipmill("export", mini.path, "--dest", dest, "--json", *words)
    assert ran.code == 0, ran.err
    return ran.json


def records(dest: Path) -> list[dict]:
    found = []
    for path in sorted(dest.glob("*.tfrecord-*")):
        for _, raw in read_records(path.read_bytes(), str(path)):
            message = SequenceExample.FromString(raw)
            context = message.context.feature
            one = {key: context[key].int64_list.value[0] for key in ("length", "height", "width", "depth")}
            one |= {key: context[key].bytes_list.value[0].decode() for key in ("name", "frames")}
            lists = message.feature_lists.feature_list
            one["images"] = [feature.bytes_list.value[0] for feature in lists["Images"].feature]
            one["labels"] = [feature.int64_list.value[0] for feature in lists["Labels"].feature]
            found.append(one)
    return found


def pixels(one: dict) -> list[np.ndarray]:
    shape = one["height"], one["width"], one["depth"]
    return [np.frombuffer(image, np.uint8).reshape(shape) for image in one["images"]]


def of_train(mini: Miniature) -> dict[str, dict]:
    return {row["clip_id"]: row for row in mini.rows if row["split"] == "train"}


def test_windows_take_turns_and_follow_each_other(mini, tmp_path):
    done = export(mini, tmp_path / "x", "--first-label", 1)
    rows = of_train(mini)
    usable = sorted((row["frames"], clip) for clip, row in rows.items() if row["frames"] >= 5)
    whole = len(usable) - len(usable) % 2
    expected = []
    for at in range(0, whole, 2):
        group = usable[at : at + 2]
        for window in range(group[0][0] // 5):
            expected += [(clip, window) for _, clip in group]
    found = records(tmp_path / "x")
    assert [(one["name"], one["frames"]) for one in found] == [
        (clip.removeprefix("v_"), "".join(f"frame{mini.records[clip].frame_index[5 * w + k]}" for k in range(5)))
        for clip, w in expected
    ]
    for one, (clip, window) in zip(found, expected, strict=True):
        assert one["labels"] == [rows[clip]["label_index"] + 1] * 5 and one["length"] == 5
        stored = mini.frames[clip][5 * window : 5 * window + 5]
        for image, jpeg, number in zip(pixels(one), stored, range(5 * window, 5 * window + 5), strict=True):
            assert read_code(image) == (mini.numbers[clip], number)
            assert np.array_equal(image, simplejpeg.decode_jpeg(jpeg, "RGB", fastdct=False, fastupsample=False))
    left_out = {clip for clip, _ in done["left_out"]}
    assert left_out == set(rows) - {clip for clip, _ in expected}
    assert {why for _, why in done["left_out"] if "sequence" in why} == {"3 frames, fewer than --sequence-length 5"}


def test_the_last_group_is_filled_up(mini, tmp_path):
    done = export(mini, tmp_path / "x", "--last", "pad", "--batch-size", 4)
    found = records(tmp_path / "x")
    assert len(found) % 4 == 0 and not [why for _, why in done["left_out"] if "group" in why]
    assert {one["name"] for one in found} == {
        clip.removeprefix("v_") for clip, row in of_train(mini).items() if row["frames"] >= 5
    }


def test_jpegs_stay_as_they_are(mini, tmp_path):
    export(mini, tmp_path / "x", "--encoding", "jpeg")
    for one in records(tmp_path / "x"):
        clip = next(clip for clip in mini.frames if clip.removeprefix("v_") == one["name"])
        numbers = [mini.records[clip].frame_index.index(int(n)) for n in one["frames"].split("frame")[1:]]
        assert one["images"] == [mini.frames[clip][number] for number in numbers]


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_frames_are_brought_to_one_size(mini, tmp_path, encoding, fit):
    export(mini, tmp_path / "x", "--size", "40x40", "--fit", fit, "--encoding", encoding)
    for one in records(tmp_path / "x"):
        assert (one["height"], one["width"]) == (40, 40)
        images = pixels(one) if encoding == "raw" else [simplejpeg.decode_jpeg(image) for image in one["images"]]
        assert {image.shape for image in images} == {(40, 40, 3)}
        if fit == "pad":
            assert all(image[:4].max() < 20 for image in images)
        if fit == "stretch":
            assert [read_code(image)[1] for image in images] == list(
                range(read_code(images[0])[1], read_code(images[0])[1] + 5)
            )


def test_files_never_cut_a_group(tmp_path):
    mini = publish_miniature(tmp_path / "out", clips=24, lengths=[20, 22, 25, 30], sizes=[(96, 80)])
    done = export(mini, tmp_path / "x", "--shard-mb", 1, "--batch-size", 3)
    assert done["files"] > 2
    seen: set[str] = set()
    for path in sorted((tmp_path / "x").glob("*.tfrecord-*")):
        assert abs(path.stat().st_size / 1e6 - 1) < 1.5
        names = [
            SequenceExample.FromString(raw).context.feature["name"].bytes_list.value[0]
            for _, raw in read_records(path.read_bytes(), str(path))
        ]
        assert len(set(names)) % 3 == 0 and not seen & set(names)
        seen |= set(names)


def test_clips_of_several_sizes_are_refused(tmp_path):
    mini = publish_miniature(tmp_path / "out", sizes=[(64, 48), (64, 48), (48, 64)])
    message = refused("export", mini.path, "--to", "windows", "--dest", tmp_path / "x")
    assert "clips have 2 sizes (64x48: 8 of 12)" in message and "add --size 64x48" in message
