"""Damage is seen: what an interrupted download, a bad disk or a cut leaves is no whole clip."""

from __future__ import annotations

import numbered
import pytest
from footage import make_clip

from clipmill.errors import ClipError
from clipmill.video import structure
from clipmill.video.container import Tally, open_video


@pytest.fixture(scope="module", params=["x.mkv", "x.mp4", "x.avi", "x.ts"])
def film(request, tmp_path_factory):
    codec = "mpeg4" if request.param == "x.avi" else "libx264"
    return numbered.write(tmp_path_factory.mktemp("film") / request.param, 90, codec=codec)


def damaged(film, tmp_path, start, end, fill=b"\0"):
    data = bytearray(film.read_bytes())
    begin, stop = int(len(data) * start), int(len(data) * end)
    data[begin:stop] = (fill * (stop - begin))[: stop - begin]
    path = tmp_path / film.name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("start, end", [(0.25, 0.75), (0.5, 1.0), (0.4, 0.55), (0.0, 0.5)])
def test_zeros_of_an_interrupted_download_are_no_whole_clip(film, tmp_path, start, end):
    with pytest.raises(ClipError) as caught:
        made = make_clip(damaged(film, tmp_path, start, end), tmp_path / "out")
        raise AssertionError(f"{len(made.frames)} of 90 frames, bad packets {made.bad_packets}")
    # Of a transport stream without its beginning nobody knows that it is none.
    named = ("corrupt", "truncated") if film.suffix != ".ts" else ("corrupt", "truncated", "not_a_video")
    assert caught.value.reason in named, caught.value.message


def test_a_small_hole_costs_its_frames_and_is_counted(tmp_path):
    film = numbered.write(tmp_path / "a.avi", 300, codec="mpeg4")
    data = film.read_bytes()
    hole = 512 / len(data)
    (tmp_path / "b").mkdir()
    made = make_clip(damaged(film, tmp_path / "b", 0.5, 0.5 + hole), tmp_path / "out")
    lost = 300 - len(set(range(300)) & set(numbered.numbers(made.frames)))
    assert 0 < lost <= 15 and made.bad_packets > 0


def test_frames_that_are_predicted_from_a_damaged_one_count(tmp_path):
    """libavcodec flags the damaged frame alone: the eleven behind it show other numbers than their own."""
    film = numbered.write(tmp_path / "a.avi", 105, codec="mpeg4")
    data = bytearray(film.read_bytes())
    data[6144:6656] = bytes(512)  # in the first key frame
    film.write_bytes(data)
    with pytest.raises(ClipError, match="packets could not be decoded well"):
        raise AssertionError(numbered.numbers(make_clip(film, tmp_path / "out").frames))


