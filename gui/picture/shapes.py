"""What a picture is made of: boxes, curves, small rasters and texts, in the picture's own units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from core.layout import Point
from gui.fonts import text_width as text_width

Rect = tuple[float, float, float, float]
"""left, top, right, bottom."""

TITLE, BODY, SMALL = 14.0, 13.0, 11.0
"""Sizes of text."""

MATH = "cm"
"""The letters of formulas, as matplotlib calls them."""
_MEASURED = 1000.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rounded rectangle; colours are names of the theme, '' is none. ``square`` corners: '' or 'top'."""

    x: float
    y: float
    width: float
    height: float
    fill: str = ""
    line: str = ""
    weight: float = 1.0
    radius: float = 9.0
    dashed: bool = False
    square: str = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A chain of cubic Bézier curves, with an arrow head at its 'end' or 'start', or none, ``gap`` before the point."""

    points: tuple[Point, ...]
    line: str
    weight: float = 1.5
    dashed: bool = False
    arrow: str = ""
    gap: float = 0.0


@dataclass(frozen=True, slots=True)
class Curves:
    """Many curves of one colour, without heads: rows of x, y, and for each row whether another curve begins there."""

    points: np.ndarray
    begins: np.ndarray
    line: str
    weight: float = 1.5


@dataclass(frozen=True, slots=True)
class Boxes:
    """Many plain rectangles of one colour: rows of left, top, right, bottom."""

    rects: np.ndarray
    fill: str


@dataclass(frozen=True, slots=True)
class Raster:
    """A small picture filling a rectangle, its elements sharp squares: ``levels`` is rows × columns bytes, see
    ``gui.picture.thumbnail``."""

    x: float
    y: float
    width: float
    height: float
    rows: int
    columns: int
    levels: bytes


@dataclass(frozen=True, slots=True)
class Label:
    """One line of text, centred on y; anchor 'w', 'e' or 'c' says what x is."""

    x: float
    y: float
    text: str
    colour: str
    size: float = BODY
    anchor: str = "w"
    bold: bool = False
    mono: bool = True


@dataclass(frozen=True, slots=True)
class Formula:
    """Mathtext without its dollar signs, from x on to the right and with its middle on y; see ``formula_size``."""

    x: float
    y: float
    text: str
    colour: str
    size: float = 16.0


Shape = Box | Curve | Curves | Boxes | Raster | Formula


@dataclass(frozen=True, slots=True)
class Scene:
    """Shapes from back to front, and the texts above them."""

    shapes: tuple[Shape, ...] = ()
    labels: tuple[Label, ...] = ()


@dataclass
class Sheet:
    """A scene while it is being drawn."""

    shapes: list[Shape] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def box(self, rect: Rect, fill: str = "", line: str = "", weight: float = 1.0, **more: float | bool | str) -> None:
        """A rounded rectangle; see ``Box``."""
        left, top, right, bottom = rect
        self.shapes.append(Box(left, top, right - left, bottom - top, fill, line, weight, **more))  # type: ignore[arg-type]

    def text(self, x: float, y: float, text: str, colour: str, size: float = BODY, **more: str | bool) -> None:
        """A line of text; see ``Label``."""
        if text:
            self.labels.append(Label(x, y, text, colour, size, **more))  # type: ignore[arg-type]

    def raster(self, x: float, y: float, width: float, height: float, rows: int, columns: int, levels: bytes) -> None:
        self.shapes.append(Raster(x, y, width, height, rows, columns, levels))

    def scene(self) -> Scene:
        return Scene(tuple(self.shapes), tuple(self.labels))


def overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def label_rect(label: Label) -> Rect:
    """What a text takes up."""
    width = text_width(label.text, label.size, label.mono)
    left = label.x - width * {"w": 0.0, "c": 0.5, "e": 1.0}[label.anchor]
    return (left, label.y - label.size * 0.7, left + width, label.y + label.size * 0.7)


def formula_rect(formula: Formula) -> Rect:
    """What a formula takes up."""
    width, height, _ = formula_size(formula.text, formula.size)
    return (formula.x, formula.y - height / 2, formula.x + width, formula.y + height / 2)


@lru_cache(maxsize=4096)
def formula_size(text: str, size: float) -> tuple[float, float, float]:
    """Width and height of a formula, and how much of the height is below its baseline; known without a renderer.

    Raises:
        ValueError: it is not mathtext.
    """
    from matplotlib.font_manager import FontProperties  # the window need not wait for it
    from matplotlib.mathtext import MathTextParser

    # Large, since matplotlib rounds up to whole points.
    font = FontProperties(size=_MEASURED, math_fontfamily=MATH)
    width, height, depth, *_ = MathTextParser("path").parse(f"${text}$", 72, font)
    return width * size / _MEASURED, height * size / _MEASURED, depth * size / _MEASURED


def touches(shape: Shape, view: Rect) -> bool:
    """Whether any part of a shape is in a view; of a curve, roughly."""
    match shape:
        case Boxes(rects=rects):
            return bool(inside(rects, view).any())
        case Curves(points=points):
            return bool(inside(np.hstack([points, points]), view).any())
        case Curve(points=route):
            along = sample(route)
            return bool(inside(np.hstack([along, along]), view).any())
        case Box(x=x, y=y, width=width, height=height) | Raster(x=x, y=y, width=width, height=height):
            return overlap((x, y, x + width, y + height), view)
        case Formula():
            return overlap(formula_rect(shape), view)


def inside(rects: np.ndarray, view: Rect) -> np.ndarray:
    """Which rows of left, top, right, bottom touch a view."""
    result: np.ndarray = (
        (rects[:, 2] >= view[0]) & (rects[:, 0] <= view[2]) & (rects[:, 3] >= view[1]) & (rects[:, 1] <= view[3])
    )
    return result


def bounds(route: tuple[Point, ...]) -> Rect:
    xs, ys = [x for x, _ in route], [y for _, y in route]
    return (min(xs), min(ys), max(xs), max(ys))


@lru_cache(maxsize=4096)  # 3 KB each
def sample(route: tuple[Point, ...]) -> np.ndarray:
    """Points along a route."""
    points = np.array(route, dtype=float)
    t = np.linspace(0, 1, 25)[:, None]
    parts = []
    for place in range(0, len(points) - 3, 3):
        a, b, c, d = points[place : place + 4]
        parts.append(a * (1 - t) ** 3 + 3 * b * t * (1 - t) ** 2 + 3 * c * t**2 * (1 - t) + d * t**3)
    return np.vstack(parts)


@lru_cache(maxsize=4096)
def _lengths(route: tuple[Point, ...]) -> np.ndarray:
    """How far along a route each of its points is."""
    pieces = np.hypot(*np.diff(sample(route), axis=0).T)
    return np.concatenate([[0.0], np.cumsum(pieces)])


def places_along(route: tuple[Point, ...], shares: Sequence[float], ends: tuple[float, float]) -> list[Point]:
    """Points of a route at shares of its length, without so much of it at both ends."""
    points, lengths = sample(route), _lengths(route)
    ways = ends[0] + np.array(shares) * max(lengths[-1] - ends[0] - ends[1], 0.0)
    xs, ys = (np.interp(ways, lengths, points[:, axis]).tolist() for axis in (0, 1))
    return list(zip(xs, ys, strict=True))


def head_length(weight: float) -> float:
    """Length of the arrow head of a line."""
    return 6.0 + 1.6 * weight


def polyline(points: np.ndarray) -> tuple[Point, ...]:
    """Straight pieces between points, as a chain of cubic curves."""
    chain: list[Point] = [(float(points[0][0]), float(points[0][1]))]
    for x, y in points[1:]:
        (x0, y0), (x1, y1) = chain[-1], (float(x), float(y))
        chain += [(x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3), (x0 + (x1 - x0) * 2 / 3, y0 + (y1 - y0) * 2 / 3), (x1, y1)]
    return tuple(chain)
