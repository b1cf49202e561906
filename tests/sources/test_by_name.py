"""Which files are looked through for a video's name."""

from __future__ import annotations

import pytest
from listed import Listed, touch

from clipmill.sources.by_name import videos_under
from clipmill.storage import open_storage

LEFT_BEHIND = ["__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found", ".Trash-1000"]


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_a_listing_and_the_search_by_name_pass_over_the_same_folders(tmp_path, name):
    touch(tmp_path, "run/a.mp4", f"run/{name}/b.mp4", f"{name}/run/c.mp4", "run/.d.mp4", "run/e.txt")
    assert list(videos_under(open_storage(str(tmp_path)), [""])) == ["run/a.mp4"]
    assert [clip.video for clip in Listed(tmp_path).clips] == ["run/a.mp4"]


def test_a_root_may_be_called_like_one(tmp_path):
    touch(tmp_path, "lost+found/a.mp4")
    assert list(videos_under(open_storage(str(tmp_path)), ["lost+found"])) == ["lost+found/a.mp4"]
