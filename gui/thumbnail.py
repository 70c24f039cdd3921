"""A tensor → a small picture of its elements: blue below zero, red above, hatched where it is NaN."""

from __future__ import annotations

from math import log, prod

import numpy as np

from core.arrays import elements
from core.records import TensorSnapshot
from gui.figures import extent

LARGEST = 24
"""Rows and columns at most; larger tensors are shown by their first ones."""

_COOLWARM = (
    (59, 76, 192), (98, 130, 234), (141, 176, 254), (184, 208, 249), (221, 221, 221),
    (245, 196, 173), (244, 154, 123), (222, 96, 77), (180, 4, 38),
)  # fmt: skip
"""Nine colours of matplotlib's coolwarm."""
_NAN = ((255, 255, 255), (201, 42, 42))


def pixels(snapshot: TensorSnapshot) -> tuple[int, int, bytes] | None:
    """Rows, columns and RGBA; None where the elements are not known. Zero is always the same grey."""
    data = elements(snapshot)
    if data is None or not data.size or np.iscomplexobj(data):
        return None
    rows, columns = _sides(snapshot.shape, data.size)
    with np.errstate(invalid="ignore"):  # memory that was never written may hold signalling NaN
        grid = data[: rows * columns].reshape(rows, columns)[:LARGEST, :LARGEST].astype(float)
    reach = extent(snapshot).size or float(np.abs(grid[np.isfinite(grid)]).max(initial=0.0)) or 1.0
    rgba = colours(grid, reach)
    return (*grid.shape, rgba.tobytes())


def colours(grid: np.ndarray, reach: float, stripe: int = 1) -> np.ndarray:
    """RGBA of every element, from ``-reach``, the bluest, to ``reach``, the reddest; NaN in stripes.

    Args:
        stripe: how many elements wide a stripe is.
    """
    share = np.clip(np.nan_to_num(grid, nan=0.0, posinf=reach, neginf=-reach) / reach, -1, 1)
    place = (share + 1) / 2 * (len(_COOLWARM) - 1)
    table = np.array(_COOLWARM, dtype=float)
    low = np.minimum(place.astype(int), len(_COOLWARM) - 2)
    colour = table[low] + (table[low + 1] - table[low]) * (place - low)[..., None]
    odd = np.add.outer(np.arange(grid.shape[0]), np.arange(grid.shape[1])) // stripe % 2
    colour[np.isnan(grid)] = np.array(_NAN)[odd[np.isnan(grid)]]
    return np.dstack([colour.round(), np.full(grid.shape, 255.0)]).astype(np.uint8)


def _sides(shape: tuple[int, ...], known: int) -> tuple[int, int]:
    """Rows and columns: of several dimensions the first ones are rows and the others columns, so as to be squarest."""
    widths = [prod(shape[place:]) for place in range(len(shape) - 1, 0, -1)]
    sides = [(known // width, width) for width in widths if width <= known] or [(1, known)]
    return min(sides, key=lambda side: abs(log(min(side[0], LARGEST) / min(side[1], LARGEST))))
