"""Fragments: whole or not at all, and checked."""

from __future__ import annotations

import hashlib
import tracemalloc

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipmill.decoding import fragments
from clipmill.decoding.fragments import (
    clip_digest,
    fragment_path,
    new_fragment,
    read_footer,
    read_fragment,
    remembered_failure,
    sealed,
)
from clipmill.errors import StorageError
from clipmill.messages import Piece
from clipmill.storage import LocalStorage

FRAMES = [bytes([n]) * (n + 1) for n in range(10)]
PATH = fragment_path("ab" * 16, 0, 1)


@pytest.fixture
def store(tmp_path):
    return LocalStorage(str(tmp_path))


def write(store, frames=FRAMES, path=PATH, failure=None):
    with new_fragment(store, path) as fragment:
        for frame in frames:
            fragment.add(frame)
        times = [40_000 * n for n in range(len(fragment.sizes))]
        return fragment.finish(times, list(range(len(times))), (320, 240), 25.0, 2, failure)


def test_what_was_written_is_read(store):
    footer = write(store)
    found, frames = read_fragment(store, Piece(PATH))
    assert [bytes(frame) for frame in frames] == FRAMES
    assert found == footer == read_footer(store, PATH)
    assert (found.width, found.height, found.fps, found.bad_packets) == (320, 240, 25.0, 2)
    assert found.digests == b"".join(hashlib.sha256(frame).digest() for frame in FRAMES)


def test_the_same_frames_make_the_same_bytes(store):
    write(store)
    write(store, path="other")
    assert store.read(PATH) == store.read("other")


def test_an_interrupted_writer_leaves_nothing(store):
    with pytest.raises(RuntimeError), new_fragment(store, PATH) as fragment:
        fragment.add(b"frame")
        raise RuntimeError("the decoder fell over")
    assert store.stat(PATH) is None and read_footer(store, PATH) is None
    assert list(store.list()) == []
    with pytest.raises(FileNotFoundError):
        read_fragment(store, Piece(PATH))


@pytest.mark.parametrize("where", ["frames", "footer", "tail", "magic"])
def test_a_changed_byte_is_found_and_the_fragment_goes(store, where):
    footer = write(store)
    data = bytearray(store.read(PATH))
    data[{"frames": 7, "footer": sum(footer.sizes) + 3, "tail": -16, "magic": -1}[where]] ^= 1
    store.put(PATH, bytes(data))
    if where != "frames":
        assert read_footer(store, PATH) is None
    with pytest.raises(StorageError, match="damaged fragment"):
        read_fragment(store, Piece(PATH))
    assert store.stat(PATH) is None


@pytest.mark.parametrize("length", [0, 1, 15, 16, 40, -1])
def test_a_torn_fragment_is_found(store, length):
    write(store)
    store.put(PATH, store.read(PATH)[:length])
    assert read_footer(store, PATH) is None
    with pytest.raises(StorageError):
        read_fragment(store, Piece(PATH))


@given(change=st.lists(st.tuples(st.integers(0, 700), st.binary(max_size=8)), min_size=1, max_size=3))
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_damage_gives_what_was_written_or_a_storage_error(store, change):
    written = write(store)
    whole = store.read(PATH)
    data = bytearray(whole)
    for at, piece in change:
        data[at : at + 4] = piece
    store.put(PATH, bytes(data))
    assert read_footer(store, PATH) in (None, written)
    try:
        found, frames = read_fragment(store, Piece(PATH))
    except StorageError:
        assert store.stat(PATH) is None
    else:
        assert found == written and [bytes(frame) for frame in frames] == FRAMES


@pytest.mark.parametrize("footer", [b"", b"\xc0", b"\x93\x01\x02\x03", msgspec.msgpack.encode([[1], "x"])])
def test_the_footer_of_another_release_is_none(store, footer):
    store.put(PATH, sealed(footer, b"clipfrag"))
    assert read_footer(store, PATH) is None and remembered_failure(store, PATH) is None
    with pytest.raises(StorageError, match="damaged fragment"):
        read_fragment(store, Piece(PATH))


def test_a_length_in_a_tail_takes_no_memory_that_the_file_does_not_have(store):
    data = bytearray(sealed(b"x" * 1000, b"clipfrag"))
    data[-12:-8] = b"\xff\xff\xff\xff"
    store.put(PATH, bytes(data))
    tracemalloc.start()
    assert read_footer(store, PATH) is None
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


def test_a_footer_of_any_length_is_read(store):
    frames = [b"x"] * 5000
    write(store, frames)
    assert store.stat(PATH).size > 200_000
    assert read_footer(store, PATH).sizes == [1] * 5000


def test_a_failure_is_a_fragment_without_frames(store):
    write(store, [], failure=("corrupt", "no frame could be decoded"))
    assert read_footer(store, PATH).failure == ("corrupt", "no frame could be decoded")
    assert remembered_failure(store, PATH) == ("corrupt", "no frame could be decoded")
    assert remembered_failure(store, "none") is None


def test_the_digest_does_not_depend_on_how_a_clip_was_cut(store):
    whole = write(store).digests
    parts = [write(store, part, f"part{n}").digests for n, part in enumerate((FRAMES[:3], [], FRAMES[3:]))]
    assert clip_digest(parts) == clip_digest([whole])
    assert clip_digest(parts) != clip_digest(parts[::-1])


def test_a_long_clip_is_never_held_in_memory(store):
    frame = bytes(100_000)
    tracemalloc.start()
    write(store, (frame for _ in range(300)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert store.stat(PATH).size > 30_000_000
    assert peak < 4 * fragments._FLUSH
