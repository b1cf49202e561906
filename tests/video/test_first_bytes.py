"""Files that hold videos and are none, and what their first bytes say."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

import av
import pytest
from footage import write_film, x264
from miniature import draw_frame

from clipmill.errors import ClipError
from clipmill.video.container import Tally, open_video


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two AVIs of MPEG-4, whose frames libav finds wherever they lie in a file."""
    folder = tmp_path_factory.mktemp("films")
    return [write_film(folder / f"{name}.avi", 30, codec="mpeg4") for name in "ab"]


def refusal(data):
    with pytest.raises(ClipError) as caught, open_video(io.BytesIO(data)):
        pass
    return caught.value.reason, caught.value.message


def in_tar(films, form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        for film in films:
            archive.add(film, film.name)
    return out.getvalue()


def in_zip(films, packed):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as archive:
        for film in films:
            archive.write(film, film.name)
    return out.getvalue()


def test_an_archive_of_videos_is_no_clip(films):
    tars = [in_tar(films, form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    zips = [in_zip(films, packed) for packed in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
    archives = {"tar": tars, "zip": zips, "gzip": [gzip.compress(tars[0])]}
    for kind, several in archives.items():
        for data in several:
            reason, message = refusal(data)
            assert (reason, message.partition(":")[0]) == ("not_a_video", f"a {kind} archive")
            assert "clipmill unpack" in message


@pytest.mark.parametrize("zeros", [4, 12, 64, 200, 500, 1024])
def test_an_avi_without_its_header_is_no_raw_stream_of_another_rate(films, zeros):
    whole = films[0].read_bytes()
    assert refusal(bytes(zeros) + whole[zeros:])[0] in ("not_a_video", "truncated")


def test_a_raw_stream_may_have_zeros_before_it(films, tmp_path):
    raw = write_film(tmp_path / "raw.h264", 10, options=x264())
    for before in (b"", bytes(10)):
        with open_video(io.BytesIO(before + raw.read_bytes())) as video:
            assert len(list(video.frames(Tally()))) == 10


def test_a_movie_without_its_index_is_truncated(tmp_path):
    whole = write_film(tmp_path / "a.mp4", 10, options=x264()).read_bytes()
    assert refusal(whole[: whole.index(b"moov") - 4])[0] == "truncated"


def test_an_encrypted_stream_is_called_so(tmp_path):
    keys = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
    }
    film = write_film(tmp_path / "a.mp4", 10, options=x264(), container=keys)
    with pytest.raises(ClipError, match="encrypted") as caught, open_video(io.BytesIO(film.read_bytes())) as video:
        list(video.frames(Tally()))
    assert caught.value.reason == "corrupt"


def streams(path, sizes, codec="libx264"):
    with av.open(str(path), "w") as file:
        made = [file.add_stream(codec, rate=25) for _ in sizes]
        for stream, (width, height) in zip(made, sizes, strict=True):
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(5):
            for stream in made:
                picture = draw_frame(0, number, stream.width, stream.height)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        for stream in made:
            file.mux(stream.encode(None))
    with open_video(io.BytesIO(path.read_bytes())) as video:
        return video.stream.index


def test_of_several_streams_ffmpegs_choice_is_taken(tmp_path):
    """Held against `ffmpeg -i` 9.0.2 on these files: the largest, but an MP4 says which is the default one."""
    small, large = (64, 64), (96, 64)
    assert streams(tmp_path / "a.mkv", [small, large]) == 1
    assert streams(tmp_path / "b.mkv", [large, small]) == 0
    assert streams(tmp_path / "c.mkv", [small, small]) == 0
    assert streams(tmp_path / "d.avi", [small, large], "mpeg4") == 1
    assert streams(tmp_path / "e.ts", [small, large]) == 1
    assert streams(tmp_path / "f.mp4", [small, large]) == 0
