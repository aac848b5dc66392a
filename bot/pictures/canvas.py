"""The paper that pictures are drawn on: size, colours and type, made for a phone.

A phone shows a picture of 800 pixels at less than half that width, so no letter is smaller than
15 points. Colours are those of Okabe and Ito, which people with any kind of colour vision can tell
apart (https://jfly.uni-koeln.de/color/). Object-oriented matplotlib only: `pyplot` keeps a state
of its own and is not made for a server.
"""

from __future__ import annotations

import io
import textwrap
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

WIDTH = 800
DPI = 100
MARGIN = 40
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
INK, SOFT, TRACK, PAPER = "#1f2933", "#52606d", "#eef1f4", "#ffffff"
TITLE, TEXT, SMALL = 25, 19, 15
"""Sizes in points; at 100 dots an inch a point is 1.39 pixels."""
PIXELS_PER_POINT = DPI / 72


def paper(height: int) -> tuple[Figure, Any]:
    """A figure of 800 pixels by `height` and axes in pixels, the origin at the top left."""
    figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    axes.axis("off")
    return figure, axes


def png(figure: Figure) -> bytes:
    """The finished picture. No metadata: the same picture is the same file."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI, facecolor=PAPER, metadata={"Software": None})
    return out.getvalue()


def width(text: str, size: float, bold: bool = False) -> float:
    """How many pixels a text takes."""
    if not text:
        return 0.0
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal")
    path = TextPath((0, 0), plain(text), size=size * PIXELS_PER_POINT, prop=font)
    return float(path.get_extents().x1)


def plain(text: str) -> str:
    """A text whose dollar signs stay dollar signs: matplotlib reads them as formulas."""
    return text.replace("$", r"\$")


def lines(text: str, size: float, room: float, bold: bool = False, most: int = 3) -> list[str]:
    """The text in lines that fit into `room` pixels; the last is cut when there are too many."""
    letters = max(8, int(room / (size * PIXELS_PER_POINT * (0.62 if bold else 0.56))))
    found: list[str] = []
    for paragraph in text.splitlines() or [""]:
        found += textwrap.wrap(paragraph, letters) or [""]
    fitting = []
    for line in found:
        while width(line, size, bold) > room and len(line) > 4:
            line = line[:-2].rstrip() + "…"
        fitting.append(line)
    if len(fitting) > most:
        fitting = [*fitting[: most - 1], fitting[most - 1].rstrip(".,;") + " …"]
    return fitting


def line_height(size: float) -> float:
    return size * PIXELS_PER_POINT * 1.32


def write(
    axes: Any,
    x: float,
    y: float,
    text: str,
    size: float = TEXT,
    color: str = INK,
    bold: bool = False,
    align: str = "left",
    **more: Any,
) -> Any:
    """Words with the top of their line at `y`."""
    return axes.text(
        x,
        y + size * PIXELS_PER_POINT,
        plain(text),
        fontsize=size,
        color=color,
        family="DejaVu Sans",
        weight="bold" if bold else "normal",
        ha=align,
        va="baseline",
        **more,
    )