@pytest.mark.parametrize("name, codec", [("a.ts", "libx264"), ("a.mpg", "mpeg2video"), ("a.flv", "libx264")])
@pytest.mark.parametrize("share", [0.3, 0.62, 0.97])
def test_a_file_without_an_index_that_ends_inside_a_packet_is_truncated(tmp_path, name, codec, share):
    film = numbered.write(tmp_path / name, 90, codec=codec)
    assert len(make_clip(film, tmp_path / "whole").frames) == 90
    data = film.read_bytes()
    film.write_bytes(data[: int(len(data) * share) // 188 * 188 + 77])
    with pytest.raises(ClipError) as caught:
        raise AssertionError(len(make_clip(film, tmp_path / "out").frames))
    assert caught.value.reason == "truncated"


def test_a_good_part_of_a_damaged_file_is_a_good_clip(tmp_path):
    film = numbered.write(tmp_path / "a.mkv", 90)
    (tmp_path / "b").mkdir()
    path = damaged(film, tmp_path / "b", 0.6, 0.8)
    made = make_clip(path, tmp_path / "out", start=0.4, end=1.2)
    assert numbered.numbers(made.frames) == list(range(10, 30)) and made.bad_packets == 0
    with pytest.raises(ClipError):
        make_clip(path, tmp_path / "whole")


def refused(film, tmp_path):
    with pytest.raises(ClipError) as caught:
        made = make_clip(film, tmp_path / "out")
        raise AssertionError(f"{len(made.frames)} frames, bad packets {made.bad_packets}")
    return caught.value.reason, caught.value.message


@pytest.mark.parametrize("at", [0.3, 0.5, 0.8])
def test_a_hole_inside_the_packets_of_a_program_stream_is_seen(tmp_path, at):
    film = numbered.write(tmp_path / "a.mpg", 90, codec="mpeg2video")
    data = bytearray(film.read_bytes())
    begin = int(len(data) * at) // 512 * 512
    data[begin : begin + 1024] = bytes(1024)
    film.write_bytes(data)
    assert refused(film, tmp_path)[0] == "corrupt"


CONSTANT = {"b": "1M", "minrate": "1M", "maxrate": "1M", "bufsize": "2M"}


@pytest.mark.parametrize(
    "name, codec, options",
    [
        ("a.mpg", "mpeg2video", CONSTANT),
        ("a.ts", "mpeg2video", CONSTANT),
        ("a.mpg", "mpeg1video", CONSTANT),
        ("a.avi", "mpeg4", CONSTANT),
        ("a.h264", "libx264", {"x264-params": "bitrate=3000:vbv-maxrate=3000:vbv-bufsize=1000:nal-hrd=cbr"}),
    ],
)
def test_streams_filled_up_to_a_constant_rate_have_no_holes(tmp_path, name, codec, options):
    film = numbered.write(tmp_path / name, 50, codec=codec, options=options)
    if name == "a.mpg":
        assert bytes(512) in film.read_bytes(), "it is filled up with zeros"
    made = make_clip(film, tmp_path / "out")
    assert numbered.numbers(made.frames) == list(range(50)) and made.bad_packets == 0


def test_a_sample_table_that_names_fewer_frames_than_there_are(tmp_path):
    film = numbered.write(tmp_path / "a.mp4", 90)
    data = bytearray(film.read_bytes())
    # One chunk of 30 samples, so that all others are in none.
    at = data.index(b"stsc") + 8
    assert int.from_bytes(data[at : at + 4], "big") == 1
    data[at + 8 : at + 12] = (30).to_bytes(4, "big")
    film.write_bytes(data)
    assert refused(film, tmp_path)[0] == "corrupt"


@pytest.mark.parametrize("name, codec", [("a.mkv", "libx264"), ("a.webm", "libvpx")])
def test_blocks_behind_one_that_the_demuxer_cannot_read(tmp_path, name, codec):
    film = numbered.write(tmp_path / name, 90, codec=codec)
    assert make_clip(film, tmp_path / "whole").bad_packets == 0
    data = bytearray(film.read_bytes())
    with film.open("rb") as file:
        places = [(at, taken) for at, name, taken, _ in structure._elements(file, len(data)) if name == 0xA3]
    at, taken = places[60]
    data[at + taken : at + taken + 5] = bytes.fromhex("dea1a9fb96")  # another track, time and lacing
    film.write_bytes(data)
    assert refused(film, tmp_path)[0] in ("corrupt", "truncated")


def test_frames_behind_a_packet_that_an_avi_lacks_are_lost_up_to_the_next_key_frame(tmp_path):
    film = numbered.write(tmp_path / "a.avi", 90, codec="mpeg4", options={"g": "30", "b": "300k"})
    with film.open("rb") as file, open_video(file) as video:
        entry, following = video.stream.index_entries[33], video.stream.index_entries[34]
    data = bytearray(film.read_bytes())
    data[entry.pos : following.pos] = b"\xa5" * (following.pos - entry.pos)
    film.write_bytes(data)
    assert "frames are lost" in refused(film, tmp_path)[1]


def test_frames_that_a_list_of_edits_leaves_out_are_not_lost(tmp_path):
    film = numbered.write(tmp_path / "a.mp4", 90, options={"preset": "ultrafast", "g": "10", "bf": "0"})
    data = bytearray(film.read_bytes())
    # The movie shows one second from 1.2 s on, as a phone trims it: all samples stay in the file.
    scale = int.from_bytes(data[(at := data.index(b"mdhd") + 16) : at + 4], "big")
    movie = int.from_bytes(data[(at := data.index(b"mvhd") + 16) : at + 4], "big")
    for name, place in (("mvhd", 20), ("tkhd", 24)):
        at = data.index(name.encode()) + place
        data[at : at + 4] = movie.to_bytes(4, "big")
    at = data.index(b"elst") + 12
    data[at : at + 8] = movie.to_bytes(4, "big") + (scale * 12 // 10).to_bytes(4, "big")
    film.write_bytes(data)
    made = make_clip(film, tmp_path / "out")
    assert set(range(30, 55)) <= set(numbered.numbers(made.frames)) and len(made.frames) < 60
    assert made.bad_packets == 0


def test_frames_that_damaged_times_leave_out_of_a_movie_are_lost(tmp_path):
    film = numbered.write(tmp_path / "a.mp4", 90, options={"preset": "ultrafast", "g": "10", "bf": "0"})
    data = bytearray(film.read_bytes())
    at = data.index(b"stts") + 12  # one entry: 90 frames, each so long
    data[at : at + 4] = (20).to_bytes(4, "big")  # now 20, and the others have no times
    film.write_bytes(data)
    try:
        made = make_clip(film, tmp_path / "out")
    except ClipError as error:
        assert error.reason in ("corrupt", "truncated")
    else:
        assert numbered.numbers(made.frames) == list(range(90))


@pytest.mark.parametrize("name", ["a.flv", "a.mkv"])
def test_frames_behind_a_break_are_lost_up_to_the_next_key_frame(tmp_path, name):
    film = numbered.write(tmp_path / name, 90, options={"preset": "ultrafast", "g": "30", "bf": "0"})
    with film.open("rb") as file, open_video(file) as video:
        at = [packet.pos for packet in video.packets(Tally())][33]
    data = bytearray(film.read_bytes())
    # With the head of the part that the packet is in.
    data[at - 4 : at + 24] = b"\xa5" * 28
    film.write_bytes(data)
    assert refused(film, tmp_path)[0] in ("corrupt", "truncated")


def test_a_tail_of_zeros_behind_a_bad_packet_is_no_padding(tmp_path):
    film = numbered.write(tmp_path / "a.mkv", 60)
    with film.open("rb") as file, open_video(file) as video:
        at = [packet.pos for packet in video.packets(Tally())][56]
    data = bytearray(film.read_bytes())
    data[at + 20 :] = bytes(len(data) - at - 20)
    film.write_bytes(data)
    assert refused(film, tmp_path)[0] in ("corrupt", "truncated")


def test_frames_behind_a_lost_first_key_frame_are_lost(tmp_path):
    film = numbered.write(tmp_path / "a.avi", 110, codec="mpeg4")
    with film.open("rb") as file, open_video(file) as video:
        first, second = (entry.pos for entry in video.stream.index_entries[:2])
    data = bytearray(film.read_bytes())
    data[first - 12 : second - 500] = bytes(second - 500 - first + 12)
    film.write_bytes(data)
    assert refused(film, tmp_path)[0] == "corrupt"


def test_an_empty_block_is_a_frame_that_was_dropped(tmp_path):
    film = numbered.write(tmp_path / "a.mkv", 20, options={"preset": "ultrafast", "bf": "0"})
    data = bytearray(film.read_bytes())
    with film.open("rb") as file:
        at, _, taken, length = [part for part in structure._elements(file, len(data)) if part[1] == 0xA3][-1]
    head = bytes(data[at + taken : at + taken + 4])
    rest = taken + length - 6  # a Void element fills the place of the frame
    data[at : at + taken + length] = (
        b"\xa3\x84" + head + b"\xec" + (0x4000 | rest - 3).to_bytes(2, "big") + bytes(rest - 3)
    )
    film.write_bytes(data)
    made = make_clip(film, tmp_path / "out")
    assert numbered.numbers(made.frames) == list(range(19)) and made.bad_packets == 0


def test_a_tail_of_noise_is_no_padding_where_frames_are_missing(tmp_path):
    film = numbered.write(tmp_path / "a.webm", 55, codec="libvpx")
    with film.open("rb") as file:
        blocks = [at for at, name, _, _ in structure._elements(file, film.stat().st_size) if name == 0xA3]
    data = film.read_bytes()
    tail = blocks[52] + 1
    noise = b"\xa5" * (len(data) - tail)
    film.write_bytes(data[:tail] + noise)
    assert len(noise) < 0.05 * len(data) and refused(film, tmp_path)[0] in ("corrupt", "truncated")
    film.write_bytes(data + b"\xa5" * 100)  # as some writers fill up a disk's last block
    assert len(make_clip(film, tmp_path / "padded").frames) == 55
