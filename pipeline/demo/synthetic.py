"""A small data set of moving shapes, made on the spot: real encoded video, one file cut short.

The class of a clip is its *motion*, and no single frame gives it away. Shapes
sit around the centre of the picture at an angle and a depth, both of which wrap
around: near shapes are large and leave the picture where far ones come out of
its centre. They start uniformly spread over this torus of (angle, depth), and a
motion shifts them all by the same path along it. A shift leaves the uniform
spread as it was, so each frame of a clip, the first and the last included, has
the same distribution for every class. Colours, shapes, lengths, sizes and
codecs are drawn without looking at the class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

FPS = 25
#: Width and height in pixels; the motions keep their look at any even size.
SIZES = ((320, 240), (256, 256))
#: Suffix, encoder and its options; one that this build of libav lacks is passed over.
ENCODINGS = (
    # Without looking ahead: with it, x264 gave other bytes from run to run.
    (".mp4", "libx264", {"preset": "veryfast", "crf": "20", "x264-params": "rc-lookahead=0:mbtree=0"}),
    (".avi", "mpeg4", {"flags": "+qscale", "global_quality": "354"}),  # quantizer 3, in units of FF_QP2LAMBDA = 118
    (".webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "28", "b": "0"}),
)

_CLIPS_PER_GROUP = 2
_SHAPES = 14
_DEPTH = 22.0  # a shape at the near end is this many times as large as at the far end

_Wave = NDArray[np.float64]


def _swing(turns: _Wave, phase: float) -> _Wave:
    return 0.15 * np.sin(2 * np.pi * (1.5 * turns + phase))


#: By class: how far angle and depth have moved, in turns, from a clip's pace and phase.
MOTIONS: dict[str, Callable[[_Wave, float], tuple[_Wave, _Wave]]] = {
    "clockwise": lambda turns, phase: (turns, 0 * turns),
    "counterclockwise": lambda turns, phase: (-turns, 0 * turns),
    "pulse": lambda turns, phase: (0 * turns, _swing(turns, phase)),
    "swing": lambda turns, phase: (_swing(turns, phase), 0 * turns),
    "zoom_in": lambda turns, phase: (0 * turns, turns),
    "zoom_out": lambda turns, phase: (0 * turns, -turns),
}


@dataclass(frozen=True)
class SyntheticClip:
    """One file of the data set.

    Attributes:
        path: the video, named as UCF101 names its own: FOLDER/<label>/v_<label>_gNN_cNN.<suffix>.
        label: a key of `MOTIONS`.
        group: clips of one group share colours and shapes.
        frames: how many were encoded.
        size: width and height in pixels.
        broken: the file was cut short after encoding.
    """

    path: Path
    label: str
    group: int
    frames: int
    size: tuple[int, int]
    broken: bool


def make_dataset(
    folder: str | Path,
    clips: int = 60,
    seed: int = 0,
    *,
    frames: tuple[int, int] = (24, 120),
    sizes: Sequence[tuple[int, int]] = SIZES,
    broken: int = 1,
) -> list[SyntheticClip]:
    """Write videos of moving shapes into one folder per class.

    Args:
        folder: made if need be.
        clips: how many, dealt out to the classes in turn.
        seed: the same seed gives the same files, byte for byte, with the same libav.
        frames: the shortest and the longest length; every class gets the same lengths.
        sizes: widths and heights in pixels, even numbers; clips get them in turn.
        broken: how many files lose their second half, .mp4 files if there are as many.

    Returns:
        The clips, in the order they were made.
    """
    encodings = [encoding for encoding in ENCODINGS if encoding[1] in av.codecs_available]
    made = []
    for number in range(clips):
        take, which = divmod(number, len(MOTIONS))
        label = list(MOTIONS)[which]
        group, member = divmod(take, _CLIPS_PER_GROUP)
        suffix, encoder, options = encodings[take % len(encodings)]
        size = sizes[take // len(encodings) % len(sizes)]
        length = int(np.random.default_rng([seed, take]).integers(*frames, endpoint=True))

        path = Path(folder, label, f"v_{label}_g{group + 1:02d}_c{member + 1:02d}{suffix}")
        look = ShapeStyle.draw(np.random.default_rng([seed, group]), size)
        spread = paths(label, length, np.random.default_rng([seed, take, which]))
        write_video(path, (look.frame(*state) for state in spread), encoder, options)
        made.append(SyntheticClip(path, label, group + 1, length, size, broken=False))

    for index in sorted(range(clips), key=lambda i: (made[i].path.suffix != ".mp4", -i))[:broken]:
        with made[index].path.open("r+b") as file:
            file.truncate(made[index].path.stat().st_size // 2)
        made[index] = replace(made[index], broken=True)
    return made


def paths(label: str, frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return where a clip's shapes are: (frames, 2, shapes), angle and depth in turns, 0 to 1."""
    start = rng.random((2, _SHAPES))
    turns = rng.uniform(0.3, 0.6) * np.arange(frames) / FPS
    moved = np.stack(MOTIONS[label](turns, rng.random()), axis=1)
    return np.asarray((start + moved[:, :, None]) % 1.0)


