"""From where decoding may begin, and when it must not: films made to trip the proof, and real ones."""

from __future__ import annotations

import io
import random
from fractions import Fraction

import pytest
from footage import make_clip, write_film, x264

from clipmill.options import FrameOptions
from clipmill.video.container import open_video
from clipmill.video.seek_points import _NAL_TYPES, _closed, _Nals, prove
from clipmill.video.timeline import Timeline


def timeline(path) -> Timeline | None:
    with open(path, "rb") as file, open_video(file) as video:
        return prove(video)


def vfr(number: int) -> int:
    """A timestamp in hundredths of a second: gaps of 10 ms to 0.4 s."""
    chance = random.Random(0)
    return sum(chance.choice([1, 1, 1, 2, 3, 7, 40]) for _ in range(number))


HUNDREDTH = Fraction(1, 100)
VFR = {"stamps": vfr, "time_base": HUNDREDTH, "rate": 100}
X265 = {"preset": "ultrafast", "x265-params": "keyint=12:min-keyint=12:bframes=4:scenecut=0:log-level=none:open-gop=0"}
VPX = {"deadline": "realtime", "cpu-used": "8", "b": "300k"}
ALT_REF = {"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k"}

#: name: (encoder, its options, how the film is made further); decoding may begin in the middle of each.
CLOSED = {
    "plain.mp4": ("libx264", x264(), {}),
    "plain.mkv": ("libx264", x264(), {}),
    "plain.flv": ("libx264", x264(), {}),
    "pyramid.mov": ("libx264", x264(b_pyramid="normal", b_adapt=0), {}),
    "short_gops.mp4": ("libx264", x264(keyint=2, min_keyint=1, bframes=1, b_adapt=0), {}),
    "intra.mp4": ("libx264", x264(keyint=1), {}),
    # Its edit list would end before the last frame.
    "vfr.mp4": ("libx264", x264(), VFR | {"container": {"use_editlist": "0"}}),
    "vfr.mkv": ("libx264", x264(), VFR),
    "late.mp4": ("libx264", x264(), {"stamps": lambda n: 40 * n + 5000, "time_base": Fraction(1, 1000)}),
    "fragmented.mp4": ("libx264", x264(), {"container": {"movflags": "frag_keyframe+empty_moov"}}),
    "no_edit_list.mp4": ("libx264", x264(), {"container": {"use_editlist": "0"}}),
    "repeated_headers.mkv": ("libx264", x264(repeat_headers=1), {}),
    "ten_bit_422.mkv": ("libx264", x264(), {"pixels": "yuv422p10le"}),
    "interlaced.mp4": ("libx264", x264(tff=1), {}),
    "closed.mp4": ("libx265", X265, {}),
    "closed.mkv": ("libx265", X265 | {"x265-params": X265["x265-params"] + ":repeat-headers=1"}, {}),
    "vp8.webm": ("libvpx", VPX, {"gop": 13}),
    "vp8_alt_ref.webm": ("libvpx", ALT_REF, {"gop": 20}),
    "vp9.webm": ("libvpx-vp9", VPX, {"gop": 13}),
    "vp9_alt_ref.mp4": ("libvpx-vp9", ALT_REF, {"gop": 20}),
    "av1.mp4": ("libsvtav1", {"preset": "12", "crf": "40"}, {"gop": 17}),
}
#: Decoding must begin at the start, or nothing is known: frames of later groups reach back.
OPEN = {
    "open_gop.mp4": ("libx264", x264(open_gop=1, b_adapt=0), {}),
    "refresh.mkv": ("libx264", x264(intra_refresh=1, bframes=0), {}),
    "open_gop_hevc.mp4": ("libx265", X265 | {"x265-params": X265["x265-params"].replace("gop=0", "gop=1")}, {}),
    "four_four_four.mp4": ("libx264", x264(), {"pixels": "yuv444p"}),
    "raw.h264": ("libx264", x264(), {}),
    "b_frames.avi": ("libx264", x264(), {}),
    "asp.avi": ("mpeg4", {}, {"gop": 12, "b_frames": 2}),
    "two.mpg": ("mpeg2video", {}, {"gop": 12, "b_frames": 2}),
    "seek_lands_late.ts": ("libx264", x264(), {}),
    "lossless.mkv": ("ffv1", {}, {}),
}


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Path of a film by its name, made on first use."""
    folder = tmp_path_factory.mktemp("films")

    def film(name):
        if not (folder / name).exists():
            codec, options, more = (CLOSED | OPEN)[name]
            write_film(folder / name, 50, codec, options, **more)
        return folder / name

    return film


def check_all_ways(path, tmp_path, options=FrameOptions(), start=None, end=None, span_frames=5):
    """Make one clip by spans, by one seek, and from the start; all that comes of it must be the same."""
    ways = {"spans": {"span_frames": span_frames}, "one span": {"span_frames": 0}, "from the start": {"seek": False}}
    made = {name: make_clip(path, tmp_path / name, options, start, end, **way) for name, way in ways.items()}
    assert made["spans"].content == made["from the start"].content
    assert made["one span"].content == made["from the start"].content
    return made["spans"]


@pytest.mark.parametrize("name", CLOSED)
def test_spans_of_closed_groups_give_what_decoding_from_the_start_gives(films, tmp_path, name):
    made = check_all_ways(films(name), tmp_path)
    assert len(made.spans) > 1 and all(span.seek is not None for span in made.spans[1:])
    assert not made.again, "the proof held"
    assert made.codes() == list(range(50))


@pytest.mark.parametrize("name", OPEN)
def test_open_groups_are_decoded_from_the_start(films, tmp_path, name):
    made = check_all_ways(films(name), tmp_path)
    assert made.again or (len(made.spans) == 1 and made.spans[0].seek is None)
    assert made.codes() == list(range(50))


@pytest.mark.parametrize(
    "options",
    [
        FrameOptions(every=3),
        FrameOptions(every=40),
        FrameOptions(fps=12.5),
        FrameOptions(fps=60.0),
        FrameOptions(fps=0.7),
        FrameOptions(max_frames=7),
        FrameOptions(every=4, max_frames=3),
        FrameOptions(fps=5.0, max_frames=4),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["pyramid.mov", "vfr.mkv", "open_gop.mp4", "asp.avi"])
def test_ranges_and_rates_give_the_same_by_any_way(films, tmp_path, name, options):
    for n, (start, end) in enumerate([(None, None), (0.5, 1.3), (1.0, None)]):
        check_all_ways(films(name), tmp_path / str(n), options, start, end)


def test_max_frames_does_not_decode_further_than_it_must(films):
    with open(films("intra.mp4"), "rb") as file, open_video(file) as video:
        proven = prove(video)
    assert proven.spans(0.2, None, FrameOptions(max_frames=4))[0].last == 9
    assert proven.spans(0.2, None, FrameOptions(max_frames=4, fps=5.0))[0].last == 5 + 3 * 5 + 1


@pytest.mark.slow
def test_the_long_video_is_the_same_in_spans(shared_data, tmp_path):
    (path,) = (shared_data / "videos" / "awkward" / "long").iterdir()
    options = FrameOptions(every=30, size=(64, 36))
    parts = make_clip(path, tmp_path / "parts", options, 100.0, 250.0, span_frames=1500)
    whole = make_clip(path, tmp_path / "whole", options, 100.0, 250.0, seek=False)
    assert len(parts.frames) == 150 and len(parts.spans) >= 3 and not parts.again
    assert parts.content == whole.content


REAL = (
    "awkward/names/file+with+data&streams=works?.mp4",
    "awkward/size_change/fate_brokensps.mp4",
    "awkward/size_change/fate_av1_sizeup_wrongext.mp4",
    "awkward/editlist/hf_test_video_66x50.mov",
    "awkward/interlaced/Sony ILCE-7M3 (A7M3).mts",
    "awkward/mpeg4_asp/fate_h264_in_avi_ref_10.avi",
    "awkward/pixfmt/moviepy_transparent.webm",
    "kinetics/askanything_making_cake.mp4",
    "kinetics/flipping_a_pancake.mkv",
    "other/activitynet_v_GGSY1Qvo990.mp4",
    "ucf101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c02.avi",
)


@pytest.mark.parametrize("name", REAL)
def test_real_videos_give_the_same_by_any_way(shared_data, tmp_path, name):
    path = shared_data / "videos" / name
    small = {"size": (64, 64)}
    check_all_ways(path, tmp_path / "whole", FrameOptions(**small))
    check_all_ways(path, tmp_path / "every", FrameOptions(every=2, **small), 0.2, 0.45)
    check_all_ways(path, tmp_path / "fps", FrameOptions(fps=10.0, **small), 0.3, None)


def test_old_444_of_x264_depends_on_what_was_decoded_before_and_is_not_proven(shared_data):
    assert timeline(shared_data / "videos" / "other" / "imageio_cockatoo.mp4") is None


def test_damage_is_decoded_from_the_start_however_the_clip_was_planned(films, tmp_path):
    """Spans must give what one span gives, or give up: seen on 60 damaged films."""
    chance = random.Random(0)
    outcomes = set()
    for number in range(60):
        source = films(chance.choice(["plain.mp4", "plain.mkv", "closed.mp4", "vp9.webm", "av1.mp4"]))
        data = bytearray(source.read_bytes())
        for _ in range(chance.choice([1, 3, 10])):
            data[chance.randrange(len(data) // 10, len(data))] ^= 1 << chance.randrange(8)
        broken = tmp_path / f"{number}{source.suffix}"
        broken.write_bytes(data)
        start, end = chance.choice([(None, None), (0.5, 1.5)])
        found = []
        for span_frames in (5, 0):
            try:
                out = tmp_path / f"{number}-{span_frames}"
                found.append(make_clip(broken, out, FrameOptions(size=(32, 32)), start, end, span_frames=span_frames))
            except Exception as error:
                found.append(error)
        spans, whole = found
        if isinstance(whole, Exception):
            assert type(spans) is type(whole) and str(spans) == str(whole)
        else:
            assert spans.content == whole.content
            outcomes.add(spans.again)
    assert outcomes == {True, False}


def units(*kinds: int, payload: bytes = b"\x11\x22") -> bytes:
    return b"".join(b"\0\0\0\1" + bytes([kind]) + payload for kind in kinds)


SPS, PPS, SEI, IDR, P = 0x67, 0x68, 0x06, 0x65, 0x41


def h264(extradata: bytes = b"") -> _Nals:
    return _Nals(_NAL_TYPES["h264"], extradata)


def test_only_idr_pictures_empty_the_decoder():
    nals = h264(units(SPS, PPS))
    assert nals.empty_the_decoder(units(IDR))
    assert not nals.empty_the_decoder(units(P))
    assert nals.empty_the_decoder(units(SEI, IDR, IDR))


def test_units_are_found_behind_lengths_of_any_size():
    for size in (1, 2, 4):
        nals = h264(bytes([1, 100, 0, 31, 0xFC | size - 1]))
        packet = b"".join(len(unit).to_bytes(size, "big") + unit for unit in (b"\x06ab", b"\x65cd"))
        assert nals.empty_the_decoder(packet)
        assert not nals.empty_the_decoder(len(b"\x41\x65").to_bytes(size, "big") + b"\x41\x65")


@pytest.mark.parametrize("damaged", [b"", b"\0", b"\0\0\1", b"\0\0\0\2\x65", b"\xff\xff\xff\xff\x41"])
def test_damaged_units_are_no_error(damaged):
    for nals in (h264(), h264(bytes([1, 100, 0, 31, 0xFF]))):
        assert nals.empty_the_decoder(damaged) in (True, False)


def test_repeated_parameter_sets_are_known_and_others_end_the_proof():
    nals = h264()
    assert nals.empty_the_decoder(units(SPS, PPS, IDR))
    assert nals.empty_the_decoder(units(SPS, PPS, IDR))
    assert not nals.empty_the_decoder(units(PPS, payload=b"\x33") + units(P))
    assert not nals.empty_the_decoder(units(SPS, PPS, IDR)), "a decoder that was there knows another one"


def test_parameter_sets_of_the_container_are_known():
    nals = h264(units(SPS, PPS))
    assert nals.empty_the_decoder(units(IDR)) and nals.empty_the_decoder(units(SPS, IDR))


def test_another_x264_ends_the_proof():
    name = b"\x06\x05x264 - core 142"
    nals = h264()
    assert nals.empty_the_decoder(units(SPS, PPS) + b"\0\0\1" + name + units(IDR))
    assert nals.empty_the_decoder(b"\0\0\1" + name + units(IDR))
    assert not nals.empty_the_decoder(b"\0\0\1" + name.replace(b"142", b"164") + units(IDR))


def test_other_supplements_may_change():
    nals = h264(units(SPS, PPS))
    assert all(nals.empty_the_decoder(units(SEI, payload=bytes([n])) + units(IDR)) for n in range(1, 9))


def test_key_frames_that_others_reach_across_are_not_clean():
    # Decoding order; key frames at 0, 3 and 6; the fourth frame of the second group is shown before its key frame.
    stamps = [0, 2, 1, 4, 3, 5, 6, 7]
    assert _closed(stamps, [0, 3, 6]) == [(0, 0), (6, 6)]
    assert _closed([0, 5, 3, 4], [0, 2]) == [(0, 0)], "an earlier packet is shown later"


def test_a_stream_that_does_not_begin_with_a_key_frame_is_not_proven(shared_data):
    folder = shared_data / "videos" / "awkward" / "nokeyframe"
    assert [timeline(path) for path in sorted(folder.iterdir())] == [None, None]


def test_a_file_cut_short_is_not_proven(films):
    data = films("fragmented.mp4").read_bytes()
    for size, proven in ((len(data), True), (len(data) - 3000, False)):
        with open_video(io.BytesIO(data[:size])) as video:
            assert (prove(video) is not None) == proven
