"""Matrices as images: a colour for each entry, however many entries share a pixel."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from PIL import Image

from gui.picture import thumbnail
from gui.picture.thumbnail import coloured, colours
from gui.theme import Palette

STRIPE: Final = 3
"""Pixels of the stripes that mark NaN."""

Stretch = tuple[float, float]
"""From one row or column to another, the last excluded."""


def image(
    entries: np.ndarray,
    width: int,
    height: int,
    rows: Stretch,
    columns: Stretch,
    palette: Palette,
    reach: float | None = None,
) -> Image.Image:
    """The entries that are seen; where several share a pixel, the one of largest magnitude, so that none is lost.

    Args:
        reach: magnitude of the deepest colours; None for the largest finite entry's.
    """
    return Image.fromarray(coloured(levels(entries, width, height, rows, columns, reach), palette, STRIPE))


def levels(
    entries: np.ndarray, width: int, height: int, rows: Stretch, columns: Stretch, reach: float | None = None
) -> np.ndarray:
    """The same as levels of ``gui.picture.thumbnail``, a byte for each pixel."""
    if reach is None:
        reach = float(np.abs(entries[np.isfinite(entries)]).max(initial=0.0))
    entries = entries if entries.dtype.kind == "f" else entries.astype(float)
    grid = _sampled(_sampled(entries, height, rows).T, width, columns).T
    return thumbnail.levels(grid.astype(float), reach or 1.0)


def scale(width: int, height: int, least: float, most: float, palette: Palette) -> Image.Image:
    """The colours from the least to the greatest entry."""
    row = np.linspace(least, most, width)[None]
    return Image.fromarray(colours(row.repeat(height, 0), max(abs(least), abs(most)) or 1.0, palette=palette))


def entry_at(
    entries: np.ndarray, x: int, y: int, width: int, height: int, rows: Stretch, columns: Stretch
) -> tuple[int, int]:
    """Row and column of the entry whose colour a pixel of the image has."""
    (top, bottom), (left, right) = _shared(y, height, rows), _shared(x, width, columns)
    shared = np.abs(entries[top:bottom, left:right].astype(float))
    row, column = np.unravel_index(shared.argmax(), shared.shape)  # the first NaN, where there is one
    return top + int(row), left + int(column)


def _shared(pixel: int, pixels: int, seen: Stretch) -> tuple[int, int]:
    """The rows that share a pixel."""
    edges = np.linspace(*seen, pixels + 1)
    first = int(edges[pixel])
    return first, max(first + 1, int(edges[pixel + 1]))


def _sampled(entries: np.ndarray, pixels: int, seen: Stretch) -> np.ndarray:
    """As many rows as there are pixels, of the rows from ``seen[0]`` to ``seen[1]``."""
    edges = np.linspace(*seen, pixels + 1)
    starts: np.ndarray = np.minimum(edges[:-1].astype(int), len(entries) - 1)
    if seen[1] - seen[0] <= pixels:
        return np.asarray(entries[starts])
    end = max(starts[-1] + 1, min(len(entries), math.ceil(seen[1])))
    high: np.ndarray = np.maximum.reduceat(entries[:end], starts, axis=0)
    low = np.minimum.reduceat(entries[:end], starts, axis=0)
    return np.asarray(np.where(high >= -low, high, low))  # NaN, where there is one, is in both
