"""A tensor → a small picture of its elements: cold below zero, warm above, hatched where it is NaN."""

from __future__ import annotations

from functools import lru_cache
from math import log, prod
from typing import Final

import numpy as np

from core.arrays import elements
from core.records import TensorSnapshot
from gui.figures import extent
from gui.theme import MAPS, Palette

LARGEST = 24
"""Rows and columns at most; larger tensors are shown by their first ones."""
REACH: Final = 127
"""Levels below zero, and above it; zero itself is level 127."""
NAN: Final = 255
"""The level of NaN."""

_NAN = ((255, 255, 255), (201, 42, 42))


def pixels(snapshot: TensorSnapshot) -> tuple[int, int, bytes] | None:
    """Rows, columns and the level of every element; None where the elements are not known."""
    data = elements(snapshot)
    if data is None or not data.size or np.iscomplexobj(data):
        return None
    rows, columns = _sides(snapshot.shape, data.size)
    with np.errstate(invalid="ignore"):  # memory that was never written may hold signalling NaN
        grid = data[: rows * columns].reshape(rows, columns)[:LARGEST, :LARGEST].astype(float)
    reach = extent(snapshot).size or float(np.abs(grid[np.isfinite(grid)]).max(initial=0.0)) or 1.0
    return (*grid.shape, levels(grid, reach).tobytes())


def levels(grid: np.ndarray, reach: float) -> np.ndarray:
    """Bytes: 0 for ``-reach`` and below, 254 for ``reach`` and above, ``NAN``."""
    share = np.clip(np.nan_to_num(grid, nan=0.0, posinf=reach, neginf=-reach) / reach, -1, 1)
    found: np.ndarray = (np.rint(share * REACH) + REACH).astype(np.uint8)
    found[np.isnan(grid)] = NAN
    return found


def coloured(found: np.ndarray, palette: Palette, stripe: int = 1) -> np.ndarray:
    """RGBA of every level in a palette's map; NaN in stripes, so many elements wide."""
    colour: np.ndarray = _table(tuple(palette[f"map{place}"] for place in range(len(MAPS["coolwarm"]))))[found]
    rows, columns = np.nonzero(found == NAN)
    colour[rows, columns, :3] = np.array(_NAN, np.uint8)[(rows + columns) // stripe % 2]
    return colour


def colours(grid: np.ndarray, reach: float, stripe: int = 1, *, palette: Palette) -> np.ndarray:
    """RGBA of every element, from ``-reach``, the coldest, to ``reach``, the warmest; see ``coloured``."""
    return coloured(levels(grid, reach), palette, stripe)


@lru_cache(maxsize=4)
def _table(shades: tuple[str, ...]) -> np.ndarray:
    """RGBA of every level."""
    known = np.array([tuple(bytes.fromhex(shade[1:])) for shade in shades], float)
    places = np.linspace(0, len(shades) - 1, 2 * REACH + 1)
    table = np.full((NAN + 1, 4), 255, np.uint8)
    for channel in range(3):
        table[:NAN, channel] = np.interp(places, range(len(shades)), known[:, channel]).round()
    return table


def _sides(shape: tuple[int, ...], known: int) -> tuple[int, int]:
    """Rows and columns: of several dimensions the first ones are rows and the others columns, so as to be squarest."""
    widths = [prod(shape[place:]) for place in range(len(shape) - 1, 0, -1)]
    sides = [(known // width, width) for width in widths if width <= known] or [(1, known)]
    return min(sides, key=lambda side: abs(log(min(side[0], LARGEST) / min(side[1], LARGEST))))
