"""What clipmill leaks finds of copies made of real clips, by kind of copy, and what it finds that it should not.

    python -m benchmarks.leaks VIDEOS... [--every K] [--seconds S] [--png FILE]

VIDEOS are folders of clips. Each clip is copied in every way of `KINDS`, as H.264; originals and copies become two data
sets, and each copy's original should be found. A pair of a copy and another clip is false, unless both are of one group
(`_gNN_` in names of UCF50 and UCF101), which were cut from one video; false pairs are drawn into FILE, so that a person
can say which of them are the same after all.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

import clipmill
from clipmill.leaks.find import find_leaks
from clipmill.leaks.found import Pair
from clipmill.leaks.pictures import draw_pairs
from clipmill.leaks.signatures import make_codes
from clipmill.reader.contact_sheet import png

Frames = list[np.ndarray]
#: Gives frames, frames a second and x264's constant rate factor of a copy.
Kind = Callable[[Frames, float], tuple[Frames, float, int]]

_USUAL, _COARSE = 23, 28


def half(frame: np.ndarray) -> np.ndarray:
    """At half the size."""
    return cv2.resize(frame, (frame.shape[1] // 2, frame.shape[0] // 2), interpolation=cv2.INTER_AREA)


def cropped(frame: np.ndarray) -> np.ndarray:
    """Without a tenth at each side."""
    down, across = round(frame.shape[0] * 0.1), round(frame.shape[1] * 0.1)
    return frame[down:-down, across:-across]


def with_logo(frame: np.ndarray) -> np.ndarray:
    """With a chequered sign in the upper right, 2 % of the picture."""
    frame = frame.copy()
    height, width = frame.shape[:2]
    sign = np.indices((4, 8)).sum(axis=0) % 2 * 255
    size = (width // 5, height // 10)
    logo = cv2.resize(sign.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)[..., None]
    frame[8 : 8 + size[1], width - size[0] - 8 : width - 8] = logo
    return frame


def at_rate(frames: Frames, fps: float, wanted: float) -> Frames:
    """The frames that are shown at so many moments a second."""
    return [frames[int(n * fps / wanted)] for n in range(int(len(frames) * wanted / fps))]


def each(change: Callable[[np.ndarray], np.ndarray]) -> Kind:
    """A kind that changes every frame."""
    return lambda frames, fps: ([change(frame) for frame in frames], fps, _USUAL)


def later(seconds: float) -> Kind:
    """A kind that begins later."""
    return lambda frames, fps: (frames[round(seconds * fps) :], fps, _USUAL)


KINDS: dict[str, Kind] = {
    "crf_28": lambda frames, fps: (frames, fps, _COARSE),
    "half_size": each(half),
    "mirrored": each(lambda frame: frame[:, ::-1]),
    "a_tenth_cropped": each(cropped),
    "from_1_s": later(1),
    "from_5_8_s": later(0.625),
    "15_fps": lambda frames, fps: (at_rate(frames, fps, 15), 15, _USUAL),
    "logo": each(with_logo),
    "half_mirrored_logo_from_1_2_s": lambda frames, fps: (
        [with_logo(half(frame)[:, ::-1]) for frame in frames[round(fps / 2) :]],
        fps,
        _COARSE,
    ),
}


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--every", type=int, default=1, help="only every K-th clip is copied")
    parser.add_argument("--seconds", type=float, default=10.0, help="the most of a clip that is copied")
    parser.add_argument("--png", type=Path)
    arguments = parser.parse_args()
    files = sorted(path for folder in arguments.videos for path in folder.resolve().rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory(prefix="clipmill-bench-") as name:
        folder = Path(name)
        originals = [(path, "original", path.stem) for path in files]
        copies = list(_copies(files[:: arguments.every], folder / "copies", arguments.seconds))
        data = _build(originals, folder, "originals")
        copied = _build(copies, folder, "copied")
        _report(data, copied, arguments.png)
    return 0


def _copies(files: Sequence[Path], folder: Path, seconds: float) -> Iterator[tuple[Path, str, str]]:
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        print(f"  {number:,} of {len(files):,} clips copied", end="\r", file=sys.stderr, flush=True)
        frames, fps = decoded(path, seconds)
        for place, (name, kind) in enumerate(KINDS.items()):
            changed, rate, crf = kind(frames, fps)
            if len(changed) >= rate / 2:
                copy = folder / f"{number}_{place}.mp4"
                _encode(copy, changed, rate, crf)
                yield copy, name, path.stem


def decoded(path: Path, seconds: float) -> tuple[Frames, float]:
    """The first seconds of a clip: its frames, (height, width, 3) RGB, and how many it has a second."""
    frames: Frames = []
    with av.open(str(path), metadata_errors="replace") as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 25)
        for packet in container.demux(stream):
            try:
                frames += [frame.to_ndarray(format="rgb24") for frame in packet.decode()]
            except av.FFmpegError:
                continue
            if len(frames) >= seconds * fps:
                break
    return [frame for frame in frames if frame.shape == frames[0].shape][: round(seconds * fps)], fps


def _encode(path: Path, frames: Frames, fps: float, crf: int) -> None:
    with av.open(str(path), "w") as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "ultrafast"})
        stream.pix_fmt = "yuv420p"
        height, width = (side // 2 * 2 for side in frames[0].shape[:2])
        stream.height, stream.width = height, width
        for frame in frames:
            even = np.ascontiguousarray(frame[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        container.mux(stream.encode())


def _build(clips: Sequence[tuple[Path, str, str]], folder: Path, name: str) -> clipmill.reader.Dataset:
    """A data set whose splits are the kinds of copies."""
    listing = folder / f"{name}.csv"
    with listing.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("path", "id", "split"))
        rows.writerows((path, f"{kind}/{clip}", kind) for path, kind, clip in clips)
    return clipmill.build(listing, out=folder / name, allow_outside=True, max_failures="50%", max_missing="50%")


def _report(data: clipmill.reader.Dataset, copied: clipmill.reader.Dataset, picture: Path | None) -> None:
    for dataset in (data, copied):
        begin = time.process_time()
        clips = len(make_codes(dataset, range(len(dataset.all))))
        print(f"signatures of {clips:,} clips: {clips * 60 / (time.process_time() - begin):,.0f} a CPU-minute")
    found = find_leaks(copied, [data])
    pairs = [pair for pair in found.pairs if pair.kind == "against"]
    right = [pair for pair in pairs if _clip(pair.first.id) == _clip(pair.second.id)]
    print(f"{'kind':<32} copies  found  recall  score: median, least")
    for kind in KINDS:
        of_kind = [pair.score for pair in right if pair.first.split == kind]
        copies = len(copied[kind])
        scores = f"{np.median(of_kind):.2f}, {min(of_kind):.2f}" if of_kind else ""
        print(f"{kind:<32} {copies:6,} {len(of_kind):6,} {len(of_kind) / copies:7.3f}  {scores}")
    false = [pair for pair in pairs if _group(pair.first.id) != _group(pair.second.id)]
    print(f"{len(false):,} pairs of a copy and another clip, not of one group")
    for names in sorted({(_clip(pair.first.id), _clip(pair.second.id)) for pair in false}):
        print("  " + "  ".join(names))
    _report_groups(data)
    if picture is not None and false:
        picture.write_bytes(png(draw_pairs(_one_of_each(false), {each.path: each for each in (data, copied)})))


def _report_groups(data: clipmill.reader.Dataset) -> None:
    found = {frozenset((pair.first.id, pair.second.id)) for pair in find_leaks(data).pairs}
    ids = data.table.ids.to_pylist()
    mates = [frozenset((a, b)) for n, a in enumerate(ids) for b in ids[:n] if _group(a) == _group(b)]
    print(f"{len(mates):,} pairs of one group, of which {len(found & set(mates)):,} are found")


def _one_of_each(pairs: Sequence[Pair]) -> list[Pair]:
    return list({(_clip(pair.first.id), _clip(pair.second.id)): pair for pair in pairs}.values())


def _clip(clip_id: str) -> str:
    return clip_id.partition("/")[2]


def _group(clip_id: str) -> str:
    return re.sub(r"(_g\d+)_c\d+$", r"\1", _clip(clip_id))


if __name__ == "__main__":
    sys.exit(main())
