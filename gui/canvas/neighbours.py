"""Which box lies beside a box, for the keys that go there."""

from __future__ import annotations

import numpy as np


def beside(rects: np.ndarray, start: int, dx: int, dy: int) -> list[int]:
    """The rows of ``rects`` (left, top, right, bottom) that lie in a direction of one of them, nearest first.

    A box counts as far in that direction as its middle is; what is off to the side counts twice, and more than 45°
    off not at all.
    """
    middles = (rects[:, :2] + rects[:, 2:]) / 2
    away = middles - middles[start]
    along = away @ (dx, dy)
    across = np.abs(away @ (dy, dx))
    # Cards are wide: one above, shifted by less than its width, is above all the same.
    sides = (rects[:, 2:] - rects[:, :2]) @ (abs(dy), abs(dx))
    across = np.maximum(0.0, across - sides / 2)
    cost = np.where((along > 1.0) & (across <= along), along + 2 * across, np.inf)
    order = np.argsort(cost, kind="stable")
    return [int(row) for row in order if np.isfinite(cost[row])]
