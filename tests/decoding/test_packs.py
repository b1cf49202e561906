"""Packs: many small images in one file, each found by its clip's key, and one that fails costs no other."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from clipmill.content_names import clip_key
from clipmill.decoding.decode_span import decode_pack, decode_task
from clipmill.decoding.fragments import read_fragment, sealed
from clipmill.decoding.packs import PACKS, packed_spans
from clipmill.errors import ClipError, StorageError
from clipmill.messages import ClipTask
from clipmill.options import FrameOptions
from clipmill.storage import open_storage

OPTIONS = FrameOptions()


@pytest.fixture
def tasks(tmp_path):
    """Four images; the third is cut in the middle."""
    found = []
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (24, 16, 3), np.uint8)).save(path)
        if number == 2:
            path.write_bytes(path.read_bytes()[:500])
        stat = path.stat()
        key = clip_key(f"{number:064x}", None, None, OPTIONS)
        found.append(ClipTask(key, path.name, str(stat.st_mtime_ns), None, None, size=stat.st_size))
    return found


def test_a_pack_holds_what_fragments_of_their_own_would(tasks, tmp_path):
    out = tmp_path / "out"
    done = decode_pack(tasks, str(tmp_path), str(out), OPTIONS)
    assert [span is None for span in done] == [False, False, True, False]
    store = open_storage(str(out))
    (path,) = (path for path, _ in store.list())
    assert path.startswith(PACKS) and dict(packed_spans(store)) == {span.clip_key: span for span in done if span}
    for task, span in zip(tasks, done, strict=True):
        if span is None:
            with pytest.raises(ClipError, match=r"2\.png cannot be read"):
                decode_task(task, str(tmp_path), str(tmp_path / "alone"), OPTIONS)
            continue
        alone = decode_task(task, str(tmp_path), str(tmp_path / "alone"), OPTIONS)
        assert (span.digest, span.nbytes, span.frames) == (alone.digest, alone.nbytes, 1)
        footer, (frame,) = read_fragment(store, span.piece)
        theirs, (same,) = read_fragment(open_storage(str(tmp_path / "alone")), alone.piece)
        assert footer == theirs and bytes(frame) == bytes(same)


def test_the_same_images_make_the_same_pack(tasks, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert decode_pack(tasks, str(tmp_path), str(first), OPTIONS) == decode_pack(
        tasks, str(tmp_path), str(second), OPTIONS
    )
    (one,), (other,) = ((path for path in top.rglob("*") if path.is_file()) for top in (first, second))
    assert one.name == other.name and one.read_bytes() == other.read_bytes()


def test_an_image_that_changed_is_not_taken(tasks, tmp_path):
    Image.new("RGB", (16, 24)).save(tmp_path / "1.png")
    done = decode_pack(tasks, str(tmp_path), str(tmp_path / "out"), OPTIONS)
    assert [span is None for span in done] == [False, True, True, False]


def test_a_damaged_pack_is_found(tasks, tmp_path):
    span, *_ = decode_pack(tasks, str(tmp_path), str(tmp_path / "out"), OPTIONS)
    store = open_storage(str(tmp_path / "out"))
    data = bytearray(store.read(span.piece.path))
    store.put(span.piece.path, bytes(data[:-1]))
    assert list(packed_spans(store)) == []
    store.put(f"{PACKS}/other", sealed(b"\x91\x92\x01\x02", b"clippack"))
    assert list(packed_spans(store)) == []  # of another release
    store.delete(f"{PACKS}/other")
    data[7] ^= 1
    store.put(span.piece.path, bytes(data))
    with pytest.raises(StorageError, match="damaged fragment, now deleted"):
        read_fragment(store, span.piece)
    assert list(store.list()) == []
