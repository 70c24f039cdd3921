"""Where a small panel goes beside something in a window, so that it hides as little as possible."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gui.picture.shapes import Rect

STEP = 8
"""Pixels between two places that are tried."""
NEAR = 0.25
"""How bad it is to be a pixel further off, in rows of the panel that hide something."""

Size = tuple[float, float]
Place = tuple[int, int]


def inside(place: tuple[float, float], size: Size, room: Size, margin: float) -> Place:
    """The nearest place from which a panel lies wholly in the window; where it is too large, from the beginning on."""
    furthest = (max(margin, whole - part - margin) for whole, part in zip(room, size, strict=True))
    x, y = (round(min(max(at, margin), most)) for at, most in zip(place, furthest, strict=True))
    return x, y


def beside(thing: Rect, size: Size, room: Size, others: Sequence[Rect], margin: float) -> Place:
    """A place near to a thing from which a panel hides as little as it can of what else there is.

    Args:
        thing: what the panel belongs to, in pixels of the window; it may lie outside, and may be hidden.
        size, room: of the panel and of the window.
        others: what should stay in sight.
        margin: pixels between the panel and the edge of the window, and beside the thing.
    """
    width, height = size
    (left, top), (right, bottom) = inside((0, 0), size, room, margin), inside(room, size, room, margin)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(left, right + 1, STEP), np.arange(top, bottom + 1, STEP)))
    x, y = np.append(x, right), np.append(y, bottom)
    hidden = np.zeros(len(x))
    for other in others:
        shared = np.clip(np.minimum(x + width, other[2]) - np.maximum(x, other[0]), 0, None)
        hidden += shared * np.clip(np.minimum(y + height, other[3]) - np.maximum(y, other[1]), 0, None)
    away_x = np.clip(np.maximum(x - thing[2], thing[0] - x - width), 0, None)
    away_y = np.clip(np.maximum(y - thing[3], thing[1] - y - height), 0, None)
    moved = np.hypot(x + width / 2 - (thing[0] + thing[2]) / 2, y - thing[3] - margin)
    best = int(np.argmin(hidden + NEAR * width * (np.hypot(away_x, away_y) + 0.1 * moved)))
    return int(x[best]), int(y[best])
