"""How many bytes a file says it has."""

from __future__ import annotations

import errno
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipmill.video.declared_size import declared_size


def declared(data: bytes) -> int | None:
    return declared_size(io.BytesIO(data), len(data))


def riff(payload: int, kind: bytes = b"AVI ", claims: int | None = None) -> bytes:
    return b"RIFF" + struct.pack("<I", payload + 4 if claims is None else claims) + kind + bytes(payload)


def box(name: bytes, payload: int, claims: int | None = None) -> bytes:
    return struct.pack(">I", payload + 8 if claims is None else claims) + name + bytes(payload)


def test_riff_says_how_far_it_reaches():
    avi = riff(100)
    assert declared(avi) == len(avi)
    assert declared(avi[:60]) == len(avi)


def test_riff_segments_of_an_avi_over_a_gigabyte_are_added_up():
    avi = riff(100) + riff(50, b"AVIX")
    assert declared(avi) == len(avi)
    assert declared(avi[:-20]) == len(avi)
    assert declared(avi + b"padding of some tool") == len(avi)


@pytest.mark.parametrize("claims", [101 + 4, 100 + 4 + 8], ids=["no pad byte", "its own header counted"])
def test_riff_that_is_off_by_a_few_bytes_is_not_cut_short(claims):
    avi = riff(100 if claims > 110 else 101, claims=claims)
    assert declared(avi) == len(avi)


def test_riff_of_a_recorder_that_was_stopped_says_nothing():
    size = declared(riff(100, claims=0))
    assert size is None or size <= 112


def test_other_riffs_are_not_videos():
    assert declared(riff(100, b"WAVE")) is None


def test_boxes_are_added_up():
    mp4 = box(b"ftyp", 16) + box(b"moov", 100) + box(b"mdat", 1000)
    assert declared(mp4) == len(mp4)
    assert declared(mp4[:500]) == len(mp4)
    assert declared(mp4 + bytes(4)) == len(mp4), "QuickTime ends some files with four zeros"


def test_a_box_may_have_a_64_bit_length():
    mp4 = box(b"ftyp", 16) + struct.pack(">I4sQ", 1, b"mdat", 1 << 33) + bytes(100)
    assert declared(mp4) == 24 + (1 << 33)
    assert declared(mp4[:34]) > 34, "cut within that length"


def test_a_box_of_length_zero_goes_to_the_end():
    mp4 = box(b"ftyp", 16) + box(b"moov", 100) + struct.pack(">I4s", 0, b"mdat") + bytes(100)
    assert declared(mp4) == len(mp4)


def test_media_without_an_index_were_to_go_on():
    for mdat in (box(b"mdat", 100), struct.pack(">I4s", 0, b"mdat") + bytes(100)):
        mp4 = box(b"ftyp", 16) + mdat
        assert declared(mp4) > len(mp4)
    for index in (b"moov", b"moof", b"meta"):
        mp4 = box(b"ftyp", 16) + box(index, 50) + box(b"mdat", 100)
        assert declared(mp4) == len(mp4)


def test_an_unknown_box_means_that_the_thread_is_lost():
    assert declared(box(b"ftyp", 16) + box(b"jpeg", 100, claims=10_000)) is None
    assert declared(box(b"ftyp", 16) + box(b"mdat", 100, claims=7)) is None


def matroska(segment_size: bytes, payload: int) -> bytes:
    return b"\x1a\x45\xdf\xa3" + b"\x84" + bytes(4) + b"\x18\x53\x80\x67" + segment_size + bytes(payload)


class OnDisk(io.BytesIO):
    """A file as ext4 has it, which refuses to seek beyond 16 TiB."""

    def seek(self, offset: int, whence: int = 0) -> int:
        if offset > 1 << 44:
            raise OSError(errno.EINVAL, "Invalid argument")
        return super().seek(offset, whence)


def test_a_header_that_reaches_beyond_what_files_can_hold_says_nothing():
    data = b"\x1a\x45\xdf\xa3\x01" + b"\xff" * 6 + b"\xfe" + bytes(50)
    assert declared_size(OnDisk(data), len(data)) is None


def test_the_segment_of_matroska_says_how_far_it_reaches():
    mkv = matroska(b"\x40\xc8", 200)
    assert declared(mkv) == len(mkv)
    assert declared(mkv[:100]) == len(mkv)
    assert declared(matroska(b"\x01" + (500).to_bytes(7, "big"), 200)) == 13 + 8 + 500


@pytest.mark.parametrize("unknown", [b"\xff", b"\x01" + b"\xff" * 7])
def test_a_live_recording_has_a_segment_of_unknown_size(unknown):
    assert declared(matroska(unknown, 200)) is None


@given(
    st.binary(max_size=64),
    st.sampled_from([b"", b"RIFF", b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftyp", b"RIFF\0\0\0\0AVI "]),
)
def test_garbage_is_never_an_error(data, head):
    size = declared(head + data)
    assert size is None or size >= 0
