"""Pictures of consecutive frames: which clips, which frames, and where each stands."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from commanding import clipmill, refused
from miniature import publish_miniature, read_code

import clipmill as library
from clipmill.errors import UsageError
from clipmill.reader.sequence_grid import _GAP, _LINE, _MARGIN, _WIDTH, read_strips, sequence_grid


@pytest.fixture(scope="module")
def mini(tmp_path_factory: pytest.TempPathFactory):
    return publish_miniature(tmp_path_factory.mktemp("mini") / "out", lengths=[12, 30, 7, 30])


def test_clips_of_every_class_and_long_enough_come_first(mini):
    data = library.open(str(mini.path)).all
    strips = read_strips(data, 3, 20)
    assert {strip.label for strip in strips} == {"boxing", "diving", "juggling"}
    assert {len(strip.frames) for strip in strips} == {20}
    assert len({strip.clip_id for strip in read_strips(data, 50, 20)}) == len(mini.rows)


def test_every_frame_stands_in_its_place(mini):
    strips = read_strips(library.open(str(mini.path)).all, 4, 8)
    sheet = sequence_grid(strips, 4, 2)
    height = round(_WIDTH * 48 / 64)
    block = _LINE + 4 * (_LINE + height + _GAP)
    assert sheet.shape == (2 * _MARGIN + 2 * block, 2 * _MARGIN + 4 * (_WIDTH + _GAP) - _GAP, 3)
    for step in range(2):
        for row, strip in enumerate(strips):
            for column in range(4):
                number = 4 * step + column
                top = _MARGIN + step * block + _LINE + row * (_LINE + height + _GAP) + _LINE
                left = _MARGIN + column * (_WIDTH + _GAP)
                shown = sheet[top : top + height, left : left + _WIDTH]
                if number < len(strip.frames):
                    assert read_code(shown) == (mini.numbers[strip.clip_id], number)
                else:
                    assert np.all(shown == 250)


def test_the_command_draws_one_clip_and_says_which_frames(mini, tmp_path):
    ran = clipmill("show", mini.path, "--clip", "clip_0001", "--frames", 6, "--png", tmp_path / "x.png")
    assert ran.code == 0 and ran.out.splitlines() == [
        "clip_0001  diving  frames 0..29",
        f"-> {tmp_path / 'x.png'}",
    ]
    assert cv2.imread(str(tmp_path / "x.png")).shape[1] == 2 * _MARGIN + 6 * (_WIDTH + _GAP) - _GAP
    shown = clipmill("show", mini.path, "--split", "val", "--rows", 2, "--png", tmp_path / "y.png", "--json").json
    assert Path(shown["png"]).is_file() and len(shown["clips"]) == 2
    assert "nobody" in refused("show", mini.path, "--clip", "nobody")


def test_a_set_of_clips_draws_itself(mini):
    data = library.open(str(mini.path))
    drawn = data["train"].show(rows=2, frames=3, steps=2)
    np.testing.assert_array_equal(drawn.pixels, sequence_grid(read_strips(data["train"], 2, 6), 3, 2))
    read = cv2.imdecode(np.frombuffer(drawn._repr_png_(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(read[:, :, ::-1], drawn.pixels)
    one = data.all.select(ids=["clip_0001"]).show(frames=1, steps=1).pixels
    assert read_code(one[_MARGIN + 2 * _LINE : -_MARGIN - _GAP, _MARGIN:-_MARGIN]) == (mini.numbers["clip_0001"], 0)


def test_no_clips_and_mixes_are_not_drawn(mini):
    data = library.open(str(mini.path))
    with pytest.raises(UsageError, match="no clips"):
        data.all.select(index=[]).show()
    with pytest.raises(UsageError, match="one by one"):
        library.mix({"a": (data["train"], 1), "b": (data["val"], 1)}).show()
