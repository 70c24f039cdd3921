"""Tables as pieces of a page: cells of text, wrapped, in columns as wide as they need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gui.export.blocks import LEADING, Block, Run, run_width, wrapped, written
from gui.inspector.styles import Style
from gui.picture.shapes import Box, Label, Scene, Shape

HEAD: Final = Style(11, "quiet", bold=True)
BETWEEN: Final = 14.0
"""Room between two columns."""
ROOM: Final = 3.0
"""Room above and below a row."""

Cell = Sequence[Run]


def table_block(head: Sequence[str], rows: Sequence[Sequence[Cell]], width: float) -> Block:
    """A table; a page may end between its rows, at least two from its head and its end."""
    cells = [[[(title, HEAD)] for title in head], *rows]
    widths = columns([[_natural(row[column]) for row in cells] for column in range(len(head))], width)
    shapes: list[Shape] = []
    labels: list[Label] = []
    breaks: list[float] = []
    y = 0.0
    for number, row in enumerate(cells):
        if number > 1:
            breaks.append(y)
        x = high = 0.0
        for cell, wide in zip(row, widths, strict=True):
            top = y + ROOM
            for line in wrapped(cell, wide) if cell else []:
                tall = LEADING * max((style.size for _, style in line), default=12)
                more, words = written(line, x, top + tall / 2)
                shapes += more
                labels += words
                top += tall
            x, high = x + wide + BETWEEN, max(high, top + ROOM - y)
        y += high
        shapes.append(Box(0, y, width, 0.6, "line" if number else "edge", radius=0))
        y += 0.6
    return Block(Scene(tuple(shapes), tuple(labels)), width, y + 4, tuple(breaks[1:-1]))


def _natural(cell: Cell) -> float:
    return sum(run_width(text, style) for text, style in cell) + 1


def columns(naturals: Sequence[Sequence[float]], width: float) -> list[float]:
    """Widths of columns whose cells would be so wide: narrow ones get what they need, the others share the rest."""
    wanted = [max(column) for column in naturals]
    left = width - BETWEEN * (len(wanted) - 1)
    widths = [0.0] * len(wanted)
    narrow = sorted(range(len(wanted)), key=lambda column: wanted[column])
    for place, column in enumerate(narrow):
        widths[column] = min(wanted[column], left / (len(narrow) - place))
        left -= widths[column]
    return widths
