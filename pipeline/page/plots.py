"""Drawing plots by matplotlib as SVG whose ink is the page's, so that they are read on light and dark ground."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from cycler import cycler
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clipmill.pipeline.page.blocks import Plot

#: Stands for the page's ink while a plot is drawn; no other colour here is the same.
_INK = "#010203"
#: Of one luminance, at least 3.5:1 against the page's light and dark grounds.
COLORS = ("#3b7dd8", "#c4661f", "#2d8a57", "#9a5fc6", "#7d8085")
#: Points of a line; of a longer one evenly spaced ones are drawn.
_POINTS = 2000

Curve = npt.NDArray[Any]


def stacked_histogram(name: str, caption: str, alt: str, groups: Mapping[str, Curve], across: str) -> Plot:
    """Draw how often values come, the groups on top of each other; values that differ much on a logarithmic axis."""
    every = np.concatenate(list(groups.values()))
    low, high = float(every.min()), float(every.max())
    wide = low > 0 and high > 50 * low
    if wide:
        bins = np.geomspace(low, high * 1.0001, 41)
    else:
        bins = np.linspace(low, high + (high == low), min(41, max(2, int(high - low) + 2) if high - low > 1 else 41))

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.hist(list(groups.values()), bins=bins.tolist(), stacked=True, label=list(groups), rasterized=False)
        if wide:
            axes.set_xscale("log")
        axes.set_xlabel(across)
        axes.set_ylabel("clips")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        if len(groups) > 1:
            axes.legend()

    return _plot(name, caption, alt, (8, 3), draw)


def steps(name: str, caption: str, alt: str, curves: Mapping[str, Curve], cuts: Mapping[str, Curve]) -> Plot:
    """Draw a value over places in an order, a panel for each curve, with lines where files begin."""

    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
        for panel, (title, values), color in zip(panels, curves.items(), COLORS * len(curves), strict=False):
            places = np.unique(np.linspace(0, len(values) - 1, min(_POINTS, len(values))).astype(int))
            panel.step(places, values[places], where="post", color=color)
            if len(cuts[title]) <= 100:
                panel.vlines(cuts[title], 0, 1, transform=panel.get_xaxis_transform(), color=_INK, alpha=0.25, lw=0.8)
            panel.set_title(title)
            panel.set_xlabel("clips in the order of the shards")
        panels[0].set_ylabel("frames")

    return _plot(name, caption, alt, (8, 3), draw)


def stacked_bars(name: str, caption: str, alt: str, names: Sequence[str], groups: Mapping[str, Sequence[int]]) -> Plot:
    """Draw a bar for each name, its parts on top of each other; many names are not written."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        base = np.zeros(len(names))
        for group, counts in groups.items():
            axes.bar(range(len(names)), counts, 0.8 if len(names) <= 60 else 1.0, bottom=base, label=group)
            base += np.asarray(counts)
        if len(names) <= 40:
            short = [name if len(name) <= 24 else f"{name[:22]}.." for name in names]
            axes.set_xticks(range(len(names)), short, rotation=60, ha="right", rotation_mode="anchor")
        else:
            axes.set_xlabel("classes, the largest first")
        axes.set_ylabel("clips")
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside right upper")  # beside the bars, which may fill the axes

    return _plot(name, caption, alt, (8, 3.6), draw)


def lines(
    name: str, caption: str, alt: str, curves: Mapping[str, Sequence[float]], steps: Sequence[int], up: str
) -> Plot:
    """Draw shares, in percent, over a few steps."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for label, values in curves.items():
            axes.plot(range(len(steps)), 100 * np.asarray(values), marker="o", label=label)
        axes.set_xticks(range(len(steps)), [str(step) for step in steps])
        axes.set_xlabel("clips of a batch")
        axes.set_ylabel(up)
        axes.set_ylim(bottom=0)
        axes.legend()

    return _plot(name, caption, alt, (8, 3), draw)


def scatters(name: str, caption: str, alt: str, columns: Mapping[str, Mapping[str, Curve]]) -> Plot:
    """Draw values over the order in which they come: a column for each order, a row for each kind of value."""
    rows = list(next(iter(columns.values())))

    def draw(figure: Figure) -> None:
        panels = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True, sharey="row")
        for across, (title, values) in enumerate(columns.items()):
            panels[0][across].set_title(title, fontsize=9)
            panels[-1][across].set_xlabel("order")
            for down, row in enumerate(rows):
                # As pixels: ten thousand points in SVG would be a megabyte.
                size = 3 if len(values[row]) < 2000 else 0.5
                place = np.arange(len(values[row]))
                for axis in (panels[down][across].xaxis, panels[down][across].yaxis):
                    axis.set_major_locator(MaxNLocator(4, integer=True))
                panels[down][across].scatter(place, values[row], s=size, color=COLORS[0], rasterized=True, linewidths=0)
        for down, row in enumerate(rows):
            panels[down][0].set_ylabel(row)

    return _plot(name, caption, alt, (9.5, 2 * len(rows)), draw)


def _plot(name: str, caption: str, alt: str, size: tuple[float, float], draw: Any) -> Plot:
    """Draw a figure of some inches as SVG.

    Args:
        name: of the plot, unique in the page: the ids in the SVG begin with it.
    """
    colours = dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "axes.titlecolor"), _INK
    )
    looks: Any = {
        **colours,
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": "sans-serif",
        # Names of classes may have a $ in them.
        "text.parse_math": False,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=COLORS),
        "legend.frameon": False,
    }
    with matplotlib.rc_context(looks):
        figure = Figure(figsize=size, layout="constrained", facecolor="none")
        draw(figure)
        out = io.StringIO()
        # Without what would change from run to run, or name a page on the web.
        figure.savefig(out, format="svg", dpi=130, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = out.getvalue()
    return Plot(caption, alt, _in_a_page(text[text.index("<svg") :].replace(_INK, "currentColor"), name))


def _in_a_page(svg: str, name: str) -> str:
    """Return an SVG with the ids alone that it refers to itself, unlike those of other plots of the page."""
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    svg = re.sub(r' id="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", svg)
    return re.sub(r'(url\(|href=")#', rf"\1#{name}-", svg)
