"""Opening videos: what is refused and why, what must never be opened, what was cut short."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from footage import make_clip, write_film, x264
from miniature import draw_frame

from clipmill.errors import ClipError
from clipmill.video.container import Tally, Video, open_video


def frames_of(data: bytes) -> int:
    with open_video(io.BytesIO(data)) as video:
        return sum(1 for _ in video.frames(Tally()))


def reason(data: bytes) -> str:
    with pytest.raises(ClipError) as caught, open_video(io.BytesIO(data)):
        pass
    return caught.value.reason


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    return write_film(tmp_path_factory.mktemp("film") / "film.mp4", 40, options=x264())


def test_an_empty_file_and_garbage_are_told_apart():
    assert reason(b"") == "empty"
    assert reason(b"\0" * 5000) == "not_a_video"
    assert reason(bytes(range(256)) * 100) == "not_a_video"
    assert reason(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n") == "not_a_video"
    assert reason(b"<!DOCTYPE html><title>Sign in</title>" * 50) == "not_a_video"


@pytest.mark.parametrize("codec", ["png", "mjpeg"])
def test_an_image_is_not_a_video(tmp_path, codec):
    picture = av.VideoFrame.from_ndarray(draw_frame(0, 0), "rgb24")
    with av.open(str(tmp_path / "x"), "w", format="image2") as file:
        stream = file.add_stream(codec)
        stream.width, stream.height = picture.width, picture.height
        stream.pix_fmt = "rgb24" if codec == "png" else "yuvj420p"
        file.mux(stream.encode(picture))
    assert reason((tmp_path / "x").read_bytes()) == "not_a_video"


def test_sound_alone_has_no_video_stream(tmp_path):
    with av.open(str(tmp_path / "x.mp4"), "w") as file:
        stream = file.add_stream("aac", rate=44100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.rate = 44100
        file.mux(stream.encode(sound))
        file.mux(stream.encode(None))
    assert reason((tmp_path / "x.mp4").read_bytes()) == "no_video_stream"


def test_decoding_is_asked_for_exactness_in_one_thread(film):
    with open(film, "rb") as file, open_video(file) as video:
        next(video.frames(Tally()))
        context = video.stream.codec_context
        assert context.flags & av.codec.context.Flags.bitexact
        assert context.thread_count == 1


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{path}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{path}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="0" bandwidth="1"><BaseURL>{path}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "asx": '<asx version="3.0"><entry><ref href="{path}"/></entry></asx>',
    "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="x"><Id>urn:uuid:{path}</Id></CompositionPlaylist>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_opens_no_other_file(film, kind):
    assert reason(PLAYLISTS[kind].format(path=film).encode()) == "not_a_video"


@contextlib.contextmanager
def counting_server() -> Iterator[tuple[int, list[int]]]:
    """A port of this machine, and the connections to it, each of which is closed at once."""
    found: list[int] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, (_, port) = server.accept()
                found.append(port)
                connection.close()

    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield server.getsockname()[1], found
    finally:
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.close()


@pytest.mark.parametrize("suffix", ["avi", "m3u8"])
def test_a_playlist_connects_to_nothing(tmp_path, suffix):
    """Asked of the other end: libav connects below Python, where no audit hook sees it."""
    with counting_server() as (port, connections):
        for kind, text in PLAYLISTS.items():
            path = tmp_path / f"{kind}.{suffix}"
            path.write_text(text.format(path=f"http://127.0.0.1:{port}/x.ts").replace("video 5004", f"video {port}"))
            with open(path, "rb") as file, pytest.raises(ClipError), open_video(file):
                pass
        assert not connections
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert client.recv(1) == b""  # counted, then closed
    assert len(connections) == 1


def boxes(data: bytes, start: int, end: int):
    while start + 8 <= end:
        length, name = struct.unpack(">I4s", data[start : start + 8])
        yield name, start, start + length
        start += length


def with_data_elsewhere(mp4: bytes, path: Path) -> bytes:
    """A movie (its index last) whose samples lie in another file, by a Macintosh alias record in its dref box."""
    out = bytearray(mp4)
    nested = []
    start, end = 0, len(mp4)
    for wanted in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start, end = next((a, b) for name, a, b in boxes(mp4, start, end) if name == wanted)
        nested.append(start)
        start += 8
    absolute = str(path).encode()
    absolute += b"\0" * (len(absolute) % 2)
    alias = b"\0" * 10 + b"\0" * 28 + b"\0" * 12 + b"\0" * 64 + b"\0" * 16 + struct.pack(">HH", 0, 0) + b"\0" * 16
    alias += struct.pack(">HH", 2, len(absolute)) + absolute + struct.pack(">HH", 0xFFFF, 0)
    entry = struct.pack(">I4sI", 12 + len(alias), b"alis", 0) + alias
    entries = nested[-1] + 16
    grown = len(entry) - (end - entries)
    out[entries:end] = entry
    for box in nested:
        out[box : box + 4] = struct.pack(">I", struct.unpack(">I", mp4[box : box + 4])[0] + grown)
    mdat = next(a for name, a, _ in boxes(mp4, 0, len(mp4)) if name == b"mdat")
    (size,) = struct.unpack(">I", mp4[mdat : mdat + 4])
    out[mdat + 8 : mdat + size] = bytes(size - 8)
    return bytes(out)


def test_a_movie_whose_data_are_in_another_file_gets_none_of_them(film, tmp_path):
    trap = tmp_path / "trap.mov"
    trap.write_bytes(with_data_elsewhere(film.read_bytes(), film))
    with av.open(str(trap), options={"enable_drefs": "1", "use_absolute_path": "1"}) as asked_for_it:
        assert sum(1 for _ in asked_for_it.decode(video=0)) == 40, "the trap works"
    assert frames_of(trap.read_bytes()) == 0
    with pytest.raises(ClipError) as caught:
        make_clip(trap, tmp_path / "out")
    assert caught.value.reason == "corrupt"


def test_what_is_read_is_the_open_file_and_nothing_by_its_name(film, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(film.read_bytes())
    with open(path, "rb") as file:
        path.unlink()
        path.write_text("another file")
        with open_video(file) as video:
            assert sum(1 for _ in video.container.decode(video=0)) == 40


def test_a_cover_is_no_video_stream(shared_data):
    cover = shared_data / "videos" / "awkward" / "short" / "mp4parse_1frame_plus_coverart_stream.mp4"
    with open(cover, "rb") as file, open_video(file) as video:
        assert len(video.container.streams.video) == 2 and video.stream.codec_context.name == "h264"


def test_streams_that_come_late_are_left_alone(tmp_path):
    """Two transport streams in a row, the second with sound: PyAV used to stumble at their end."""
    write_film(tmp_path / "a.ts", 40, options=x264(), container={"mpegts_flags": "+initial_discontinuity"})
    with av.open(str(tmp_path / "b.ts"), "w") as file:
        video, sound = file.add_stream("libx264", rate=25, options=x264()), file.add_stream("mp2", rate=44100)
        video.width, video.height = 96, 64
        video.pix_fmt = "yuv420p"
        for number in range(40):
            file.mux(video.encode(av.VideoFrame.from_ndarray(draw_frame(0, 40 + number, 96, 64), "rgb24")))
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 2304), np.int16), "s16", "stereo")
            samples.rate = 44100
            file.mux(sound.encode(samples))
        file.mux(video.encode(None))
        file.mux(sound.encode(None))
    both = (tmp_path / "a.ts").read_bytes() * 20 + (tmp_path / "b.ts").read_bytes()
    assert frames_of(both) == 21 * 40


def test_a_raw_stream_has_no_timestamps_and_its_frames_are_evenly_spaced(tmp_path):
    made = make_clip(write_film(tmp_path / "x.h264", 20, options=x264()), tmp_path / "out")
    assert made.timestamps == [40_000 * n for n in range(20)]
    assert made.codes() == list(range(20))


def test_timestamps_may_begin_anywhere(tmp_path):
    late = write_film(
        tmp_path / "x.mkv", 20, options=x264(), stamps=lambda n: 40 * n + 90_000, time_base=Fraction(1, 1000)
    )
    assert make_clip(late, tmp_path / "out").timestamps == [40_000 * n for n in range(20)]
    assert make_clip(late, tmp_path / "part", start=0.2, end=0.4).codes() == [5, 6, 7, 8, 9]


def test_a_frame_rate_that_cannot_be_meant_is_25():
    class Stream:
        average_rate, guessed_rate = Fraction(1000), None

    assert Video(None, Stream, None, 0, None).fps == 25
    Stream.guessed_rate = Fraction(30000, 1001)
    assert Video(None, Stream, None, 0, None).fps == Fraction(30000, 1001)


#: container: (encoder, its options, of the muxer), and whether it says how long it should be
KNOWN = {
    "index_first.mp4": ("libx264", x264(), {"movflags": "+faststart"}),
    "index_last.mp4": ("libx264", x264(), {}),
    "film.mov": ("libx264", x264(), {}),
    "film.3gp": ("h263", {}, {}),
    "film.mkv": ("libx264", x264(), {}),
    "film.webm": ("libvpx", {"deadline": "realtime", "cpu-used": "8"}, {}),
    "film.avi": ("mpeg4", {}, {}),
}
UNKNOWN = {
    "film.flv": ("flv", {}, {}),
    "film.ts": ("mpeg2video", {}, {}),
    "film.mpg": ("mpeg1video", {}, {}),
    "film.ogv": ("libvpx", {"deadline": "realtime", "cpu-used": "8"}, {}),
    "film.h264": ("libx264", x264(), {}),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")

    def get(name):
        codec, options, muxer = (KNOWN | UNKNOWN)[name]
        path = folder / name
        if not path.exists():
            write_film(path, 50, codec, options, size=(176, 144), container=muxer)
        return path

    return get


@pytest.mark.parametrize("name", KNOWN | UNKNOWN)
def test_a_whole_file_is_never_called_truncated(whole, tmp_path, name):
    assert len(make_clip(whole(name), tmp_path / "out").frames) == 50


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", KNOWN)
def test_a_file_that_was_cut_is_called_truncated(whole, tmp_path, name, share):
    data = whole(name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ClipError) as caught:
        source = make_clip(cut, tmp_path / "out")
        raise AssertionError(f"{len(source.frames)} frames")
    assert caught.value.reason == "truncated"
    assert "truncated after" in caught.value.message or "its index is gone" in caught.value.message


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", UNKNOWN)
def test_containers_that_do_not_say_how_long_they_are_give_what_is_there(whole, tmp_path, name, share):
    data = whole(name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(data[: int(len(data) * share)])
    try:
        made = make_clip(cut, tmp_path / "out")
    except ClipError as error:
        # FLV lists its key frames as it goes; of Ogg too little may be left.
        assert (cut.suffix, error.reason) in (
            (".flv", "truncated"),
            (".flv", "corrupt"),
            (".ogv", "not_a_video"),
            (".ts", "corrupt"),
            (".ts", "truncated"),  # these two end inside a packet
            (".mpg", "truncated"),
            (".h264", "corrupt"),
        )
        assert error.reason != "corrupt" or "flags a frame as damaged" in error.message  # the last one, of few
    else:
        assert 0 < len(made.frames) < 50


REAL = (
    "ucf101/Swing/v_Swing_g14_c04.avi", "hmdb51/cartwheel/hmdb51_Turnk_r_Pippi_Michel_cartwheel_f_cm_np2_le_med_6.avi",
    "kinetics/Kop0sDqOn-c.mp4", "kinetics/flipping_a_pancake.mkv", "other/sthsth_121896_with_masks.webm",
    "awkward/containers/androidx_bbb_h263.3gp", "awkward/rotation/sideways movie.mov",
)  # fmt: skip


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", REAL)
def test_a_real_file_that_was_cut_is_called_truncated(shared_data, tmp_path, name, share):
    data = (shared_data / "videos" / name).read_bytes()
    cut = tmp_path / Path(name).name
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ClipError) as caught:
        make_clip(cut, tmp_path / "out")
    assert caught.value.reason == "truncated"


def test_an_index_that_leads_nowhere_is_found(film, tmp_path):
    """The end of the sample table points to where nothing is: the demuxer stops there without an error."""
    data = bytearray(film.read_bytes())
    stsz = data.find(b"stsz")
    count = struct.unpack(">I", data[stsz + 12 : stsz + 16])[0]
    assert count == 40
    for sample in range(20, 40):
        data[stsz + 16 + 4 * sample : stsz + 20 + 4 * sample] = struct.pack(">I", 1 << 24)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    with pytest.raises(ClipError) as caught:
        make_clip(broken, tmp_path / "out")
    assert caught.value.reason == "truncated"


def avi_chunks(data: bytes):
    """(offset, id, size) of the chunks in the list of frames."""
    at = data.index(b"movi") + 4
    while data[at : at + 4] not in (b"idx1", b"", b"JUNK"):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        yield at, name, size
        at += 8 + size + size % 2


def test_dropped_frames_of_an_avi_are_no_loss(tmp_path):
    """Capture programs write an empty chunk where they dropped a frame; it is in the index, and no packet."""
    path = write_film(tmp_path / "x.avi", 30, "mjpeg", pixels="yuvj420p")
    data = path.read_bytes()
    out = bytearray(data[: data.index(b"movi") + 4])
    entries = []
    start = len(out) - 4
    for number, (at, name, size) in enumerate(avi_chunks(data)):
        payload = b"" if number % 2 else data[at + 8 : at + 8 + size]
        entries.append(struct.pack("<4sIII", name, 0x10, len(out) - start, len(payload)))
        out += struct.pack("<4sI", name, len(payload)) + payload + b"\0" * (len(payload) % 2)
    movi = data.index(b"movi") - 4
    out[movi : movi + 4] = struct.pack("<I", len(out) - movi - 4)
    out += struct.pack("<4sI", b"idx1", 16 * len(entries)) + b"".join(entries)
    out[4:8] = struct.pack("<I", len(out) - 8)
    path.write_bytes(out)
    assert make_clip(path, tmp_path / "out").codes() == list(range(0, 30, 2))


def test_an_error_of_the_disk_is_not_the_files_fault(film):
    class Failing(io.BytesIO):
        def read(self, *args):
            if self.tell() > 4000:
                raise OSError(5, "Input/output error")
            return super().read(*args)

    with pytest.raises(OSError, match="Input/output"), open_video(Failing(film.read_bytes())) as video:
        list(video.frames(Tally()))
