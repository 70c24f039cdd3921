"""Draws a scene on any matplotlib renderer: the screen's pixels, PNG, SVG, PDF."""

from __future__ import annotations

import logging
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from gui import fonts
from gui.picture.scene import Box, Boxes, Curve, Curves, Label, Raster, Scene
from gui.picture.shapes import MATH, Formula, formula_size, head_length
from gui.picture.thumbnail import coloured
from gui.theme import Palette

DPI = 72.0
"""One point is one pixel at this resolution, so that every size below is both."""

# Text as wide in pixels as in SVG and PDF, and as gui.fonts says: hinting would round the width of each letter.
matplotlib.rcParams["text.hinting"] = "no_hinting"

# The letters of formulas say that they were made in 1904, of which a reader need not hear.
logging.getLogger("fontTools.ttLib.tables._h_e_a_d").setLevel(logging.ERROR)

LEGIBLE = 4.5
"""Pixels of a text's size below which it is left out."""

_ROUND = 0.5522847498
"""Control points of a quarter circle."""

_OUTLINED = 100.0
"""Size of the letters whose outlines are kept."""

_COARSE = 512
"""Pixels to which a raster is enlarged in pictures of lines, because many programs smooth what they enlarge."""

Rgba = tuple[float, float, float, float]


@lru_cache(maxsize=256)
def _rgba(colour: str) -> Rgba:
    red, green, blue, alpha = to_rgba(colour)
    return (red, green, blue, alpha)


