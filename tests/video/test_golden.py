"""Golden clips: the same bytes everywhere, on every processor and with every release of a library.

`tests/golden/expected.json` pins clip keys and digests of four small films that lie beside
it, and of some real clips. A change of libavcodec, OpenCV, libjpeg-turbo or of our own code
that moves a digest makes other pixels under an old name: raise `clipmill.content_names.CODEC_EPOCH`,
and write the file anew with `python tests/test_golden.py`. A clip key that moves while
its digest stays means that everybody decodes everything again for nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from footage import make_clip, resolve, write_film, x264
from places import DATA, ROOT

from clipmill.content_names import clip_key
from clipmill.options import FrameOptions

GOLDEN = Path(__file__).resolve().parent / "golden"

#: What is asked: options, start, end.
ASKED = {
    "as it is": (FrameOptions(), None, None),
    "every": (FrameOptions(every=3, quality=80), None, None),
    "fps": (FrameOptions(fps=10.0), 0.1, 0.7),
    "short_side": (FrameOptions(short_side=30, max_frames=7), None, None),
    "crop": (FrameOptions(size=(40, 40)), None, None),
    "pad": (FrameOptions(size=(50, 48), fit="pad"), None, None),
    "stretch": (FrameOptions(size=(33, 77), fit="stretch"), 0.5, None),
}
#: And of videos that are marked as interlaced.
ASKED_OF_FIELDS = {
    "as it is": (FrameOptions(), None, None),
    "deinterlace": (FrameOptions(deinterlace=True), None, None),
    "deinterlace a part": (FrameOptions(deinterlace=True, every=2, short_side=30, max_frames=3), 0.2, None),
}
FILMS = ("planes.mp4", "asp.avi", "ten_bit.mkv", "odd.webm")
FIELDS = ("fields.mpg", "ten_bit_fields.mkv")
REAL_FIELDS = ("awkward/interlaced/Sony ILCE-7M3 (A7M3).mts",)
REAL = (
    "ucf101/CliffDiving/v_CliffDiving_g02_c03.avi",  # differs without bitexact decoding
    "kinetics/mmaction2_part_0.mp4",
    "awkward/rotation/decord_video_90.mov",  # differs without bitexact scaling
    "awkward/pixfmt/fate_vp93-2-20-10bit-yuv422_wrongext.mp4",
    "awkward/av1/mp4parse_tiny_av1_1frame.mp4",
)


def measure(path: Path) -> dict[str, list[str]]:
    """Clip key and digest for everything that is asked."""
    found = {}
    fields = path.name in FIELDS or path in [DATA / "videos" / name for name in REAL_FIELDS]
    with tempfile.TemporaryDirectory() as out:
        for name, (options, start, end) in (ASKED_OF_FIELDS if fields else ASKED).items():
            if DATA in path.parents and name not in ("as it is", "crop") and not name.startswith("deinterlace a"):
                continue
            made = make_clip(path, Path(out) / name, options, start, end, span_frames=0 if options.deinterlace else 8)
            found[name] = [clip_key(resolve(path).fingerprint, start, end, options), made.digest]
    return found


def expected() -> dict[str, dict[str, list[str]]]:
    return json.loads((GOLDEN / "expected.json").read_text())


@pytest.mark.parametrize("name", FILMS + FIELDS)
def test_golden_films(name):
    assert measure(GOLDEN / name) == expected()[name]


@pytest.mark.parametrize("name", REAL + REAL_FIELDS)
def test_golden_real_clips(shared_data, name):
    assert measure(shared_data / "videos" / name) == expected()[name]


def test_golden_films_cover_both_ways_to_a_jpeg():
    digests = [digest for clip in expected().values() for _, digest in clip.values()]
    plain, fields = len(FILMS) * len(ASKED) + 2 * len(REAL), len(FIELDS) * len(ASKED_OF_FIELDS) + 2 * len(REAL_FIELDS)
    assert len(digests) == len(set(digests)) == plain + fields
    assert sum((GOLDEN / name).stat().st_size for name in FILMS + FIELDS) < 150_000


WITHOUT = """
import ctypes, re, sys
import av, cv2
# OpenCV brings a libav of its own.
(path,) = set(re.findall(r"/\\S*/av\\.libs/libavutil\\S*|/\\S*/libavutil\\.so\\S*", open("/proc/self/maps").read()))
libavutil = ctypes.CDLL(path)
libavutil.av_force_cpu_flags({flags})
assert libavutil.av_get_cpu_flags() == {flags}
cv2.setUseOptimized(False)
cv2.setNumThreads(1)
sys.path[:0] = [{tests!r}, {helpers!r}, {root!r}]
import test_golden
from pathlib import Path
for name in sys.argv[1:]:
    path = Path(name)
    key = path.name if path.parent == test_golden.GOLDEN else str(path.relative_to(test_golden.DATA / "videos"))
    assert test_golden.measure(path) == test_golden.expected()[key], name
print("the same")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for libavutil in /proc/self/maps")
@pytest.mark.parametrize("flags", [0, 0x7], ids=["none", "as of 1999"])
def test_the_bytes_are_the_same_without_simd(flags):
    """av_force_cpu_flags before anything is decoded or scaled; OpenCV and libjpeg-turbo without their own SIMD."""
    films = [str(GOLDEN / name) for name in FILMS + FIELDS]
    if (DATA / "facts.csv").is_file():
        films += [str(DATA / "videos" / name) for name in REAL + REAL_FIELDS]
    code = WITHOUT.format(
        flags=flags, tests=str(ROOT / "tests/video"), helpers=str(ROOT / "tests/helpers"), root=str(ROOT)
    )
    without = {"OPENCV_CPU_DISABLE": "AVX512_SKX,AVX2,AVX,FP16", "OPENCV_IPP": "disabled", "JSIMD_FORCENONE": "1"}
    environment = {**os.environ, **without}
    done = subprocess.run([sys.executable, "-c", code, *films], capture_output=True, text=True, env=environment)
    assert done.stdout.strip() == "the same", done.stderr


def write() -> None:
    """Make the films that are not there, and write what is expected anew."""
    GOLDEN.mkdir(exist_ok=True)
    makers = {
        "planes.mp4": {"options": x264(keyint=10, crf=30)},
        "asp.avi": {"codec": "mpeg4", "options": {"qmin": "4", "qmax": "4"}, "b_frames": 2},
        "ten_bit.mkv": {"options": x264(keyint=10, crf=30), "pixels": "yuv422p10le"},
        "odd.webm": {"codec": "libvpx-vp9", "options": {"crf": "40", "b": "0", "cpu-used": "8"}, "size": (63, 47)},
        "fields.mpg": {
            "codec": "mpeg2video",
            "options": {"flags": "+ilme+ildct", "qmin": "4", "qmax": "4"},
            "b_frames": 2,
        },
        "ten_bit_fields.mkv": {"options": x264(keyint=10, crf=30, tff=1), "pixels": "yuv422p10le"},
    }
    for name, how in makers.items():
        if not (GOLDEN / name).exists():
            write_film(GOLDEN / name, 24, **({"size": (64, 48)} | how))
    found = {name: measure(GOLDEN / name) for name in FILMS + FIELDS}
    found |= {name: measure(DATA / "videos" / name) for name in REAL + REAL_FIELDS}
    (GOLDEN / "expected.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    write()
