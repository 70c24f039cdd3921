"""Draws a scene on any matplotlib renderer: the screen's pixels, PNG, SVG, PDF."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from gui.scene import READABLE, Box, Boxes, Curve, Label, Scene
from gui.theme import CHINESE, MONO, SANS, Palette

DPI = 72.0
"""One point is one pixel at this resolution, so that every size below is both."""

_ROUND = 0.5522847498
"""Control points of a quarter circle."""

Rgba = tuple[float, float, float, float]


@lru_cache(maxsize=256)
def _rgba(colour: str) -> Rgba:
    red, green, blue, alpha = to_rgba(colour)
    return (red, green, blue, alpha)


class Painter:
    """One renderer with a view: ``scale`` pixels for each unit, the point ``origin`` in the top left corner."""

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
        self.scale = scale
        self.origin = origin
        self.transform = Affine2D().translate(-origin[0], -origin[1]).scale(scale, -scale).translate(0, height)

    def background(self, width: float, colour: str = "canvas") -> None:
        gc = self._pen("", 0)
        corners = [(0, 0), (width, 0), (width, self.height), (0, self.height), (0, 0)]
        self.renderer.draw_path(gc, Path(corners, closed=True), Affine2D(), _rgba(self.palette[colour]))

    def paint(self, scene: Scene, *, text: bool = True) -> None:
        """Shapes from back to front, then the texts."""
        for shape in scene.shapes:
            if isinstance(shape, Box):
                self._box(shape)
            elif isinstance(shape, Curve):
                self._curve(shape)
            else:
                self._boxes(shape)
        if text and self.scale >= READABLE:
            for label in scene.labels:
                self._label(label)

    def _pen(self, colour: str, weight: float, dashed: bool = False) -> GraphicsContextBase:
        gc = self.renderer.new_gc()
        if colour:
            gc.set_foreground(_rgba(self.palette[colour]), isRGBA=True)
        gc.set_linewidth(max(0.6, weight * self.scale) if colour else 0)
        gc.set_capstyle("butt" if dashed else "round")
        gc.set_joinstyle("round")
        if dashed:
            gc.set_dashes(0, [5 * self.scale, 4 * self.scale])
        gc.set_snap(False)
        return gc

    def _box(self, box: Box) -> None:
        gc = self._pen(box.line, box.weight, box.dashed)
        path = _round_box(box.x, box.y, box.width, box.height, box.radius, box.square)
        self.renderer.draw_path(gc, path, self.transform, _rgba(self.palette[box.fill]) if box.fill else None)
        gc.restore()

    def _boxes(self, boxes: Boxes) -> None:
        if not len(boxes.rects):
            return
        left, top, right, bottom = boxes.rects.T
        corners = np.stack([left, top, right, top, right, bottom, left, bottom, left, top], axis=1).reshape(-1, 2)
        codes = np.tile([Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY], len(left))
        gc = self._pen("", 0)
        self.renderer.draw_path(gc, Path(corners, codes), self.transform, _rgba(self.palette[boxes.fill]))
        gc.restore()

    def _curve(self, curve: Curve) -> None:
        points, head = _with_head(curve)
        gc = self._pen(curve.line, curve.weight, curve.dashed)
        codes = [Path.MOVETO] + [Path.CURVE4] * (len(points) - 1)
        self.renderer.draw_path(gc, Path(points, codes), self.transform, None)
        gc.restore()
        if head:
            gc = self._pen("", 0)
            path = Path([*head, head[0]], closed=True)
            self.renderer.draw_path(gc, path, self.transform, _rgba(self.palette[curve.line]))
            gc.restore()

    def _label(self, label: Label) -> None:
        size = label.size * self.scale
        font = _font(label.mono, label.bold, size)
        width, _, _ = self.renderer.get_text_width_height_descent(label.text, font, False)
        x = (label.x - self.origin[0]) * self.scale - {"w": 0.0, "e": width, "c": width / 2}[label.anchor]
        # Centred on the height of capitals; line boxes of fallback fonts differ too much to centre on.
        down = (label.y - self.origin[1]) * self.scale + 0.36 * size
        gc = self._pen(label.colour, 1)
        # ismath=False: a pair of dollar signs in a program's text is no mathematics.
        y = down if self.renderer.flipy() else self.height - down
        self.renderer.draw_text(gc, x, y, label.text, font, 0, False)
        gc.restore()


def screen(width: int, height: int, palette: Palette) -> RendererAgg:
    """An empty picture of pixels."""
    renderer = RendererAgg(width, height, DPI)
    Painter(renderer, height, palette).background(width)
    return renderer


def pixels(renderer: RendererAgg) -> Any:
    """What was drawn as a Pillow image, without copying."""
    from PIL import Image

    buffer = np.asarray(renderer.buffer_rgba())
    return Image.frombuffer("RGBA", (buffer.shape[1], buffer.shape[0]), buffer, "raw", "RGBA", 0, 1)


@cache
def _families(mono: bool) -> tuple[str, ...]:
    """Families this computer has: the one wanted, matplotlib's own, then Chinese and symbols as fallbacks."""
    available = set(font_manager.get_font_names())
    wanted = MONO if mono else SANS
    own = "DejaVu Sans Mono" if mono else "DejaVu Sans"
    first = next((family for family in wanted if family in available), own)
    chinese = [family for family in CHINESE if family in available][:1]
    return tuple(dict.fromkeys([first, own, "DejaVu Sans", *chinese]))


@lru_cache(maxsize=256)
def _font(mono: bool, bold: bool, size: float) -> FontProperties:
    return FontProperties(family=list(_families(mono)), weight="bold" if bold else "normal", size=size)


@lru_cache(maxsize=4096)
def _round_box(x: float, y: float, width: float, height: float, radius: float, square: str) -> Path:
    r = min(radius, width / 2, height / 2)
    if r <= 0:
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
        return Path(corners, closed=True)
    k = r * (1 - _ROUND)
    right, bottom = x + width, y + height
    if square == "top":
        vertices = [(x, y), (right, y)]
        codes = [Path.MOVETO, Path.LINETO]
    else:
        vertices = [(x, y + r), (x, y + k), (x + k, y), (x + r, y), (right - r, y)]
        vertices += [(right - k, y), (right, y + k), (right, y + r)]
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3]
    vertices += [(right, bottom - r), (right, bottom - k), (right - k, bottom), (right - r, bottom), (x + r, bottom)]
    vertices += [(x + k, bottom), (x, bottom - k), (x, bottom - r), vertices[0]]
    codes += [Path.LINETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    return Path(vertices, codes)


def _with_head(curve: Curve) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The curve, shortened by its arrow head, and the head's corners."""
    points = [(float(x), float(y)) for x, y in curve.points]
    if not curve.arrow:
        return points, []
    long, half = 6.0 + 1.6 * curve.weight, 2.4 + 1.1 * curve.weight
    tip = points[0] if curve.arrow == "start" else points[-1]
    near = points[1] if curve.arrow == "start" else points[-2]
    dx, dy = near[0] - tip[0], near[1] - tip[1]
    away = (dx * dx + dy * dy) ** 0.5 or 1.0
    dx, dy = dx / away, dy / away
    base = (tip[0] + dx * long, tip[1] + dy * long)
    head = [tip, (base[0] - dy * half, base[1] + dx * half), (base[0] + dy * half, base[1] - dx * half)]
    points[0 if curve.arrow == "start" else -1] = base
    return points, head
