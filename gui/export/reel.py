"""Pictures that differ in little, one after the other: painted where they differ, nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.transforms import Bbox

from gui.export.page import Layer, extents, pieces
from gui.picture import paint
from gui.picture.scene import Box, Boxes, Curve, Curves, Label, Scene, Shape
from gui.picture.shapes import inside, sample
from gui.theme import Palette

Area = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""

SAME: Final = 0
"""A pixel that is as it was: no colour, transparent."""
PAD: Final = 7.0
"""Units by which what is drawn may stand out of a shape's extents: heads of arrows, weight of lines."""
EDGE: Final = 2.0
"""Pixels by which: edges are moved to those of pixels."""
WIDER: Final = 0.12
"""Share by which a text may be wider than it measures, as bold letters are."""
TILE: Final = 64
"""Side in pixels of the squares that are painted anew where something in them has changed."""


@dataclass(frozen=True, slots=True)
class Patch:
    """What a picture has that the one before it had not.

    Attributes:
        left, top: its corner in pixels.
        pixels: rows × columns of uint32, a red, green, blue and opaque byte each, or SAME.
    """

    left: int
    top: int
    pixels: np.ndarray


class Reel:
    """Paints one picture after the other on the same ground.

    Args:
        size: width and height in pixels.
        check: called now and then, to stop by raising.

    Attributes:
        pixels: the picture as it stands, rows × columns of uint32.
    """

    def __init__(self, size: tuple[int, int], palette: Palette, check: Callable[[], None] = lambda: None) -> None:
        self._renderer = _Clipped(*size, paint.DPI)
        self._painter = paint.Painter(self._renderer, size[1], palette)
        self.pixels: np.ndarray = np.asarray(self._renderer.buffer_rgba()).view(np.uint32)[:, :, 0]
        self._check = check
        self._rects: dict[Hashable, np.ndarray] = {}

    def patches(self, pictures: Iterable[Iterable[Layer]]) -> Iterator[list[Patch]]:
        """What is new in each picture; at least a pixel, though it be as it was."""
        height, width = self.pixels.shape
        areas: Sequence[Area] = [(0, 0, width, height)]
        for layers in pictures:
            before, self._rects = self._rects, {}
            placed = [self._place(layer, before) for layer in layers]
            if before:
                new = [rects for key, rects in self._rects.items() if key not in before]
                old = [rects for key, rects in before.items() if key not in self._rects]
                areas = self._areas([*new, *old])
            yield self._painted(placed, areas)

    def _place(self, layer: Layer, before: Mapping[Hashable, np.ndarray]) -> _Placed:
        """The things of a layer and where they are."""
        things = (*layer.scene.shapes, *layer.scene.labels)
        whole = np.zeros((len(things), 4))
        for thing, rect in zip(things, whole, strict=True):
            every = []
            for part in _parts(thing):
                key = (layer.scale, layer.origin, part)
                rects = before.get(key)
                self._rects[key] = rects = _covered(part, layer) if rects is None else rects
                every.append(rects)
            if every:
                rects = np.concatenate(every) if len(every) > 1 else every[0]
                rect[:2], rect[2:] = rects[:, :2].min(axis=0), rects[:, 2:].max(axis=0)
        return _Placed(layer, things, whole)

    def _areas(self, changed: Sequence[np.ndarray]) -> list[Area]:
        """Areas that do not meet and hold all that has changed."""
        height, width = self.pixels.shape
        tiles = np.zeros((-(-height // TILE), -(-width // TILE)), bool)
        for left, top, right, bottom in (rect for rects in changed for rect in np.floor(rects / TILE).astype(int)):
            tiles[max(0, top) : max(0, bottom + 1), max(0, left) : max(0, right + 1)] = True
        areas: list[Area] = []
        growing: dict[tuple[int, int], int] = {}  # from where to where in the row above → since which row
        for row, tiled in enumerate([*tiles, np.zeros(tiles.shape[1], bool)]):
            edges = np.flatnonzero(np.diff(tiled, prepend=False, append=False)).tolist()
            runs = list(zip(edges[::2], edges[1::2], strict=True))
            for (left, right), top in growing.items():
                if (left, right) not in runs:
                    areas.append((left * TILE, top * TILE, min(width, right * TILE), min(height, row * TILE)))
            growing = {run: growing.get(run, row) for run in runs}
        return areas

    def _painted(self, layers: Sequence[_Placed], areas: Sequence[Area]) -> list[Patch]:
        """Paints the areas anew and tells what is other than it was."""
        found: list[Patch] = []
        for area in areas:
            left, top, right, bottom = area
            now = self.pixels[top:bottom, left:right]
            was = now.copy()
            self._paint(layers, area)
            other = now != was
            rows, columns = np.flatnonzero(other.any(axis=1)), np.flatnonzero(other.any(axis=0))
            if len(rows):
                inner = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                found.append(Patch(left + int(columns[0]), top + int(rows[0]), np.where(other, now, SAME)[inner]))
        return found or [Patch(0, 0, self.pixels[:1, :1].copy())]

    def _paint(self, layers: Sequence[_Placed], area: Area) -> None:
        """Paints what the layers show in an area over what is there."""
        self._renderer.clip = area
        self._painter.background(self._renderer.width)
        for placed in layers:
            self._painter.look(placed.layer.scale, placed.layer.origin)
            for piece in pieces(placed.within(area)):
                self._check()
                self._painter.paint(piece)


class _Clipped(RendererAgg):
    """Draws nothing outside of an area; a smaller renderer would draw lines that leave it otherwise."""

    clip: Area = (0, 0, 0, 0)

    def new_gc(self) -> GraphicsContextBase:
        gc = super().new_gc()
        left, top, right, bottom = self.clip
        gc.set_clip_rectangle(Bbox.from_extents(left, self.height - bottom, right, self.height - top))
        return gc


@dataclass(frozen=True, slots=True)
class _Placed:
    """The things of a layer, and for each the left, top, right and bottom of what it covers, in pixels."""

    layer: Layer
    things: tuple[Shape | Label, ...]
    rects: np.ndarray

    def within(self, area: Area) -> Scene:
        there = [self.things[number] for number in np.flatnonzero(inside(self.rects, area))]
        labels = tuple(thing for thing in there if isinstance(thing, Label))
        return Scene(tuple(thing for thing in there if not isinstance(thing, Label)), labels)


def _parts(thing: Shape | Label) -> Iterable[Shape | Label]:
    """What changes one by one; of things that are drawn as one each for itself, so that it can be looked up."""
    match thing:
        case Curves(points=points, begins=begins, line=line, weight=weight):
            for piece in np.split(points, np.flatnonzero(begins)[1:]):
                yield Curve(tuple(map(tuple, piece.tolist())), line, weight)
        case Boxes(rects=rects, fill=fill):
            for left, top, right, bottom in rects.tolist():
                yield Box(left, top, right - left, bottom - top, fill)
        case _:
            yield thing


def _covered(thing: Shape | Label, layer: Layer) -> np.ndarray:
    """Rows of left, top, right, bottom in pixels that hold a thing, generously; of a line several."""
    match thing:
        case Label():
            rects = np.array(list(extents(Scene((), (thing,)))))
            wider = WIDER * (rects[:, 2] - rects[:, 0]) + thing.size
            rects[:, 0] -= wider
            rects[:, 2] += wider
        case Curve(points=route):
            along = sample(route)
            rects = np.hstack([np.minimum(along[:-1], along[1:]), np.maximum(along[:-1], along[1:])])
        case _:
            rects = np.array(list(extents(Scene((thing,)))))
    x, y = layer.origin
    found: np.ndarray = (rects - (x, y, x, y)) * layer.scale
    found[:, :2] -= PAD * layer.scale + EDGE
    found[:, 2:] += PAD * layer.scale + EDGE
    return found


def bounds(patches: Sequence[Patch]) -> Area:
    """What holds them all."""
    return (
        min(patch.left for patch in patches),
        min(patch.top for patch in patches),
        max(patch.left + patch.pixels.shape[1] for patch in patches),
        max(patch.top + patch.pixels.shape[0] for patch in patches),
    )
