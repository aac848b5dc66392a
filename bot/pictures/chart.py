"""A chart of bars: the figures of two or more areas, or the ages of one, group by group.

Every bar has its value beside it in words, so nobody has to read an axis; a bar that has no value
says why. Names stand in a legend once, with the colour of their bars.
"""

from __future__ import annotations

from typing import Any

from matplotlib.patches import FancyBboxPatch

from bot.pictures import canvas
from bot.pictures.canvas import BLUE, GREEN, INK, MARGIN, ORANGE, PURPLE, SOFT, TRACK, WIDTH, write
from bot.pictures.specs import Chart, Group

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
BAR, GAP, BETWEEN = 34, 9, 20
"""Pixels: a bar, the space under it, the space between groups."""
MOST_NAMES, MOST_GROUPS = len(COLOURS), 9


def draw(chart: Chart) -> bytes:
    """The chart as a PNG of 800 pixels and as high as its bars need."""
    names = chart.names[:MOST_NAMES]
    groups = chart.groups[:MOST_GROUPS]
    title = canvas.lines(chart.title, canvas.TITLE, WIDTH - 2 * MARGIN, bold=True)
    foot = canvas.lines(chart.footnote, canvas.SMALL, WIDTH - 2 * MARGIN, most=5)
    legend = _legend(names) if len(names) > 1 else []
    head = MARGIN + len(title) * canvas.line_height(canvas.TITLE) + 14
    head += len(legend) * (canvas.line_height(canvas.TEXT) + 4) + (16 if legend else 0)
    block = canvas.line_height(canvas.TEXT) + 6 + len(names) * (BAR + GAP) + BETWEEN
    body = len(groups) * block
    tail = len(foot) * canvas.line_height(canvas.SMALL) + MARGIN
    height = int(head + body + tail)
    figure, axes = canvas.paper(height)
    y: float = MARGIN
    for line in title:
        write(axes, MARGIN, y, line, canvas.TITLE, bold=True)
        y += canvas.line_height(canvas.TITLE)
    y += 14
    for row in legend:
        for x, colour, name in row:
            _bar(axes, x, y + 5, 24, 24, colour)
            write(axes, x + 36, y, name, canvas.TEXT)
        y += canvas.line_height(canvas.TEXT) + 4
    y += 16 if legend else 0
    room = _room(groups)
    top = max((v for g in groups for v in g.values if v is not None), default=0.0)
    for number, group in enumerate(groups):
        most = top if chart.shared else max((v for v in group.values if v is not None), default=0)
        colours: tuple[str, ...] = COLOURS
        if len(names) == 1 and chart.marked is not None:
            colours = (ORANGE,) if number == chart.marked else (BLUE,)
        _group(axes, y, group, most, room, colours, bold=number == chart.marked)
        y += block
    for line in foot:
        write(axes, MARGIN, y, line, canvas.SMALL, SOFT)
        y += canvas.line_height(canvas.SMALL)
    return canvas.png(figure)


def _room(groups: tuple[Group, ...]) -> float:
    """Pixels for the bars: what the longest words beside them leave."""
    beside = [w for g in groups for v, w in zip(g.values, g.words) if v is not None]
    widest = max((canvas.width(words, canvas.TEXT, bold=True) for words in beside), default=0.0)
    return max(180.0, WIDTH - 2 * MARGIN - widest - 16)


def _group(
    axes: Any,
    y: float,
    group: Group,
    most: float,
    room: float,
    colours: tuple[str, ...],
    bold: bool,
) -> None:
    heading = canvas.lines(group.heading, canvas.TEXT, WIDTH - 2 * MARGIN, most=1)
    write(axes, MARGIN, y, heading[0], canvas.TEXT, INK, bold=bold)
    y += canvas.line_height(canvas.TEXT) + 6
    for value, words, colour in zip(group.values, group.words, colours):
        if value is None:
            write(axes, MARGIN, y + 2, words, canvas.TEXT, SOFT, style="italic")
        else:
            long = room * (value / most) if most > 0 else 0.0
            _bar(axes, MARGIN, y, room, BAR, TRACK)
            _bar(axes, MARGIN, y, max(long, 5.0), BAR, colour)
            write(axes, MARGIN + room + 14, y + 2, words, canvas.TEXT, bold=True)
        y += BAR + GAP


def _bar(axes: Any, x: float, y: float, wide: float, high: float, colour: str) -> None:
    corner = min(5.0, wide / 2)
    axes.add_patch(
        FancyBboxPatch(
            (x + corner, y + corner),
            wide - 2 * corner,
            high - 2 * corner,
            boxstyle=f"round,pad={corner}",
            linewidth=0,
            facecolor=colour,
        )
    )


def _legend(names: tuple[str, ...]) -> list[list[tuple[float, str, str]]]:
    """Rows of (x, colour, name), filled from the left."""
    rows: list[list[tuple[float, str, str]]] = [[]]
    x: float = MARGIN
    for name, colour in zip(names, COLOURS):
        short = canvas.lines(name, canvas.TEXT, WIDTH - 2 * MARGIN - 36, most=1)[0]
        wide = 36 + canvas.width(short, canvas.TEXT) + 34
        if rows[-1] and x + wide - 34 > WIDTH - MARGIN:
            rows.append([])
            x = MARGIN
        rows[-1].append((x, colour, short))
        x += wide
    return rows
