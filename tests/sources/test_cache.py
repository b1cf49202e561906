"""What is noted of sources, and when it may be believed."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import msgspec
import pytest
from plain_build import write_videos

from clipmill.errors import ClipError, StorageError
from clipmill.messages import CachedProbe, ProbedSource, SourceTask
from clipmill.options import FrameOptions
from clipmill.sources import cache
from clipmill.sources.cache import (
    Notes,
    cache_folder,
    find_source,
    merge_note_files,
    question,
    read_known,
    recall_source,
)
from clipmill.sources.find import reading_source
from clipmill.sources.probe import resolve_source
from clipmill.storage import LocalStorage


@pytest.fixture
def videos(tmp_path: Path) -> LocalStorage:
    write_videos(tmp_path / "videos", {"a": 5, "b": 6})
    return LocalStorage(str(tmp_path / "videos"))


@pytest.fixture
def out(tmp_path: Path) -> LocalStorage:
    return LocalStorage(str(tmp_path / "out"))


def task(path: str, **changes: object) -> SourceTask:
    asked = SourceTask([path], [[False]], [(None, None)], "auto", None, 1500, FrameOptions())
    return msgspec.structs.replace(asked, **changes)


def noted(out: LocalStorage, videos: LocalStorage) -> dict[str, list[CachedProbe]]:
    found: dict[str, list[CachedProbe]] = {}
    for key, packed in read_known(out, videos):
        found.setdefault(key, []).append(msgspec.msgpack.decode(packed, type=CachedProbe))
    return found


def note(out: LocalStorage, videos: LocalStorage, asked: SourceTask, at: float | None = None) -> ProbedSource:
    source = resolve_source(asked, videos.root)
    notes = Notes(out, videos)
    notes.add(asked.paths[0], asked, source, time.time() if at is None else at)
    notes.write()
    return source


def test_an_answer_is_found_again(out: LocalStorage, videos: LocalStorage) -> None:
    source = note(out, videos, task("a.avi"))
    (found,) = noted(out, videos)["a.avi"]
    assert found.source == source
    assert recall_source(videos, task("a.avi"), [found]) == found


@pytest.mark.parametrize("change", ["touched", "longer"])
def test_an_answer_holds_while_the_file_is_the_same(out: LocalStorage, videos: LocalStorage, change: str) -> None:
    note(out, videos, task("a.avi"))
    path = videos.path("a.avi")
    if change == "touched":
        os.utime(path, (1e9, 1e9))
    else:
        stamp = os.stat(path).st_mtime_ns
        with open(path, "ab") as file:
            file.write(b"x")
        os.utime(path, ns=(stamp, stamp))
    assert recall_source(videos, task("a.avi"), noted(out, videos)["a.avi"]) is None


def test_a_missing_source_is_missing_whatever_is_known(out: LocalStorage, videos: LocalStorage) -> None:
    note(out, videos, task("a.avi"))
    os.unlink(videos.path("a.avi"))
    with pytest.raises(ClipError, match=r"no such file: /.*/a\.avi"):
        recall_source(videos, task("a.avi"), noted(out, videos)["a.avi"])


def test_a_file_written_a_moment_ago_is_not_believed(out: LocalStorage, videos: LocalStorage) -> None:
    os.utime(videos.path("a.avi"))
    note(out, videos, task("a.avi"))
    assert noted(out, videos) == {}


def test_quality_and_size_do_not_change_the_question_but_what_decides_on_frames_does() -> None:
    plain = question(task("a"), 0)
    look = FrameOptions(quality=50, short_side=100)
    assert question(task("b", frames=look), 0) == plain
    for change in (
        {"frames": FrameOptions(every=2)},
        {"frames": FrameOptions(fps=5.0)},
        {"frames": FrameOptions(max_frames=3)},
        {"ranges": [(0.0, 1.0)]},
        {"named": [True]},
        {"trimmed": "no"},
        {"segment_seconds": 2.0},
        {"span_frames": 0},
    ):
        assert question(task("a", **change), 0) != plain, change


def test_another_question_about_the_same_file_needs_no_second_hash(out: LocalStorage, videos: LocalStorage) -> None:
    note(out, videos, task("a.avi"))
    (found,) = noted(out, videos)["a.avi"]
    forged = msgspec.structs.replace(found, source=msgspec.structs.replace(found.source, fingerprint="f" * 64))
    again = resolve_source(task("a.avi", ranges=[(0.0, 0.1)], trimmed="no"), videos.root, [forged])
    assert again.fingerprint == "f" * 64
    assert again.clips[0].decode_end == 0.1
    assert resolve_source(task("a.avi"), videos.root, [forged]) == forged.source


def test_what_is_noted_of_one_root_is_not_believed_of_another(out: LocalStorage, videos: LocalStorage) -> None:
    note(out, videos, task("a.avi"))
    assert noted(out, LocalStorage(videos.root + "/elsewhere")) == {}


def test_a_torn_segment_is_passed_over(out: LocalStorage, videos: LocalStorage) -> None:
    note(out, videos, task("a.avi"))
    note(out, videos, task("b.avi"))
    (first, *_) = [path for path, _ in out.list(cache_folder(videos))]
    os.truncate(out.path(first), 10)
    assert len(noted(out, videos)) == 1
    assert out.stat(first) is None


def test_segments_are_merged_and_what_nobody_uses_goes(out: LocalStorage, videos: LocalStorage) -> None:
    now = time.time()
    note(out, videos, task("b.avi"), at=now - cache.EXPIRE - 10)
    for age in range(10):
        note(out, videos, task("a.avi"), at=now - 100 * age)
    assert len(noted(out, videos)["a.avi"]) == 10
    merge_note_files(out, videos)
    (left,) = out.list(cache_folder(videos))
    assert [kept.noted for kept in noted(out, videos)["a.avi"]] == [int(now)]
    assert "b.avi" not in noted(out, videos)
    merge_note_files(out, videos)
    assert list(out.list(cache_folder(videos))) == [left]


def test_a_file_that_cannot_be_looked_at_is_one_failure(videos: LocalStorage) -> None:
    os.symlink("loop.avi", videos.path("loop.avi"))
    for path, why in (("loop.avi", os.strerror(errno.ELOOP)), ("x" * 300, os.strerror(errno.ENAMETOOLONG))):
        with pytest.raises(ClipError) as caught:
            find_source(videos, [path])
        assert caught.value.reason == "storage"
        assert caught.value.message == f"the file cannot be read ({why}); mend it, and run the build again"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EIO])
def test_a_file_that_is_closed_to_us_is_one_failure(
    videos: LocalStorage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(path: str) -> os.stat_result:
        raise OSError(number, os.strerror(number), path)

    with monkeypatch.context() as patched, pytest.raises(ClipError, match=os.strerror(number)) as caught:
        patched.setattr("clipmill.storage.local.os.stat", refuse)
        find_source(videos, ["a.avi"])
    assert caught.value.reason == "storage"


def test_what_fails_for_every_source_ends_the_run() -> None:
    for cause in (OSError(errno.EMFILE, "too many open files"), RuntimeError("the bucket is closed"), None):
        with pytest.raises(StorageError, match="at fault"), reading_source():
            raise StorageError("the store is at fault") from cause


def test_reading_that_fails_names_the_file() -> None:
    # At 0 nothing is mapped: reading it is an I/O error.
    with LocalStorage("/proc/self").fetch("mem") as file:
        with pytest.raises(StorageError, match=r"^/proc/self/mem: Input/output error$"):
            file.read(10)
        with pytest.raises(StorageError, match=r"^/proc/self/mem: "):
            file.read()


def test_links_that_lead_nowhere_are_files_of_their_folder(videos: LocalStorage, tmp_path: Path) -> None:
    os.symlink("loop.avi", videos.path("loop.avi"))
    os.symlink("nowhere", videos.path("gone.avi"))
    assert videos.children() == ((), ("a.avi", "b.avi", "gone.avi", "loop.avi"))
    assert sorted(path for path, _ in videos.list()) == ["a.avi", "b.avi"]


def test_a_folder_that_cannot_be_read_is_named(videos: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    for look in (videos.children, lambda folder: list(videos.list(folder))):
        with monkeypatch.context() as patched, pytest.raises(StorageError) as caught:
            patched.setattr("clipmill.storage.local.os.scandir", refuse)
            look("c1")
        assert str(caught.value) == f"{videos.root}/c1: Permission denied"