@dataclass(frozen=True)
class ShapeStyle:
    """How a clip looks, whatever moves in it.

    Attributes:
        background: (height, width, 3) uint8 RGB.
        outlines: one (corners, 2) array for each shape, of radius about 1.
        colors: (shapes, 3) RGB, 0 to 255.
        scales: (shapes,) radius of each shape over its distance from the centre.
        tilts: (shapes,) its own angle, in turns.
    """

    background: NDArray[np.uint8]
    outlines: list[NDArray[np.float64]]
    colors: NDArray[np.float64]
    scales: NDArray[np.float64]
    tilts: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, size: tuple[int, int]) -> ShapeStyle:
        """Draw a look at random, for pictures of `size` (width, height)."""
        hue = rng.random()
        hues = hue + 0.5 + rng.normal(0, 0.13, _SHAPES)
        return cls(
            background=_background(rng, size, hue),
            outlines=[_OUTLINES[kind] for kind in rng.integers(len(_OUTLINES), size=_SHAPES)],
            colors=np.stack([_rgb(h, 0.75, v) for h, v in zip(hues, rng.uniform(0.75, 1, _SHAPES), strict=True)]),
            scales=rng.uniform(0.16, 0.3, _SHAPES),
            tilts=rng.random(_SHAPES),
        )

    def frame(self, angles: NDArray[np.float64], depths: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Draw the picture, (height, width, 3) uint8 RGB, of shapes at these (shapes,) angles and depths in turns."""
        picture: NDArray[np.uint8] = self.background.copy()
        height, width = picture.shape[:2]
        center = np.array([width, height]) / 2
        radii = 0.75 * np.hypot(width, height) * _DEPTH ** (depths - 1)  # the near end lies out of sight
        for index in np.argsort(depths):  # near shapes cover far ones
            heading = 2 * np.pi * angles[index]
            middle = center + radii[index] * np.array([np.cos(heading), np.sin(heading)])
            outline = self.outlines[index] @ _rotation(heading + 2 * np.pi * self.tilts[index])
            reach = radii[index] * self.scales[index]
            haze = min(1.0, 3 * depths[index])  # far shapes fade into the background
            behind = self.background[height // 2, width // 2]
            for part, shade in ((1.0, 0.62), (0.8, 1.0)):  # a rim, and the shape in it
                color = haze * shade * self.colors[index] + (1 - haze) * behind
                corners = np.rint((middle + part * reach * outline) * 16).astype(np.int32)
                cv2.fillPoly(picture, [corners], color.tolist(), cv2.LINE_AA, shift=4)
        return picture


def write_video(path: Path, pictures: Iterable[NDArray[np.uint8]], encoder: str, options: dict[str, str]) -> None:
    """Encode (height, width, 3) uint8 RGB pictures of even size at `FPS`, as 4:2:0, without a trace of the time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # An index at the front (faststart) makes a file that was cut short openable, and its loss countable.
    container_options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if path.suffix == ".mp4" else {})
    with av.open(str(path), "w", options=container_options) as container:
        stream: av.VideoStream | None = None
        for picture in pictures:
            if stream is None:
                stream = container.add_stream(encoder, rate=FPS, options=options)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.thread_count = 1
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        if stream is not None:
            container.mux(stream.encode(None))


def _rotation(angle: float) -> NDArray[np.float64]:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def _polygon(corners: int, inner: float = 1.0) -> NDArray[np.float64]:
    """Return corners on the unit circle; with `inner`, every other one on a smaller circle: a star."""
    turns = np.arange(corners) / corners * 2 * np.pi
    radii = np.where(np.arange(corners) % 2, inner, 1.0)
    return np.stack([radii * np.cos(turns), radii * np.sin(turns)], axis=1)


_OUTLINES = (_polygon(40), _polygon(3), _polygon(4), _polygon(6), _polygon(10, 0.45), _polygon(8, 0.4))


def _rgb(hue: float, saturation: float, value: float) -> NDArray[np.float64]:
    """Return the color of a hue in turns, as RGB from 0 to 255 (the HSV hexcone, by its sextants)."""
    sextants = (np.array([5.0, 3.0, 1.0]) + 6 * hue) % 6
    return np.asarray(255 * value * (1 - saturation * np.clip(np.minimum(sextants, 4 - sextants), 0, 1)))


def _background(rng: np.random.Generator, size: tuple[int, int], hue: float) -> NDArray[np.uint8]:
    """Draw a dark slanting gradient between two neighbouring hues, brighter towards the centre."""
    width, height = size
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    slant = 2 * np.pi * rng.random()
    mix = ((x * np.cos(slant) + y * np.sin(slant)) / 2.9 + 0.5)[..., None]
    first, second = _rgb(hue, 0.6, 0.32), _rgb(hue + rng.uniform(0.08, 0.2), 0.55, 0.16)
    glow = 1 + 0.5 * np.exp(-2 * (x**2 + y**2))[..., None]
    return np.asarray(np.rint(glow * (mix * first + (1 - mix) * second)), np.uint8)