class Painter:
    """One renderer with a view: ``scale`` pixels for each unit, the point ``origin`` in the top left corner.

    Attributes:
        pixels: whether the renderer's picture is one of pixels, not of lines.
        texts: (text, mono, bold) of all that was written.
    """

    def __init__(
        self,
        renderer: RendererBase,
        height: float,
        palette: Palette,
        *,
        scale: float = 1.0,
        origin: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.renderer = renderer
        self.height = height
        self.palette = palette
        self.pixels = isinstance(renderer, RendererAgg)
        self.texts: set[tuple[str, bool, bool]] = set()
        self.look(scale, origin)

    def look(self, scale: float, origin: tuple[float, float]) -> None:
        """Changes the view for what is painted next."""
        self.scale = scale
        self.origin = origin
        self.transform = Affine2D().translate(-origin[0], -origin[1]).scale(scale, -scale).translate(0, self.height)

    def background(self, width: float, colour: str = "canvas") -> None:
        corners = [(0, 0), (width, 0), (width, self.height), (0, self.height), (0, 0)]
        self._fill(Path(corners, closed=True), Affine2D(), colour)

    def paint(self, scene: Scene, *, text: bool = True) -> None:
        """Shapes from back to front, then the texts; pictures of lines can be enlarged and keep theirs."""
        for shape in scene.shapes:
            match shape:
                case Box():
                    self._box(shape)
                case Curve():
                    self._curve(shape)
                case Curves():
                    self._curves(shape)
                case Boxes():
                    self._boxes(shape)
                case Raster():
                    self._raster(shape)
                case Formula():
                    self._formula(shape)
        for label in scene.labels if text else ():
            if label.size * self.scale >= LEGIBLE or not self.pixels:
                self._label(label)

    def _pen(self, colour: str, weight: float, dashed: bool = False) -> GraphicsContextBase:
        gc = self.renderer.new_gc()
        if colour:
            gc.set_foreground(_rgba(self.palette[colour]), isRGBA=True)
        gc.set_linewidth(max(0.6, weight * self.scale) if colour else 0)
        gc.set_capstyle("butt" if dashed else "round")
        gc.set_joinstyle("round")
        if dashed:
            gc.set_dashes(0, [max(3.5, 5 * self.scale), max(2.5, 4 * self.scale)])
        gc.set_snap(False)
        return gc

    def _fill(self, path: Path, transform: Affine2D, colour: str) -> None:
        gc = self._pen("", 0)
        self.renderer.draw_path(gc, path, transform, _rgba(self.palette[colour]))
        gc.restore()

    def _box(self, box: Box) -> None:
        gc = self._pen(box.line, box.weight, box.dashed)
        left, top, right, bottom = self._place(box.x, box.y, box.x + box.width, box.y + box.height)
        if self.pixels:
            # Straight lines are sharp where their edges are edges of pixels.
            shift = round(gc.get_linewidth()) % 2 / 2
            left, top, right, bottom = (floor(edge - shift + 0.5) + shift for edge in (left, top, right, bottom))
        path = _round_box(right - left, bottom - top, box.radius * self.scale, box.square)
        transform = Affine2D().scale(1, -1).translate(left, self.height - top)
        self.renderer.draw_path(gc, path, transform, self._face(box.fill))
        gc.restore()

    def _face(self, fill: str) -> Rgba | None:
        """The colour within an outline; with none at all, Agg would clip it at the edge as if its curves were lines."""
        return _rgba(self.palette[fill]) if fill else (0.0, 0.0, 0.0, 0.001) if self.pixels else None

    def _place(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        """A rectangle of the scene in pixels, from the top left corner."""
        (x, y), k = self.origin, self.scale
        return ((left - x) * k, (top - y) * k, (right - x) * k, (bottom - y) * k)

    def _boxes(self, boxes: Boxes) -> None:
        if not len(boxes.rects):
            return
        left, top, right, bottom = boxes.rects.T
        corners = np.stack([left, top, right, top, right, bottom, left, bottom, left, top], axis=1).reshape(-1, 2)
        codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(left))
        self._fill(Path(corners, codes), self.transform, boxes.fill)

    def _curve(self, curve: Curve) -> None:
        points, head = _with_head(curve)
        gc = self._pen(curve.line, curve.weight, curve.dashed)
        right = down = 0.0
        shift = round(gc.get_linewidth()) % 2 / 2
        # A level or upright line is sharp like the edges of boxes.
        if self.pixels and len({y for _, y in points}) == 1:
            y = self.height - (points[0][1] - self.origin[1]) * self.scale
            down = floor(y - shift + 0.5) + shift - y
        elif self.pixels and len({x for x, _ in points}) == 1:
            x = (points[0][0] - self.origin[0]) * self.scale
            right = floor(x - shift + 0.5) + shift - x
        transform = self.transform.frozen().translate(right, down) if right or down else self.transform
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(points) - 1)
        self.renderer.draw_path(gc, Path(points, codes), transform, None)
        gc.restore()
        if head:
            gc = self._pen(curve.line, 1.0)
            self.renderer.draw_path(gc, Path([*head, head[0]], closed=True), transform, _rgba(self.palette[curve.line]))
            gc.restore()

    def _curves(self, curves: Curves) -> None:
        codes = np.where(curves.begins, Path.MOVETO, Path.CURVE4)
        gc = self._pen(curves.line, curves.weight)
        self.renderer.draw_path(gc, Path(curves.points, codes), self.transform, None)
        gc.restore()

    def _raster(self, raster: Raster) -> None:
        if not raster.rows or not raster.columns:
            return
        levels = np.frombuffer(raster.levels, np.uint8).reshape(raster.rows, raster.columns)
        elements = coloured(levels, self.palette)
        place = self._place(raster.x, raster.y, raster.x + raster.width, raster.y + raster.height)
        gc = self.renderer.new_gc()
        if self.pixels:
            left, top, right, bottom = (float(round(edge)) for edge in place)
            rows, columns = _nearest(raster.rows, bottom - top), _nearest(raster.columns, right - left)
            if rows.size and columns.size:
                picture = np.ascontiguousarray(elements[rows[::-1]][:, columns])
                self.renderer.draw_image(gc, left, self.height - bottom, picture)
        else:
            left, top, right, bottom = place
            times = ceil(_COARSE / max(raster.rows, raster.columns))
            picture = elements[::-1].repeat(times, 0).repeat(times, 1)
            size = Affine2D().scale(right - left, bottom - top)
            self.renderer.draw_image(gc, left, self.height - bottom, picture, size)
        gc.restore()

    def _formula(self, formula: Formula) -> None:
        """Letters of an embedded font in a PDF, elsewhere their outlines: no reader lacks the font then."""
        from matplotlib.backends.backend_pdf import RendererPdf  # the window need not wait for it

        if self.pixels and formula.size * self.scale < LEGIBLE:
            return
        _, height, depth = formula_size(formula.text, formula.size)
        x = (formula.x - self.origin[0]) * self.scale
        y = self.height - (formula.y + height / 2 - depth - self.origin[1]) * self.scale
        if isinstance(self.renderer, RendererPdf):
            gc = self._pen(formula.colour, 1)
            font = _math_font(formula.size * self.scale)
            self.renderer.draw_text(gc, x, y, f"${formula.text}$", font, 0, True)
            gc.restore()
        else:
            outline = _outline(formula.text)
            size = formula.size * self.scale / _OUTLINED
            self._fill(outline, Affine2D().scale(size).translate(x, y), formula.colour)

    def _label(self, label: Label) -> None:
        size = label.size * self.scale
        font = _font(label.mono, label.bold, size)
        text = _readable(label.text)
        self.texts.add((text, label.mono, label.bold))
        x = (label.x - self.origin[0]) * self.scale
        if label.anchor != "w":  # half of a large picture's time goes into measuring texts
            width, _, _ = self.renderer.get_text_width_height_descent(text, font, False)
            x -= width if label.anchor == "e" else width / 2
        # Centred on the height of capitals; line boxes of fallback fonts differ too much to centre on.
        down = (label.y - self.origin[1]) * self.scale + 0.36 * size
        gc = self._pen(label.colour, 1)
        # ismath=False: a pair of dollar signs in a program's text is no mathematics.
        y = down if self.renderer.flipy() else self.height - down
        self.renderer.draw_text(gc, x, y, text, font, 0, False)
        gc.restore()


