"""A small map: an area among its neighbours, the lamp-posts that show its streets, and names.

Names are placed one by one, the important ones first; a name that would lie on another is moved a
little, and left out when there is no room. So no two labels ever overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from bot.pictures import canvas
from bot.pictures.canvas import BLUE, INK, MARGIN, ORANGE, PAPER, SMALL, SOFT, WIDTH, write
from bot.pictures.specs import Map, Mark, Ring, Shape

HIGH = 760
"""Pixels of the map itself."""
AROUND = 0.16
"""Share of the area's size that is shown around it."""
HERE, OTHER, EDGE, DOT = "#d6e8f5", "#f3f5f7", "#b6c0ca", "#8a99a8"
LABEL, STREET = 17, 15
NUDGES = ((0, 0), (0, -26), (0, 26), (-50, 0), (50, 0), (-40, -34), (40, 34), (0, -52), (0, 52))
Box = tuple[float, float, float, float]


class _Sheet:
    """From metres to pixels of the sheet, and which parts of it hold words already."""

    def __init__(self, drawn: Map, top: float) -> None:
        points = np.array([p for ring in drawn.area.rings for p in ring] or [drawn.area.at])
        marks = [m.at for m in drawn.marks if m.kind != "street"]
        points = np.vstack([points, np.array(marks)]) if marks else points
        low, high = points.min(axis=0), points.max(axis=0)
        size = np.maximum(high - low, 200.0) * (1 + 2 * AROUND)
        self.scale = min(WIDTH / size[0], HIGH / size[1])
        self.middle = (low + high) / 2
        self.top = top
        self.taken: list[Box] = []

    def pixel(self, at: tuple[int, int]) -> tuple[float, float]:
        east, north = (np.array(at) - self.middle) * self.scale
        return WIDTH / 2 + float(east), self.top + HIGH / 2 - float(north)

    def room(self, box: Box) -> bool:
        """Is the box on the map and free of words?"""
        left, up, right, down = box
        inside = left >= 6 and right <= WIDTH - 6 and up >= self.top + 6
        if not inside or down > self.top + HIGH - 6:
            return False
        return not any(
            left < other[2] and other[0] < right and up < other[3] and other[1] < down
            for other in self.taken
        )


def draw(drawn: Map) -> bytes:
    """The map as a PNG of 800 pixels."""
    title = canvas.lines(drawn.title, canvas.TITLE, WIDTH - 2 * MARGIN, bold=True)
    foot = canvas.lines(drawn.footnote, SMALL, WIDTH - 2 * MARGIN, most=5)
    head = MARGIN - 6 + len(title) * canvas.line_height(canvas.TITLE) + 12
    height = int(head + HIGH + 14 + len(foot) * canvas.line_height(SMALL) + MARGIN - 14)
    figure, axes = canvas.paper(height)
    sheet = _Sheet(drawn, head)
    frame = axes.add_patch(_box(0, head, WIDTH, HIGH, OTHER))
    for shape in drawn.neighbours:
        _area(axes, sheet, shape, "#e9edf1", EDGE, 1.5, frame, z=2)
    _area(axes, sheet, drawn.area, HERE, BLUE, 4, frame, z=3)
    _dots(axes, sheet, drawn, frame)
    _names(axes, sheet, drawn)
    y: float = MARGIN - 6
    for line in title:
        write(axes, MARGIN, y, line, canvas.TITLE, bold=True)
        y += canvas.line_height(canvas.TITLE)
    y = head + HIGH + 14
    for line in foot:
        write(axes, MARGIN, y, line, SMALL, SOFT)
        y += canvas.line_height(SMALL)
    return canvas.png(figure)


