"""What the layout's modules share: points, the finished layout, and the watch that can stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Point = tuple[float, float]
Size = tuple[float, float]
Link = tuple[int, int]
Direction = Literal["right", "down"]


@dataclass(frozen=True)
class Layout:
    """Where everything stands.

    Attributes:
        corners: top left corner of every card.
        routes: per edge, a chain of cubic Bézier points (3n + 1), from the source's right side to the target's left;
            from bottom to top where the direction is down.
        size: width and height of the whole.
        level: y at which the longest path runs; x where the direction is down.
        origin: top left corner of the whole: (0, 0), or elsewhere where cards kept their earlier places.
    """

    corners: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    size: Size
    level: float = 0.0
    origin: Point = (0.0, 0.0)


class Cancelled(Exception):
    """The layout was told to stop."""


class Watch:
    """Asks whether to go on, and tells how far it is.

    One part of the graph after the other is laid out; each takes its share of the whole, from ``done`` on.
    """

    def __init__(self, cancelled: Callable[[], bool] | None, progress: Callable[[float], None] | None) -> None:
        self._cancelled = cancelled
        self._progress = progress
        self.done = 0.0
        self.share = 1.0

    def __call__(self, part: float) -> None:
        """``part``: how much of the current share is done, 0 to 1.

        Raises:
            Cancelled: when it is to stop.
        """
        if self._cancelled is not None and self._cancelled():
            raise Cancelled
        if self._progress is not None:
            self._progress(min(1.0, self.done + self.share * part))