def screen(width: int, height: int, palette: Palette, *, transparent: bool = False) -> RendererAgg:
    """An empty picture of pixels."""
    renderer = RendererAgg(width, height, DPI)
    if not transparent:
        Painter(renderer, height, palette).background(width)
    return renderer


def pixels(renderer: RendererAgg) -> Any:
    """What was drawn as a Pillow image, without copying."""
    from PIL import Image

    buffer = np.asarray(renderer.buffer_rgba())
    return Image.frombuffer("RGBA", (buffer.shape[1], buffer.shape[0]), buffer, "raw", "RGBA", 0, 1)


@lru_cache(maxsize=256)
def _font(mono: bool, bold: bool, size: float) -> FontProperties:
    return FontProperties(family=fonts.families(mono), weight="bold" if bold else "normal", size=size)


@lru_cache(maxsize=64)
def _math_font(size: float) -> FontProperties:
    return FontProperties(size=size, math_fontfamily=MATH)


@lru_cache(maxsize=512)
def _outline(formula: str) -> Path:
    """The letters of a formula as lines, its baseline at 0 and y upwards."""
    return TextPath((0, 0), f"${formula}$", prop=_math_font(_OUTLINED))


@lru_cache(maxsize=4096)
def _readable(text: str) -> str:
    """The text, with a sign in place of what no font has and of what has no shape: never an empty box."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char.isprintable() and fonts.covers(char) else "\N{REPLACEMENT CHARACTER}" for char in text)


def _nearest(elements: int, pixels: float) -> np.ndarray:
    """For each pixel of a side, the element it shows."""
    return ((np.arange(pixels) + 0.5) * elements / max(pixels, 1)).astype(int)


@lru_cache(maxsize=4096)
def _round_box(width: float, height: float, radius: float, square: str) -> Path:
    """A rounded rectangle, its top left corner at 0, 0 and y downwards."""
    r = min(radius, width / 2, height / 2)
    if r <= 0:
        return Path([(0, 0), (width, 0), (width, height), (0, height), (0, 0)], closed=True)
    k = r * (1 - _ROUND)
    if square == "top":
        vertices = [(0.0, 0.0), (width, 0.0)]
        codes = [Path.MOVETO, Path.LINETO]
    else:
        vertices = [(0, r), (0, k), (k, 0), (r, 0), (width - r, 0)]
        vertices += [(width - k, 0), (width, k), (width, r)]
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    vertices += [(width, height - r), (width, height - k), (width - k, height), (width - r, height), (r, height)]
    vertices += [(k, height), (0, height - k), (0, height - r), vertices[0]]
    codes += [Path.LINETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return Path(vertices, codes)


Points = tuple[tuple[float, float], ...]


@lru_cache(maxsize=4096)
def _with_head(curve: Curve) -> tuple[Points, Points]:
    """The curve as far as its arrow head, and the head's corners."""
    points = tuple((float(x), float(y)) for x, y in curve.points)
    if not curve.arrow:
        return points, ()
    if curve.arrow == "end":
        points = points[::-1]
    long, half = head_length(curve.weight), 2.4 + 1.1 * curve.weight
    end, near = points[:2]
    dx, dy = near[0] - end[0], near[1] - end[1]
    away = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / away, dy / away
    tip = (end[0] + dx * curve.gap, end[1] + dy * curve.gap)
    base = (tip[0] + dx * long, tip[1] + dy * long)
    head = (tip, (base[0] - dy * half, base[1] + dx * half), (base[0] + dy * half, base[1] - dx * half))
    points = (base, *_without_start(points[:4], long + curve.gap)[1:], *points[4:])
    return (points[::-1] if curve.arrow == "end" else points), head


def _without_start(piece: Points, length: float) -> Points:
    """A cubic curve from where it is so far from its start; what is left has the same course."""
    (x0, y0), low, high = piece[0], 0.0, 1.0
    rest = piece
    for _ in range(12):
        t = (low + high) / 2
        level: Points = piece
        rest = piece[3:]
        while len(level) > 1:
            level = tuple((a + (c - a) * t, b + (d - b) * t) for (a, b), (c, d) in pairwise(level))
            rest = (level[-1], *rest)
        x, y = rest[0]
        low, high = (low, t) if (x - x0) ** 2 + (y - y0) ** 2 > length**2 else (t, high)
    return rest