def _names(axes: Any, sheet: _Sheet, drawn: Map) -> None:
    for mark in drawn.marks:
        if mark.kind != "street":
            x, y = sheet.pixel(mark.at)
            sheet.taken.append((x - 14, y - 14, x + 14, y + 14))
            _point(axes, x, y, mark)
    for mark in drawn.marks:
        if mark.kind != "street":
            x, y = sheet.pixel(mark.at)
            _label(axes, sheet, mark.name, x, y + 32, LABEL, INK, bold=True)
    if not any(mark.kind != "street" for mark in drawn.marks):
        _label(
            axes, sheet, drawn.area.name, *sheet.pixel(drawn.area.at), LABEL + 3, BLUE, bold=True
        )
    area = _polygon(sheet, drawn.area).buffer(10)
    for shape in drawn.neighbours:
        at = _seen(sheet, shape, area)
        if at is not None:
            _label(axes, sheet, shape.name, *at, LABEL, SOFT, style="italic")
    for mark in drawn.marks:
        if mark.kind == "street":
            _label(axes, sheet, mark.name, *sheet.pixel(mark.at), STREET, INK)


def _label(
    axes: Any,
    sheet: _Sheet,
    name: str,
    x: float,
    y: float,
    size: float,
    colour: str,
    bold: bool = False,
    **more: Any,
) -> None:
    """Words around a point, where there is room for them; else none."""
    from matplotlib.patheffects import withStroke

    wide, high = canvas.width(name, size, bold), size * canvas.PIXELS_PER_POINT
    for dx, dy in NUDGES:
        left = min(max(x + dx - wide / 2, 8), WIDTH - 8 - wide)
        up = y + dy - high / 2
        box = (left - 5, up - 3, left + wide + 5, up + high + 7)
        if sheet.room(box):
            sheet.taken.append(box)
            text = write(axes, left, up, name, size, colour, bold, zorder=8, **more)
            text.set_path_effects([withStroke(linewidth=4, foreground=PAPER)])
            return


def _seen(sheet: _Sheet, shape: Shape, area: Any) -> tuple[float, float] | None:
    """A place for a neighbour's name: within what the map shows of it, beside the area."""
    frame = shapely.box(20, sheet.top + 20, WIDTH - 20, sheet.top + HIGH - 20)
    shown = _polygon(sheet, shape).intersection(frame).difference(area)
    if shown.is_empty:
        return None
    largest = max(getattr(shown, "geoms", [shown]), key=lambda part: part.area)
    if largest.area < 400:
        return None
    point = largest.representative_point()
    return float(point.x), float(point.y)


def _polygon(sheet: _Sheet, shape: Shape) -> Any:
    rings = [[sheet.pixel(p) for p in ring] for ring in shape.rings if len(ring) > 3]
    return shapely.union_all([shapely.Polygon(ring).buffer(0) for ring in rings])


def _area(
    axes: Any, sheet: _Sheet, shape: Shape, fill: str, edge: str, thick: float, frame: Any, z: int
) -> None:
    if not shape.rings:
        return
    patch = PathPatch(_path(sheet, shape.rings), facecolor=fill, edgecolor=edge, linewidth=thick)
    patch.set_zorder(z)
    axes.add_patch(patch)
    patch.set_clip_path(frame)


def _path(sheet: _Sheet, rings: tuple[Ring, ...]) -> Path:
    corners: list[tuple[float, float]] = []
    codes: list[int] = []
    for ring in rings:
        points = [sheet.pixel(point) for point in ring]
        if len(points) < 3:
            continue
        corners += [*points, points[0]]
        codes += [Path.MOVETO, *[Path.LINETO] * (len(points) - 1), Path.CLOSEPOLY]
    return Path(corners or [(0, 0)], codes or None)


def _dots(axes: Any, sheet: _Sheet, drawn: Map, frame: Any) -> None:
    if drawn.dots:
        x, y = np.array([sheet.pixel(dot) for dot in drawn.dots]).T
        size = 9 if len(drawn.dots) < 1500 else 4
        axes.scatter(x, y, s=size, c=DOT, linewidths=0, zorder=4).set_clip_path(frame)


def _point(axes: Any, x: float, y: float, mark: Mark) -> None:
    colour = ORANGE if mark.kind == "you" else BLUE
    shape = "o" if mark.kind == "you" else "D"
    axes.plot([x], [y], shape, ms=15, mfc=colour, mec=PAPER, mew=2.5, zorder=7)


def _box(x: float, y: float, wide: float, high: float, colour: str) -> PathPatch:
    corners = [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high), (x, y)]
    return PathPatch(Path(corners), facecolor=colour, linewidth=0)
